import math

import keras
import numpy as np
import pytest

from kzoo.layers import LocallyConnected1D, LocallyConnected2D, TiledConv1D, TiledConv2D
from tests.helpers import check_layer


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def tiled_convolution(x, kernel, strides, padding, dilation_rate):
    """Equation 9.10 of Goodfellow et al., one output position at a time."""
    (th, tw, kh, kw), filters = kernel.shape[:4], kernel.shape[5]
    span = [(k - 1) * d + 1 for k, d in zip((kh, kw), dilation_rate)]
    size = x.shape[1:3]
    if padding == "same":
        output = [-(-n // s) for n, s in zip(size, strides)]
        total = [max((o - 1) * s + e - n, 0) for o, s, e, n in zip(output, strides, span, size)]
        x = np.pad(x, ((0, 0), *((t // 2, t - t // 2) for t in total), (0, 0)))
    else:
        output = [(n - e) // s + 1 for n, e, s in zip(size, span, strides)]
    y = np.zeros((x.shape[0], *output, filters))
    for j in range(output[0]):
        for k in range(output[1]):
            top, left = j * strides[0], k * strides[1]
            window = x[
                :,
                top : top + span[0] : dilation_rate[0],
                left : left + span[1] : dilation_rate[1],
            ]
            y[:, j, k] = np.einsum("bmnl,mnli->bi", window, kernel[j % th, k % tw])
    return y


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({"tile_size": 2, "padding": "same"}, (2, 7, 8, 3), (2, 7, 8, 4)),
        (
            {
                "tile_size": (3, 2),
                "strides": (1, 2),
                "bias_mode": "tile",
                "activation": "relu",
                "bias_initializer": "ones",
                "data_format": "channels_first",
            },
            (2, 3, 8, 9),
            (2, 4, 6, 4),
        ),
        (
            {"dilation_rate": 2, "use_bias": False, "kernel_regularizer": "l2"},
            (2, 9, 8, 3),
            (2, 5, 4, 4),
        ),
    ],
)
def test_keras_contract_2d(config, shape, expected):
    check_layer(
        TiledConv2D,
        {"filters": 4, "kernel_size": 3, **config},
        shape,
        expected_output_shape=expected,
        trainable=2 if config.get("use_bias", True) else 1,
        unknown_axes=(2, 3) if config.get("data_format") else (1, 2),
        finite_differences="activation" not in config,
    )


@pytest.mark.parametrize(
    ("data_format", "shape", "expected"),
    [("channels_last", (2, 9, 3), (2, 5, 4)), ("channels_first", (2, 3, 9), (2, 4, 5))],
)
def test_keras_contract_1d(data_format, shape, expected):
    check_layer(
        TiledConv1D,
        {
            "filters": 4,
            "kernel_size": 3,
            "tile_size": 3,
            "strides": 2,
            "padding": "same",
            "data_format": data_format,
        },
        shape,
        expected_output_shape=expected,
        trainable=2,
        unknown_axes=(1,) if data_format == "channels_last" else (2,),
        finite_differences=True,
    )


def test_bias_per_output_needs_and_keeps_the_size():
    check_layer(
        TiledConv2D,
        {"filters": 4, "kernel_size": 3, "bias_mode": "output"},
        (2, 7, 6, 3),
        expected_output_shape=(2, 5, 4, 4),
        trainable=2,
    )


@pytest.mark.parametrize("tile_size", [1, 2, 3, (2, 3), (1, 4), 20])
@pytest.mark.parametrize(
    ("strides", "dilation_rate"), [((1, 1), (1, 1)), ((2, 3), (1, 1)), ((1, 1), (2, 3))]
)
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_equation_9_10(tile_size, strides, dilation_rate, padding):
    for size in [(7, 10), (8, 9)]:
        layer = TiledConv2D(
            4,
            (3, 2),
            tile_size=tile_size,
            strides=strides,
            padding=padding,
            dilation_rate=dilation_rate,
        )
        x = random_maps(2, *size, 3)
        y = np.asarray(layer(x))
        expected = tiled_convolution(x, layer.get_kernel(), strides, padding, dilation_rate)
        assert y.shape == expected.shape
        np.testing.assert_allclose(y, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("tile_size", "strides", "dilation"), [(2, 1, 1), (3, 2, 1), (2, 1, 2)])
def test_equation_9_10_in_one_dimension(padding, tile_size, strides, dilation):
    layer = TiledConv1D(
        4, 3, tile_size=tile_size, strides=strides, padding=padding, dilation_rate=dilation
    )
    x = random_maps(2, 11, 3)
    y = np.asarray(layer(x))
    kernel = layer.get_kernel()
    assert kernel.shape == (tile_size, 3, 3, 4)
    expected = tiled_convolution(
        x[:, None], kernel[None, :, None], (1, strides), padding, (1, dilation)
    )
    np.testing.assert_allclose(y, expected[:, 0], rtol=0, atol=2e-6)


@pytest.mark.parametrize("bias_mode", ["channel", "tile", "output"])
def test_bias_modes(bias_mode):
    layer = TiledConv2D(4, 3, tile_size=(2, 3), bias_mode=bias_mode, bias_initializer="normal")
    x = random_maps(2, 9, 10, 3)
    y = np.asarray(layer(x))
    bias = np.asarray(layer.bias)
    assert bias.shape == {"channel": (4,), "tile": (2, 3, 4), "output": (7, 8, 4)}[bias_mode]
    if bias_mode == "tile":
        bias = bias[np.arange(7)[:, None] % 2, np.arange(8)[None] % 3]
    expected = tiled_convolution(x, layer.get_kernel(), (1, 1), "valid", (1, 1)) + bias
    np.testing.assert_allclose(y, expected, rtol=0, atol=2e-6)


def test_tile_of_one_is_a_convolution():
    layer, conv = TiledConv2D(4, 3, tile_size=1, strides=2), keras.layers.Conv2D(4, 3, strides=2)
    x = random_maps(2, 9, 9, 3)
    layer.build(x.shape)
    conv.build(x.shape)
    layer.set_kernel(np.asarray(conv.kernel)[None, None])
    np.testing.assert_array_equal(np.asarray(layer(x)), np.asarray(conv(x)))


def test_equal_kernels_are_a_convolution():
    layer = TiledConv2D(4, 3, tile_size=3, padding="same")
    conv = keras.layers.Conv2D(4, 3, padding="same")
    x = random_maps(2, 8, 8, 3)
    layer.build(x.shape)
    conv.build(x.shape)
    layer.set_kernel(np.broadcast_to(np.asarray(conv.kernel), (3, 3, 3, 3, 3, 4)))
    np.testing.assert_allclose(np.asarray(layer(x)), np.asarray(conv(x)), rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    ("tiled", "local", "shape"),
    [
        (TiledConv1D, LocallyConnected1D, (2, 8, 3)),
        (TiledConv2D, LocallyConnected2D, (2, 8, 7, 3)),
    ],
)
def test_tile_of_the_output_size_is_locally_connected(tiled, local, shape):
    options = {"filters": 4, "kernel_size": 3, "padding": "same", "use_bias": False}
    unshared = local(**options)
    x = random_maps(*shape)
    expected = np.asarray(unshared(x))
    layer = tiled(tile_size=expected.shape[1:-1], **options)
    layer.build(shape)
    layer.set_kernel(unshared.get_kernel())
    np.testing.assert_allclose(np.asarray(layer(x)), expected, rtol=0, atol=2e-6)


def test_channels_first_is_channels_last_transposed():
    options = {"filters": 4, "kernel_size": 3, "tile_size": 2, "padding": "same"}
    last = TiledConv2D(data_format="channels_last", **options)
    first = TiledConv2D(data_format="channels_first", **options)
    x = random_maps(2, 7, 6, 3)
    expected = np.asarray(last(x))
    first.build((2, 3, 7, 6))
    first.set_weights(last.get_weights())
    y = np.asarray(first(np.moveaxis(x, -1, 1)))
    np.testing.assert_array_equal(np.moveaxis(y, 1, -1), expected)


@pytest.mark.parametrize("bias_mode", ["channel", "tile", "output"])
def test_number_of_parameters(bias_mode):
    layer = TiledConv2D(10, 5, tile_size=2, padding="same", bias_mode=bias_mode)
    layer.build((None, 8, 8, 3))
    bias = {"channel": 10, "tile": 40, "output": 640}[bias_mode]
    assert layer.count_params() == 4 * 750 + bias


@pytest.mark.parametrize(
    "initializer",
    [
        "glorot_uniform",
        keras.initializers.HeNormal(seed=3),
        keras.initializers.LecunUniform(seed=3),
        keras.initializers.VarianceScaling(2.0, mode="fan_out", seed=keras.random.SeedGenerator(1)),
        keras.initializers.RandomNormal(stddev=0.3, seed=3),
        keras.initializers.Orthogonal(seed=3),
    ],
)
def test_every_tile_starts_like_a_convolution_and_unlike_the_others(initializer):
    layer = TiledConv2D(48, 3, tile_size=2, kernel_initializer=initializer)
    conv = keras.layers.Conv2D(48, 3, kernel_initializer=initializer)
    layer.build((None, 9, 9, 32))
    conv.build((None, 9, 9, 32))
    kernels = layer.get_kernel().reshape(4, -1)
    variance = np.var(np.asarray(conv.kernel))
    np.testing.assert_allclose(kernels.var(axis=1), variance, rtol=0.1)
    correlation = np.corrcoef(kernels) - np.eye(4)
    assert np.abs(correlation).max() < 6 / math.sqrt(kernels.shape[1])


def test_initial_values_repeat_for_a_seed():
    kernels = []
    for _ in range(2):
        layer = TiledConv2D(4, 3, kernel_initializer=keras.initializers.Orthogonal(seed=3))
        layer.build((None, 9, 9, 2))
        kernels.append(layer.get_kernel())
    np.testing.assert_array_equal(*kernels)


def test_constraint_sees_tiles_first():
    constraint = keras.constraints.UnitNorm(axis=[2, 3, 4])
    layer = TiledConv2D(4, 3, kernel_constraint=constraint)
    layer.build((None, 9, 9, 2))
    kernel = np.asarray(layer.kernel.constraint(layer.kernel))
    np.testing.assert_allclose((kernel**2).sum(axis=(2, 3, 4)), 1, rtol=1e-5)


def test_kernel_round_trip():
    layer = TiledConv2D(4, (3, 2), tile_size=(2, 3))
    layer.build((None, 9, 9, 5))
    kernel = random_maps(2, 3, 3, 2, 5, 4)
    layer.set_kernel(kernel)
    np.testing.assert_array_equal(layer.get_kernel(), kernel)
    with pytest.raises(ValueError, match=r"kernel of TiledConv2D has shape \(2, 3, 3, 2, 5, 4\)"):
        layer.set_kernel(kernel[0])


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"filters": 0}, ValueError, "filters must be at least 1; received 0"),
        ({"filters": 2.5}, TypeError, "filters must be an integer; received 2.5"),
        ({"kernel_size": (3, 0)}, ValueError, "kernel_size must be at least 1; received 0"),
        ({"kernel_size": (3, 3, 3)}, ValueError, "kernel_size must be an integer or 2 of them"),
        ({"tile_size": 0}, ValueError, "tile_size must be at least 1; received 0"),
        ({"tile_size": "2"}, TypeError, "tile_size must be an integer or 2 of them; received '2'"),
        ({"strides": -1}, ValueError, "strides must be at least 1; received -1"),
        ({"strides": 2, "dilation_rate": 2}, ValueError, "strides and dilation_rate cannot both"),
        ({"padding": "causal"}, ValueError, "padding must be 'valid', 'same', 'full', one amount"),
        ({"bias_mode": "untied"}, ValueError, "bias_mode must be one of 'channel', 'tile'"),
        ({"data_format": "nchw"}, ValueError, "data_format must be one of 'channels_last'"),
        ({"tiles": 2}, ValueError, "tiles"),
    ],
)
def test_refused_arguments(config, error, message):
    with pytest.raises(error, match=message):
        TiledConv2D(**{"filters": 4, "kernel_size": 3, **config})


@pytest.mark.parametrize(
    ("config", "shape", "message"),
    [
        ({}, (None, 2, 9, 3), r"kernel_size=\(3, 3\).* does not fit an input of \(2, 9\)"),
        ({}, (None, 9, 9, None), "TiledConv2D needs a known number of input channels"),
        ({"bias_mode": "output"}, (None, None, 9, 3), "bias_mode='output' needs a known input"),
    ],
)
def test_refused_inputs(config, shape, message):
    with pytest.raises(ValueError, match=message):
        TiledConv2D(4, 3, **config).build(shape)


def test_kernel_before_build_is_refused():
    with pytest.raises(ValueError, match="has no kernel yet; call it or `build` it"):
        TiledConv2D(4, 3).get_kernel()
