import keras
import numpy as np
import pytest

from kzoo.layers.squeeze_excite import SqueezeExcite
from tests.helpers import check_layer
from tests.layers.peer_weights import assert_same, copy_weights, module_output
from tests.peers import import_timm, randomise


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("config", "shape", "trainable"),
    [
        ({}, (2, 4, 5, 16), 4),
        (
            {
                "ratio": 0.5,
                "divisor": 2,
                "activation": "silu",
                "gate": "hard_sigmoid",
                "kernel_initializer": "he_normal",
                "data_format": "channels_first",
            },
            (2, 6, 4, 5),
            4,
        ),
        (
            {
                "reduced_channels": 3,
                "use_bias": False,
                "activation": "tanh",
                "sublayer_names": ("conv_reduce", "conv_expand"),
            },
            (2, 9, 6),
            2,
        ),
    ],
)
def test_keras_contract(config, shape, trainable):
    first = config.get("data_format") == "channels_first"
    check_layer(
        SqueezeExcite,
        config,
        shape,
        expected_output_shape=shape,
        trainable=trainable,
        unknown_axes=tuple(range(2, len(shape))) if first else tuple(range(1, len(shape) - 1)),
        finite_differences=True,
    )


@pytest.mark.parametrize(
    ("config", "options"),
    [
        ({}, {}),
        ({"ratio": 0.25, "divisor": 4}, {"rd_ratio": 0.25, "rd_divisor": 4}),
        ({"reduced_channels": 5, "use_bias": False}, {"rd_channels": 5, "bias": False}),
        ({"activation": "silu", "gate": "hard_sigmoid"}, {"gate_layer": "hard_sigmoid"}),
    ],
)
def test_timm_gives_the_same(config, options):
    import_timm()
    import torch
    from timm.layers import SEModule

    if config.get("activation") == "silu":
        options = {**options, "act_layer": torch.nn.SiLU}
    x = random_maps(3, 5, 6, 24) + 0.5
    module = randomise(SEModule(24, **options))
    layer = SqueezeExcite(**config)
    layer.build(x.shape)
    copy_weights(module, layer)
    assert_same(layer(x), module_output(module, x))


def test_the_squeeze_of_efficientnet_in_timm_gives_the_same():
    """Its reduced channels come from those before the expansion, and are not rounded to 8."""
    import_timm()
    import torch
    from timm.models._efficientnet_blocks import SqueezeExcite as Peer

    expanded, block_inputs = 96, 16
    x = random_maps(2, 6, 5, expanded) + 0.5
    peer = Peer(expanded, rd_ratio=0.25 * block_inputs / expanded, act_layer=torch.nn.SiLU)
    layer = SqueezeExcite(
        reduced_channels=block_inputs // 4,
        activation="silu",
        sublayer_names=("conv_reduce", "conv_expand"),
    )
    layer.build(x.shape)
    copy_weights(randomise(peer), layer)
    assert_same(layer(x), module_output(peer, x))


def test_both_data_formats_give_the_same():
    x = random_maps(2, 5, 4, 16)
    last, first = SqueezeExcite(), SqueezeExcite(data_format="channels_first")
    first.build((2, 16, 5, 4))
    last.build(x.shape)
    first.set_weights(last.get_weights())
    y = np.asarray(first(np.moveaxis(x, -1, 1)))
    np.testing.assert_allclose(np.moveaxis(y, 1, -1), np.asarray(last(x)), rtol=1e-6)


def test_zero_weights_halve_the_map():
    x = random_maps(2, 5, 4, 16)
    layer = SqueezeExcite(kernel_initializer="zeros")
    np.testing.assert_array_equal(np.asarray(layer(x)), x / 2)


def test_parameters_of_se_resnet50_are_those_of_the_paper():
    """Equation 5: the squeezes of SE-ResNet-50 have 2.5 million weights at ratio 16."""
    total = 0
    for blocks, channels in zip((3, 4, 6, 3), (256, 512, 1024, 2048)):
        layer = SqueezeExcite(1 / 16, use_bias=False)
        layer.build((None, 7, 7, channels))
        assert layer.count_params() == 2 * channels**2 // 16
        total += blocks * layer.count_params()
    assert round(total / 1e6, 1) == 2.5


def test_an_initializer_with_a_seed_gives_two_different_kernels():
    layer = SqueezeExcite(1.0, kernel_initializer=keras.initializers.GlorotUniform(seed=1))
    layer.build((None, 4, 4, 8))
    reduce, expand = (sublayer.kernel.numpy() for sublayer in layer.sublayers)
    assert reduce.shape == expand.shape
    assert np.abs(reduce - expand).max() > 0.1


def test_a_large_map_does_not_overflow_in_half_precision():
    x = np.full((1, 300, 300, 8), 4.0, "float16")  # sums to 360,000, beyond float16
    layer = SqueezeExcite(
        kernel_initializer=keras.initializers.Constant(0.01), dtype="mixed_float16"
    )
    reference = SqueezeExcite(kernel_initializer=keras.initializers.Constant(0.01))
    assert_same(layer(x), np.asarray(reference(x.astype("float32"))), tolerance=2e-3)


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"ratio": 0}, ValueError, "ratio must be positive and finite; received 0"),
        ({"ratio": float("inf")}, ValueError, "ratio must be positive and finite; received inf"),
        ({"ratio": "1/16"}, TypeError, "ratio must be a number; received '1/16'"),
        ({"reduced_channels": 0}, ValueError, "reduced_channels must be at least 1; received 0"),
        ({"divisor": 0}, ValueError, "divisor must be at least 1; received 0"),
        (
            {"sublayer_names": ("fc", "fc")},
            ValueError,
            r"sublayer_names must be two different names; received \('fc', 'fc'\)",
        ),
        ({"data_format": "last"}, ValueError, "data_format must be one of"),
    ],
)
def test_refused_arguments(config, error, message):
    with pytest.raises(error, match=message):
        SqueezeExcite(**config)


@pytest.mark.parametrize("shape", [(None, 16), (None, 4, 4, None)])
def test_refused_inputs(shape):
    with pytest.raises(ValueError, match="at least one spatial axis and a known number of channel"):
        SqueezeExcite().build(shape)


def test_other_channels_than_built_for_are_refused():
    layer = SqueezeExcite()
    layer.build((None, 4, 4, 16))
    with pytest.raises(ValueError, match="16"):
        layer(random_maps(1, 4, 4, 8))
