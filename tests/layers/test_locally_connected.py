import warnings

import keras
import numpy as np
import pytest

from kzoo.layers import LocallyConnected1D, LocallyConnected2D
from tests.helpers import check_layer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    tf_keras = pytest.importorskip("tf_keras")


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({"padding": "same"}, (2, 6, 5, 2), (2, 6, 5, 4)),
        ({"padding": "same"}, (2, 6, 5, 16), (2, 6, 5, 4)),
        (
            {"strides": (2, 1), "data_format": "channels_first", "activation": "tanh"},
            (2, 2, 7, 6),
            (2, 4, 3, 4),
        ),
        ({"dilation_rate": 2, "use_bias": False, "implementation": 3}, (2, 7, 6, 3), (2, 3, 2, 4)),
    ],
)
def test_keras_contract_2d(config, shape, expected):
    check_layer(
        LocallyConnected2D,
        {"filters": 4, "kernel_size": 3, **config},
        shape,
        expected_output_shape=expected,
        trainable=2 if config.get("use_bias", True) else 1,
        finite_differences=True,
    )


@pytest.mark.parametrize(
    ("data_format", "shape", "expected"),
    [("channels_last", (2, 9, 3), (2, 4, 4)), ("channels_first", (2, 3, 9), (2, 4, 4))],
)
def test_keras_contract_1d(data_format, shape, expected):
    check_layer(
        LocallyConnected1D,
        {"filters": 4, "kernel_size": 3, "strides": 2, "data_format": data_format},
        shape,
        expected_output_shape=expected,
        trainable=2,
        finite_differences=True,
    )


def peer_kernel(peer, kernel, in_size, strides, padding, data_format):
    """Lay the canonical weights out as tf_keras's implementation of that number stores them."""
    first = data_format == "channels_first"
    rank = kernel.ndim // 2 - 1
    out_size, window = kernel.shape[:rank], kernel.shape[rank:-2]
    channels, filters = kernel.shape[-2:]
    if peer.implementation == 1:
        flat = kernel.reshape(-1, int(np.prod(window)), channels, filters)
        if first:
            flat = flat.transpose(0, 2, 1, 3)
        return flat.reshape(flat.shape[0], -1, filters)
    before = [0] * rank
    if padding == "same":
        before = [
            max((o - 1) * s + k - n, 0) // 2
            for o, s, k, n in zip(out_size, strides, window, in_size)
        ]
    dense = np.zeros((*in_size, channels, *out_size, filters), "float32")
    for position in np.ndindex(*out_size):
        for tap in np.ndindex(*window):
            place = tuple(p * s + m - b for p, s, m, b in zip(position, strides, tap, before))
            if all(0 <= q < n for q, n in zip(place, in_size)):
                dense[(*place, slice(None), *position)] = kernel[(*position, *tap)]
    if first:
        dense = np.moveaxis(dense, (rank, -1), (0, rank + 1))
    if peer.implementation == 2:
        return dense
    matrix = dense.reshape(int(np.prod(in_size)) * channels, -1).T
    return np.array([matrix[index] for index in peer.kernel_idxs])


@pytest.mark.parametrize("implementation", [1, 2, 3])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("rank", [1, 2])
def test_tf_keras_gives_the_same(rank, implementation, data_format, strides, padding):
    if padding == "same" and implementation == 1:
        pytest.skip("tf_keras refuses padding='same' with implementation 1")
    ours, theirs = {
        1: (LocallyConnected1D, tf_keras.layers.LocallyConnected1D),
        2: (LocallyConnected2D, tf_keras.layers.LocallyConnected2D),
    }[rank]
    strides = strides[-rank:]
    # With "same", tf_keras centres odd windows at multiples of the stride, and kzoo pads as Keras's
    # convolutions do: the two agree where the size is one more than a multiple of the strides.
    kernel_size, size = ((3, 5), (7, 7)) if padding == "same" else ((3, 2), (7, 8))
    options = {
        "filters": 4,
        "kernel_size": kernel_size[:rank],
        "strides": strides,
        "padding": padding,
        "data_format": data_format,
        "activation": "relu",
        "implementation": implementation,
    }
    size = size[:rank]
    shape = (2, 3, *size) if data_format == "channels_first" else (2, *size, 3)
    x = random_maps(*shape)
    layer, peer = ours(bias_initializer="normal", **options), theirs(**options)
    y = np.asarray(layer(x))
    peer.build(shape)
    kernel = peer_kernel(peer, layer.get_kernel(), size, strides, padding, data_format)
    bias = np.asarray(layer.bias)
    if data_format == "channels_first":
        # tf_keras reshapes its bias (oh, ow, out) to (out, oh, ow) without transposing it.
        bias = np.moveaxis(bias, -1, 0).reshape(bias.shape)
    peer.set_weights([kernel, bias])
    np.testing.assert_allclose(y, np.asarray(peer(x)), rtol=0, atol=2e-6)


@pytest.mark.parametrize("channels", [3, 16])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": "same"},
        {"padding": "same", "strides": 2},
        {"strides": (2, 3)},
        {"padding": "same", "dilation_rate": (2, 3)},
        {"dilation_rate": 2},
    ],
)
def test_equal_kernels_are_a_convolution(channels, options):
    for layer_class, conv_class, shape in [
        (LocallyConnected1D, keras.layers.Conv1D, (2, 10, channels)),
        (LocallyConnected2D, keras.layers.Conv2D, (2, 10, 9, channels)),
    ]:
        used = {
            name: value[: len(shape) - 2] if isinstance(value, tuple) else value
            for name, value in options.items()
        }
        layer, conv = layer_class(4, 3, **used), conv_class(4, 3, **used)
        x = random_maps(*shape)
        expected = np.asarray(conv(x))
        layer.build(shape)
        kernel = np.asarray(conv.kernel)
        layer.set_kernel(np.broadcast_to(kernel, (*expected.shape[1:-1], *kernel.shape)))
        np.testing.assert_allclose(np.asarray(layer(x)), expected, rtol=0, atol=5e-6)


@pytest.mark.parametrize("channels", [3, 16])
def test_kernel_round_trip(channels):
    layer = LocallyConnected2D(4, (3, 2))
    layer.build((None, 5, 5, channels))
    kernel = random_maps(3, 4, 3, 2, channels, 4)
    layer.set_kernel(kernel)
    np.testing.assert_array_equal(layer.get_kernel(), kernel)
    with pytest.raises(ValueError, match="kernel of LocallyConnected2D has shape"):
        layer.set_kernel(kernel[0])


def test_number_of_parameters():
    layer = LocallyConnected2D(10, 5)
    layer.build((None, 32, 32, 3))
    assert layer.count_params() == 28 * 28 * (5 * 5 * 3 + 1) * 10


@pytest.mark.parametrize("channels", [3, 16])
@pytest.mark.parametrize(
    "initializer",
    [
        "he_normal",
        keras.initializers.GlorotUniform(seed=3),
        "orthogonal",
        keras.initializers.HeNormal(input_axes=[-4, -3, -2], output_axes=[-1]),
    ],
)
def test_every_position_starts_like_a_convolution_and_unlike_the_others(initializer, channels):
    layer = LocallyConnected2D(48, 3, kernel_initializer=initializer)
    conv = keras.layers.Conv2D(48, 3, kernel_initializer=initializer)
    layer.build((None, 4, 5, channels))
    conv.build((None, 4, 5, channels))
    kernels = layer.get_kernel().reshape(6, -1)
    np.testing.assert_allclose(kernels.var(axis=1), np.var(np.asarray(conv.kernel)), rtol=0.2)
    correlation = np.corrcoef(kernels) - np.eye(6)
    assert np.abs(correlation).max() < 6 / kernels.shape[1] ** 0.5


@pytest.mark.parametrize("channels", [3, 16])
def test_constraint_and_regularizer_see_positions_first(channels):
    layer = LocallyConnected2D(
        4,
        3,
        kernel_constraint=keras.constraints.UnitNorm(axis=[2, 3, 4]),
        kernel_regularizer=lambda kernel: keras.ops.sum(kernel[1, 0, 2, 1]),
    )
    layer.build((None, 5, 6, channels))
    kernel = layer.get_kernel()
    np.testing.assert_allclose(float(layer.losses[0]), kernel[1, 0, 2, 1].sum(), rtol=1e-5)
    layer.kernel.assign(layer.kernel.constraint(layer.kernel))
    kernel = layer.get_kernel()
    np.testing.assert_allclose((kernel**2).sum(axis=(2, 3, 4)), 1, rtol=1e-5)


def test_number_of_weights_is_limited():
    with pytest.raises(ValueError, match="908,402,688 kernel weights, more than max_weights=100,0"):
        LocallyConnected2D(64, 3, name="large").build((None, 224, 224, 32))
    layer = LocallyConnected2D(1, 3, max_weights=8)
    with pytest.raises(ValueError, match="9 kernel weights, more than max_weights=8; .*=None"):
        layer.build((None, 3, 3, 1))
    LocallyConnected2D(1, 3, max_weights=9).build((None, 3, 3, 1))
    LocallyConnected2D(1, 3, max_weights=None).build((None, 3, 3, 1))


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"implementation": 4}, ValueError, "implementation must be one of 1, 2, 3; received 4"),
        ({"max_weights": 0}, ValueError, "max_weights must be at least 1; received 0"),
        ({"max_weights": 1e6}, TypeError, "max_weights must be an integer; received 1000000.0"),
        ({"padding": "causal"}, ValueError, "padding must be 'valid', 'same', 'full', one amount"),
    ],
)
def test_refused_arguments(config, error, message):
    with pytest.raises(error, match=message):
        LocallyConnected2D(4, 3, **config)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((None, None, 9, 3), "LocallyConnected2D .* needs a known input size"),
        ((None, 9, 9, None), "LocallyConnected2D needs a known number of input channels"),
        ((None, 9, 2, 3), r"does not fit an input of \(9, 2\)"),
    ],
)
def test_refused_inputs(shape, message):
    with pytest.raises(ValueError, match=message):
        LocallyConnected2D(4, 3).build(shape)


def test_maps_of_another_size_are_refused():
    layer = LocallyConnected2D(4, 3)
    layer(random_maps(1, 7, 7, 2))
    for size in (3, 8):
        with pytest.raises(ValueError, match="incompatible with the layer"):
            layer(random_maps(1, size, size, 2))
