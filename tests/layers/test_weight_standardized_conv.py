import numpy as np
import pytest

from kzoo.layers import WeightStandardizedConv2D
from tests.helpers import check_layer
from tests.layers.peer_weights import assert_same, copy_weights, module_output
from tests.peers import import_timm, randomise


def random_maps(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("config", "shape", "expected", "trainable"),
    [
        ({"padding": "same"}, (2, 6, 5, 4), (2, 6, 5, 8), 2),
        ({"groups": 2, "gain": 0.5, "gamma": 1.7, "strides": 2}, (2, 6, 5, 4), (2, 2, 2, 8), 3),
        (
            {"gain": 1, "use_bias": False, "data_format": "channels_first", "epsilon": 1e-3},
            (2, 4, 6, 5),
            (2, 8, 4, 3),
            2,
        ),
    ],
    ids=["standardised", "scaled, groups", "scaled, channels first"],
)
def test_keras_contract(config, shape, expected, trainable):
    check_layer(
        WeightStandardizedConv2D,
        {"filters": 8, "kernel_size": 3, **config},
        shape,
        expected_output_shape=expected,
        trainable=trainable,
        unknown_axes=(2, 3) if "data_format" in config else (1, 2),
        finite_differences=True,
    )


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize(
    ("kernel_size", "strides", "dilation_rate"), [(1, 1, 1), (3, 2, 1), (3, 1, 2), (7, 2, 1)]
)
@pytest.mark.parametrize(
    ("peer", "padding", "options"),
    [
        ("StdConv2d", None, {}),
        ("StdConv2dSame", "same", {}),
        ("ScaledStdConv2d", None, {"gain": 1.0, "gamma": 1.7}),
        ("ScaledStdConv2dSame", "same", {"gain": 1.0, "gamma": 1.7}),
    ],
)
def test_timm_gives_the_same(peer, padding, options, groups, kernel_size, strides, dilation_rate):
    from_timm = import_timm().layers
    scaled = "gain" in options
    module = randomise(
        getattr(from_timm, peer)(
            6,
            12,
            kernel_size,
            stride=strides,
            dilation=dilation_rate,
            groups=groups,
            bias=scaled,
            eps=1e-4,
            **({"gamma": options["gamma"]} if scaled else {}),
        )
    )
    layer = WeightStandardizedConv2D(
        12,
        kernel_size,
        strides=strides,
        padding=padding or dilation_rate * (kernel_size - 1) // 2,
        dilation_rate=dilation_rate,
        groups=groups,
        epsilon=1e-4,
        use_bias=scaled,
        **options,
    )
    x = random_maps(2, 12, 13, 6)
    layer.build(x.shape)
    copy_weights(module, layer)
    assert_same(layer(x), module_output(module, x))


def test_what_is_convolved_with_has_mean_0_and_variance_1():
    x = np.zeros((1, 5, 5, 4), "float32")
    kernel = np.zeros((3, 3, 4, 2), "float32")
    for pixel in np.ndindex(3, 3, 4):
        # One impulse at a time reads the kernel back.
        x[:] = 0
        x[0, 1 + pixel[0], 1 + pixel[1], pixel[2]] = 1
        if pixel == (0, 0, 0):
            layer = WeightStandardizedConv2D(2, 3, padding=((0, 0), (0, 0)), epsilon=1e-12)
            layer.build(x.shape)
            layer.kernel.assign(5 + 3 * random_maps(3, 3, 4, 2))
        kernel[pixel] = np.asarray(layer(x))[0, 1, 1]
    np.testing.assert_allclose(kernel.mean((0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(kernel.var((0, 1, 2)), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"gain": "one"}, TypeError, "gain must be a number or None; received 'one'"),
        ({"gamma": 1.7}, ValueError, "gamma goes with a gain; received gamma=1.7 and gain=None"),
        ({"epsilon": 0}, ValueError, "epsilon must be positive and finite; received 0"),
        ({"groups": 3}, ValueError, "filters must be a multiple of groups"),
    ],
)
def test_refused_arguments(config, error, message):
    with pytest.raises(error, match=message):
        WeightStandardizedConv2D(8, 3, **config)
