import numpy as np
import pytest

from kzoo.layers.efficient_channel_attention import (
    EfficientChannelAttention,
    adaptive_kernel_size,
)
from tests.helpers import check_layer
from tests.layers.peer_weights import assert_same, copy_weights, module_output
from tests.peers import import_timm, randomise


@pytest.mark.parametrize(
    ("config", "shape", "unknown_axes"),
    [
        ({}, (2, 4, 5, 6), (1, 2)),
        (
            {
                "kernel_size": 5,
                "gate": "hard_sigmoid",
                "kernel_initializer": "he_normal",
                "data_format": "channels_first",
            },
            (2, 7, 4, 5),
            (2, 3),
        ),
    ],
)
def test_keras_contract(config, shape, unknown_axes):
    check_layer(
        EfficientChannelAttention,
        config,
        shape,
        expected_output_shape=shape,
        trainable=1,
        unknown_axes=unknown_axes,
        finite_differences=True,
    )


@pytest.mark.parametrize("channels", [4, 24, 64, 256])
def test_timm_gives_the_same(channels):
    import_timm()
    from timm.layers import EcaModule

    x = np.random.default_rng(0).normal(size=(3, 5, 6, channels)).astype("float32") + 0.5
    module = randomise(EcaModule(channels))
    layer = EfficientChannelAttention()
    layer.build(x.shape)
    copy_weights(module, layer)
    assert_same(layer(x), module_output(module, x))


def test_kernel_sizes_are_those_of_the_formula():
    """(log2 C + 1) / 2 is 3.5, 4, 4.5, 5 and 6, of which 4 and 6 give the next odd number."""
    sizes = {channels: adaptive_kernel_size(channels) for channels in (64, 128, 256, 512, 2048)}
    assert sizes == {64: 3, 128: 5, 256: 5, 512: 5, 2048: 7}


def test_timm_chooses_the_same_kernel_sizes():
    import_timm()
    from timm.layers import EcaModule

    for channels in range(1, 2100, 7):
        assert adaptive_kernel_size(channels) == EcaModule(channels).conv.kernel_size[0]


def test_weights_follow_the_neighbours_only():
    x = np.random.default_rng(0).normal(size=(1, 3, 3, 12)).astype("float32")
    layer = EfficientChannelAttention(3)
    changed = x.copy()
    changed[..., 6] += 1
    moved = np.any(np.asarray(layer(changed)) != np.asarray(layer(x)), axis=(0, 1, 2))
    assert np.flatnonzero(moved).tolist() == [5, 6, 7]


@pytest.mark.parametrize(
    ("kernel_size", "error", "message"),
    [
        (4, ValueError, "kernel_size must be odd; received 4"),
        (0, ValueError, "kernel_size must be at least 1; received 0"),
        ("3", TypeError, "kernel_size must be an integer; received '3'"),
    ],
)
def test_refused_arguments(kernel_size, error, message):
    with pytest.raises(error, match=message):
        EfficientChannelAttention(kernel_size)
