import keras
import numpy as np
import pytest

from kzoo.layers import CondConv2D
from tests.helpers import check_layer
from tests.peers import import_timm


def random_values(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("config", "maps", "expected"),
    [
        ({"kernel_size": 3, "padding": "same", "groups": 2}, (2, 6, 5, 4), (2, 6, 5, 8)),
        ({"kernel_size": 1, "strides": 2, "use_bias": False}, (2, 6, 5, 4), (2, 3, 3, 8)),
        (
            {"kernel_size": 1, "data_format": "channels_first", "padding": 1},
            (2, 4, 6, 5),
            (2, 8, 8, 7),
        ),
    ],
    ids=["groups", "pixels", "channels first"],
)
def test_keras_contract(config, maps, expected):
    check_layer(
        CondConv2D,
        {"filters": 8, "experts": 3, **config},
        [maps, (2, 3)],
        expected_output_shape=expected,
        trainable=2 if config.get("use_bias", True) else 1,
        finite_differences=True,
    )


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize(
    ("kernel_size", "strides", "dilation_rate"), [(1, 1, 1), (1, 2, 1), (3, 2, 1), (3, 1, 2)]
)
def test_timm_gives_the_same(groups, kernel_size, strides, dilation_rate):
    import torch

    module = import_timm().layers.CondConv2d(
        4,
        8,
        kernel_size,
        stride=strides,
        dilation=dilation_rate,
        groups=groups,
        bias=True,
        num_experts=3,
    )
    maps, weights = random_values(2, 7, 6, 4), random_values(2, 3)
    with torch.no_grad():
        expected = module(torch.tensor(maps.transpose(0, 3, 1, 2)), torch.tensor(weights))
    layer = CondConv2D(
        8,
        kernel_size,
        experts=3,
        strides=strides,
        dilation_rate=dilation_rate,
        groups=groups,
        padding=dilation_rate * (kernel_size - 1) // 2,
    )
    layer.build([maps.shape, weights.shape])
    kernel = module.weight.detach().numpy().reshape(3, 8, 4 // groups, kernel_size, kernel_size)
    layer.set_weights([kernel.transpose(0, 3, 4, 2, 1), module.bias.detach().numpy()])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(layer([maps, weights])),
        expected.numpy().transpose(0, 2, 3, 1),
        atol=1e-5,
    )


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_maps_of_unknown_size(kernel_size):
    layer = CondConv2D(8, kernel_size, experts=2, padding="same")
    maps, weights = keras.Input((None, None, 4)), keras.Input((2,))
    model = keras.Model([maps, weights], layer([maps, weights]))
    inputs = [random_values(3, 6, 5, 4), random_values(3, 2)]
    np.testing.assert_allclose(model.predict(inputs, verbose=0), layer(inputs), atol=1e-6)


def test_experts_start_different_with_the_variance_of_one_kernel():
    layer = CondConv2D(256, 3, experts=4, kernel_initializer=keras.initializers.HeNormal(seed=1))
    layer.build([(None, 5, 5, 64), (None, 4)])
    kernels = keras.ops.convert_to_numpy(layer.kernel)
    np.testing.assert_allclose(kernels.std((1, 2, 3, 4)), (2 / (9 * 64)) ** 0.5, rtol=0.02)
    assert abs(np.corrcoef(kernels.reshape(4, -1)) - np.eye(4)).max() < 0.02


@pytest.mark.parametrize(
    ("config", "shapes", "message"),
    [
        ({"experts": 0}, None, "experts must be at least 1; received 0"),
        ({"groups": 3}, None, "filters must be a multiple of groups"),
        ({}, (None, 5, 5, 4), "must be called on a list of maps and the weights of its 4 experts"),
        ({}, [(None, 5, 5, 4), (None, 3)], r"\(batch, 4\); received .*\(None, 3\)"),
        ({}, [(None, 5, 5, None), (None, 4)], "a known number of channels"),
        (
            {},
            [(None, 2, 5, 4), (None, 4)],
            r"does not fit an input of \(2, 5\); use a larger input",
        ),
        (
            {"groups": 2},
            [(None, 5, 5, 3), (None, 4)],
            "input channels must be a multiple of groups",
        ),
    ],
)
def test_refused(config, shapes, message):
    with pytest.raises(ValueError, match=message):
        CondConv2D(8, 3, **{"experts": 4, **config}).build(shapes)
