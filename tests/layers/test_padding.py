"""The paddings that all convolutions take, held to padding by hand and to PyTorch's and Keras's."""

import functools

import keras
import numpy as np
import pytest

from kzoo import layers
from kzoo.layers import _args
from tests.helpers import check_layer

TABLE = [[1, 0, 1, 1], [0, 1, 1, 0], [1, 1, 0, 1]]

CONVOLUTIONS_1D = {
    "tiled": functools.partial(layers.TiledConv1D, 4),
    "locally connected": functools.partial(layers.LocallyConnected1D, 4),
    "grouped": functools.partial(layers.GroupedConv1D, 6, groups=3),
    "FFT": functools.partial(layers.FFTConv1D, 4),
}
CONVOLUTIONS_2D = {
    "tiled": functools.partial(layers.TiledConv2D, 4),
    "not tiled": functools.partial(layers.TiledConv2D, 4, tile_size=1),
    "locally connected": functools.partial(layers.LocallyConnected2D, 4),
    "table": functools.partial(layers.ConnectionTableConv2D, table=TABLE),
    "grouped": functools.partial(layers.GroupedConv2D, 6, groups=3),
    "FFT": functools.partial(layers.FFTConv2D, 4),
    "Gabor": functools.partial(layers.GaborConv2D, 4),
    "harmonic": functools.partial(layers.HarmonicMagnitudeConv2D, 4),
    "lifting": functools.partial(layers.LiftingConv2D, 4, strict=None),
}
SQUARE = ("lifting", "harmonic")


def random_maps(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def check_like_padded_by_hand(make, padding, amounts, options, x):
    """A layer with `padding` gives what it gives on the padded map with no padding of its own."""
    padded = np.pad(x, ((0, 0), *amounts, (0, 0)))
    by_hand = make(**options)
    expected = by_hand(padded)
    layer = make(**options, padding=padding)
    layer.build(x.shape)
    layer.set_weights(by_hand.get_weights())
    assert layer.compute_output_shape(x.shape) == expected.shape
    np.testing.assert_allclose(layer(x), expected, rtol=0, atol=1e-5)
    restored = type(layer).from_config(layer.get_config())
    assert restored.padding == layer.padding


@pytest.mark.parametrize("name", CONVOLUTIONS_2D)
@pytest.mark.parametrize(
    ("padding", "amounts"),
    [
        ("full", ((2, 2), (2, 2))),
        (1, ((1, 1), (1, 1))),
        (3, ((3, 3), (3, 3))),
        ((1, 2), ((1, 1), (2, 2))),
        (((0, 1), (2, 0)), ((0, 1), (2, 0))),
    ],
)
@pytest.mark.parametrize("strides", [1, 2])
def test_maps(name, padding, amounts, strides):
    if name in SQUARE and amounts[0] != amounts[1]:
        with pytest.raises(ValueError, match="padding must be the same for height and width"):
            CONVOLUTIONS_2D[name](kernel_size=3, padding=padding)
        return
    options = {"kernel_size": 3, "strides": strides, "bias_initializer": "normal"}
    x = random_maps(2, 8, 7, 3)
    check_like_padded_by_hand(CONVOLUTIONS_2D[name], padding, amounts, options, x)


@pytest.mark.parametrize("name", CONVOLUTIONS_1D)
@pytest.mark.parametrize(
    ("padding", "amounts"),
    [("full", (4, 4)), ("causal", (4, 0)), (1, (1, 1)), ((2, 1), (2, 1)), (((0, 3),), (0, 3))],
)
def test_dilated_signals(name, padding, amounts):
    options = {"kernel_size": 3, "dilation_rate": 2}
    x = random_maps(2, 9, 3)
    check_like_padded_by_hand(CONVOLUTIONS_1D[name], padding, (amounts,), options, x)


def test_causal_is_that_of_keras():
    conv = keras.layers.Conv1D(4, 3, padding="causal", dilation_rate=2, bias_initializer="normal")
    layer = layers.TiledConv1D(4, 3, tile_size=1, padding="causal", dilation_rate=2)
    x = random_maps(2, 9, 3)
    y = conv(x)
    layer.build(x.shape)
    layer.set_kernel(conv.get_weights()[0][None])
    layer.bias.assign(conv.bias)
    np.testing.assert_allclose(layer(x), y, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("padding", "strides"), [(2, 1), (1, 2), ((1, 2), (2, 3))])
def test_amounts_are_those_of_torch(padding, strides):
    functional = pytest.importorskip("torch.nn.functional")
    import torch

    x = random_maps(2, 8, 7, 3)
    layer = layers.TiledConv2D(4, (3, 5), tile_size=1, padding=padding, strides=strides)
    y = layer(x)
    kernel = torch.from_numpy(layer.get_kernel()[0, 0].transpose(3, 2, 0, 1))
    planes = torch.from_numpy(x.transpose(0, 3, 1, 2))
    expected = functional.conv2d(planes, kernel, padding=padding, stride=strides)
    np.testing.assert_allclose(
        np.asarray(y).transpose(0, 3, 1, 2), expected.numpy(), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_keras_contract(data_format):
    check_layer(
        layers.TiledConv2D,
        {"filters": 4, "kernel_size": 3, "padding": ((2, 0), (1, 1)), "data_format": data_format},
        (2, 6, 5, 3) if data_format == "channels_last" else (2, 3, 6, 5),
        expected_output_shape=(2, 6, 5, 4) if data_format == "channels_last" else (2, 4, 6, 5),
        trainable=2,
        unknown_axes=(1, 2) if data_format == "channels_last" else (2, 3),
    )


@pytest.mark.parametrize(
    ("value", "rank", "error"),
    [
        ("causal", 2, ValueError),
        ("SAME", 1, ValueError),
        ((1, 2, 3), 2, ValueError),
        ((1, 2, 3, 4), 2, ValueError),
        (((1, 2), (3, 4)), 1, ValueError),
        (((1, 2), (3, 4, 5)), 2, ValueError),
        (-1, 2, ValueError),
        (1.5, 2, TypeError),
        (None, 1, TypeError),
        (True, 2, TypeError),
        (((1, 2), "same"), 2, TypeError),
    ],
)
def test_refused(value, rank, error):
    with pytest.raises(error, match="padding must be"):
        _args.padding(value, rank)
