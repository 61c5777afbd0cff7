import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from kzoo.layers.fft_conv import FFTConv1D, FFTConv2D
from tests.helpers import check_layer


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({"padding": "same", "strides": 2}, (2, 7, 6, 4), (2, 4, 3, 4)),
        (
            {"data_format": "channels_first", "groups": 2, "use_bias": False, "dilation_rate": 2},
            (2, 4, 7, 6),
            (2, 4, 3, 2),
        ),
    ],
)
def test_keras_contract_of_maps(config, shape, expected):
    check_layer(
        FFTConv2D,
        {"filters": 4, "kernel_size": 3, **config},
        shape,
        expected_output_shape=expected,
        trainable=2 if config.get("use_bias", True) else 1,
        unknown_axes=(2, 3) if "data_format" in config else (1, 2),
        finite_differences=True,
    )


def test_keras_contract_of_signals():
    check_layer(
        FFTConv1D,
        {"filters": 4, "kernel_size": 3, "padding": "causal", "groups": 2},
        (2, 7, 4),
        expected_output_shape=(2, 7, 4),
        trainable=2,
        unknown_axes=(1,),
        finite_differences=True,
    )


def gradients(layer, x, weights):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        loss = ops.sum(y * weights)
    return y, tape.gradient(loss, [x, *[v.value for v in layer.trainable_variables]])


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 3},
        {"kernel_size": (7, 4), "padding": "same"},
        {"kernel_size": 3, "padding": "same", "strides": 2},
        {"kernel_size": (5, 2), "strides": (2, 3)},
        {"kernel_size": 1, "strides": 3},
        {"kernel_size": 3, "padding": "same", "dilation_rate": (2, 3)},
        {"kernel_size": 3, "padding": "same", "groups": 2},
        {"kernel_size": 15, "padding": "same"},
    ],
)
def test_results_and_gradients_are_those_of_keras(options):
    x = ops.convert_to_tensor(random_maps(2, 12, 9, 4))
    peer = keras.layers.Conv2D(6, **options, bias_initializer="normal")
    layer = FFTConv2D(6, **options)
    shape = peer(x).shape
    layer.build(x.shape)
    assert [v.name for v in layer.weights] == [v.name for v in peer.weights]
    layer.set_weights(peer.get_weights())
    weights = random_maps(*shape, seed=1)
    y, ours = gradients(layer, x, weights)
    expected, theirs = gradients(peer, x, weights)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)
    for gradient, target in zip(ours, theirs, strict=True):
        scale = max(1.0, np.abs(target).max())
        np.testing.assert_allclose(gradient, target, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
def test_scipy_gives_the_same(mode):
    signal = pytest.importorskip("scipy.signal")
    x, kernel = random_maps(1, 20, 17, 1), random_maps(7, 5, 1, 1, seed=1)
    layer = FFTConv2D(1, (7, 5), padding=mode, use_bias=False)
    layer.build(x.shape)
    layer.kernel.assign(kernel)
    expected = signal.fftconvolve(x[0, ..., 0], kernel[::-1, ::-1, 0, 0], mode)
    np.testing.assert_allclose(np.asarray(layer(x))[0, ..., 0], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("padding", ["valid", "same", "causal", "full", (2, 1)])
@pytest.mark.parametrize("strides", [1, 2])
def test_signals_are_those_of_keras(padding, strides):
    x = random_maps(2, 11, 3)
    named = isinstance(padding, str) and padding != "full"
    before, after = (0, 0) if named else (4, 4) if padding == "full" else padding
    peer = keras.layers.Conv1D(4, 5, strides=strides, padding=padding if named else "valid")
    expected = peer(np.pad(x, ((0, 0), (before, after), (0, 0))))
    layer = FFTConv1D(4, 5, strides=strides, padding=padding)
    layer.build(x.shape)
    layer.set_weights(peer.get_weights())
    np.testing.assert_allclose(layer(x), expected, rtol=0, atol=1e-5)


def test_refused():
    with pytest.raises(ValueError, match="filters must be a multiple of groups"):
        FFTConv2D(6, 3, groups=4)
    with pytest.raises(ValueError, match="FFTConv2D with kernel_size=.* does not fit an input"):
        FFTConv2D(4, 5).build((None, 4, 4, 1))
