import keras
import numpy as np
import pytest
import scipy.signal
import tensorflow as tf
from keras import ops

from kzoo.analysis.fft_convolution import fft_convolve

MODES = ("full", "same", "valid")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("shape", "kernel_size"),
    [
        ((1,), (1,)),
        ((50,), (7,)),
        ((64,), (16,)),
        ((97,), (97,)),
        ((13, 20), (3, 5)),
        ((7, 1), (4, 1)),
    ],
)
def test_scipy_gives_the_same(shape, kernel_size, mode):
    x, kernel = normal(*shape), normal(*kernel_size, seed=1)
    expected = scipy.signal.fftconvolve(x, kernel, mode)
    y = ops.convert_to_numpy(fft_convolve(x, kernel, mode))
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)
    y = ops.convert_to_numpy(fft_convolve(x.astype("float32"), kernel.astype("float32"), mode))
    assert y.dtype == "float32"
    assert np.abs(y - expected).max() <= 1e-5


@pytest.mark.parametrize("mode", MODES)
def test_leading_axes_are_a_batch(mode):
    x, kernel = normal(2, 3, 8, 9), normal(3, 4, seed=1)
    y = ops.convert_to_numpy(fft_convolve(x, kernel, mode))
    expected = scipy.signal.fftconvolve(x, kernel[None, None], mode, axes=(-2, -1))
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)
    y = ops.convert_to_numpy(fft_convolve(x, kernel[0], mode))
    expected = scipy.signal.fftconvolve(x, kernel[0, None, None, None], mode, axes=-1)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


def test_product_of_polynomials_and_commutativity():
    a, b = np.array([1, 2, 3]), np.array([4, 5])
    y = ops.convert_to_numpy(fft_convolve(a, b))
    np.testing.assert_allclose(y, np.polymul(a, b), rtol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(fft_convolve(b, a)), y, rtol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_gradients_are_those_of_the_direct_convolution(jit_compile):
    x, kernel = tf.constant(normal(2, 9, 11)), tf.constant(normal(3, 4, seed=1))

    def direct(x, kernel):
        return ops.conv(x[..., None], kernel[::-1, ::-1, None, None])[..., 0]

    @tf.function(jit_compile=jit_compile)
    def gradients(x, kernel):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            loss = tf.reduce_sum(tf.sin(fft_convolve(x, kernel, "valid")))
        return tape.gradient(loss, [x, kernel])

    with tf.GradientTape() as tape:
        tape.watch([x, kernel])
        loss = tf.reduce_sum(tf.sin(direct(x, kernel)))
    for gradient, expected in zip(gradients(x, kernel), tape.gradient(loss, [x, kernel])):
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", ["int32", "float16", "bfloat16"])
def test_other_types_are_computed_in_single_precision(dtype):
    y = fft_convolve(ops.ones((4,), dtype=dtype), ops.ones((2,), dtype=dtype))
    assert keras.backend.standardize_dtype(y.dtype) == "float32"
    np.testing.assert_allclose(ops.convert_to_numpy(y), [1, 2, 2, 2, 1], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones(4), np.ones(2), "all"), "mode must be one of 'full'"),
        ((np.ones(4), np.ones((2, 2, 2))), r"one axis or two; received the shape \(2, 2, 2\)"),
        ((np.ones(4), np.ones((2, 2))), r"x must have the axes of the kernel.*\(4,\) and \(2, 2\)"),
        ((np.ones(4), np.ones(5), "valid"), r"does not fit an input of \(1, 4\)"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        fft_convolve(*arguments)
