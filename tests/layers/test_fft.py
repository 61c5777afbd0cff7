import keras
import numpy as np
import pytest
import scipy.fft
import tensorflow as tf

from kzoo.layers._fft import fast_length, fft_correlate2d, irfft2, rfft2


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_fast_lengths_are_scipys_where_those_are_even():
    for size in range(1, 400):
        length = fast_length(size)
        assert length % 2 == 0
        assert length >= size
        expected = scipy.fft.next_fast_len(size, real=True)
        while expected % 2:
            expected = scipy.fft.next_fast_len(expected + 1, real=True)
        assert length == expected


def test_transform_is_numpys():
    x = normal(2, 5, 6)
    real, imaginary = rfft2(tf.constant(x), 7, 8)
    expected = np.fft.rfft2(x, (7, 8)).swapaxes(-1, -2)
    np.testing.assert_allclose(np.asarray(real), expected.real, rtol=0, atol=1e-13)
    np.testing.assert_allclose(np.asarray(imaginary), expected.imag, rtol=0, atol=1e-13)
    back = np.asarray(irfft2((real, imaginary), 7))
    np.testing.assert_allclose(back[:, :5, :6], x, rtol=0, atol=1e-14)


SHAPES = [
    ((2, 7, 9, 3), (3, 3, 3, 4)),
    ((1, 5, 5, 1), (5, 5, 1, 1)),
    ((3, 17, 23, 4), (6, 5, 4, 8)),
]


@pytest.mark.parametrize(("shape", "kernel_shape"), SHAPES)
def test_correlation_and_gradients_are_the_convolution_layers(shape, kernel_shape):
    x, kernel = tf.constant(normal(*shape)), tf.constant(normal(*kernel_shape, seed=1))

    def results(correlate):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = correlate(x, kernel)
            loss = tf.reduce_sum(tf.sin(y))
        return [y, *tape.gradient(loss, [x, kernel])]

    expected = results(keras.ops.conv)
    for correlate in (fft_correlate2d, tf.function(fft_correlate2d, jit_compile=True)):
        for value, target in zip(results(correlate), expected):
            np.testing.assert_allclose(value, target, rtol=0, atol=1e-12)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_unknown_sizes(jit_compile):
    x, kernel = normal(3, 17, 23, 4).astype("float32"), normal(6, 5, 4, 8).astype("float32")
    signature = [tf.TensorSpec((None, None, None, 4)), tf.TensorSpec(kernel.shape)]
    correlate = tf.function(fft_correlate2d, signature, jit_compile=jit_compile)
    np.testing.assert_allclose(correlate(x, kernel), keras.ops.conv(x, kernel), rtol=0, atol=1e-4)
