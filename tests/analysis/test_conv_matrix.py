"""Matrices of convolutions, held to SciPy's convolutions and to Keras's."""

import keras
import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import scipy.sparse

from kzoo.analysis.conv_matrix import conv1d_matrix, conv2d_matrix, conv_singular_values

MODES = ("full", "same", "valid")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("taps", [1, 2, 3, 4, 6])
def test_scipy_has_the_same_toeplitz_matrix(taps, mode):
    kernel = normal(taps)
    matrix = conv1d_matrix(kernel, 6, mode)
    np.testing.assert_array_equal(matrix, scipy.linalg.convolution_matrix(kernel, 6, mode))
    sparse = conv1d_matrix(kernel, 6, mode, sparse=True)
    assert scipy.sparse.issparse(sparse)
    np.testing.assert_array_equal(sparse.toarray(), matrix)
    x = normal(6, seed=1)
    np.testing.assert_allclose(sparse @ x, np.convolve(x, kernel, mode), rtol=0, atol=1e-14)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kernel_size", [(1, 1), (2, 3), (3, 3), (4, 5)])
def test_scipy_has_the_same_convolution_of_maps(kernel_size, mode):
    x, kernel = normal(6, 7), normal(*kernel_size, seed=1)
    result = conv2d_matrix(kernel, x.shape, mode=mode) @ x.ravel()
    expected = scipy.signal.convolve2d(x, kernel, mode)
    np.testing.assert_allclose(result.reshape(expected.shape), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("kernel_size", [(1, 1), (2, 3), (3, 3), (4, 5), (6, 7), (7, 9)])
def test_circular_boundary(kernel_size):
    """It wraps, also round and round, as SciPy's does, and its eigenvalues are a transform."""
    x, kernel = normal(6, 7), normal(*kernel_size, seed=1)
    matrix = conv2d_matrix(kernel, x.shape, "circular")
    result = (matrix @ x.ravel()).reshape(x.shape)
    expected = scipy.signal.convolve2d(x, kernel, "same", "wrap")
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-13)
    if kernel_size[0] > 6:
        return
    padded = np.zeros(x.shape)
    padded[: kernel_size[0], : kernel_size[1]] = kernel
    padded = np.roll(padded, [-((k - 1) // 2) for k in kernel_size], axis=(0, 1))
    transform = np.fft.fft2(padded)
    # A plane wave is an eigenvector; its eigenvalue is the transform at its frequency.
    for u, v in ((0, 0), (1, 0), (2, 3)):
        row, column = np.mgrid[:6, :7]
        wave = np.exp(2j * np.pi * (u * row / 6 + v * column / 7)).ravel()
        np.testing.assert_allclose(matrix @ wave, transform[u, v] * wave, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        np.sort(np.abs(transform), axis=None)[::-1],
        conv_singular_values(kernel, x.shape),
        rtol=0,
        atol=1e-12,
    )


def test_blocks():
    """Zero boundaries give a Toeplitz matrix of Toeplitz blocks, circular ones circulants."""
    kernel = normal(3, 3)
    for boundary in ("zero", "circular"):
        matrix = conv2d_matrix(kernel, (5, 4), boundary).reshape(5, 4, 5, 4)
        for i in range(4):
            np.testing.assert_array_equal(matrix[1:, :, 1:], matrix[:-1, :, :-1])
            np.testing.assert_array_equal(matrix[:, 1:, :, 1:], matrix[:, :-1, :, :-1])
            last = matrix[0, :, 4]
            assert np.any(last) == (boundary == "circular")
            assert np.any(matrix[i, 0, i, 3]) == (boundary == "circular")


@pytest.mark.parametrize("kernel_size", [(3, 3), (2, 4)])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_keras_has_the_same_correlation(kernel_size, padding):
    layer = keras.layers.Conv2D(4, kernel_size, padding=padding, use_bias=False, dtype="float64")
    x = normal(2, 6, 7, 3)
    expected = keras.ops.convert_to_numpy(layer(x)).reshape(2, -1)
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    matrix = conv2d_matrix(kernel, (6, 7), mode=padding, flip=False, sparse=True)
    np.testing.assert_allclose((matrix @ x.reshape(2, -1).T).T, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("taps", [3, 4])
def test_keras_has_the_same_correlation_of_sequences(taps):
    layer = keras.layers.Conv1D(4, taps, padding="same", use_bias=False, dtype="float64")
    x = normal(2, 7, 3)
    expected = keras.ops.convert_to_numpy(layer(x)).reshape(2, -1)
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    matrix = conv1d_matrix(kernel, 7, "same", flip=False)
    np.testing.assert_allclose(x.reshape(2, -1) @ matrix.T, expected, rtol=0, atol=1e-13)


def test_transposed_matrix_is_the_transposed_convolution_and_no_inverse():
    layer = keras.layers.Conv2DTranspose(2, 3, use_bias=False, dtype="float64")
    y = normal(1, 4, 5, 3)
    expected = keras.ops.convert_to_numpy(layer(y)).ravel()
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    # The kernel (kh, kw, out, in) is that of the convolution from `out` to `in` channels.
    matrix = conv2d_matrix(kernel, (6, 7), mode="valid", flip=False)
    np.testing.assert_allclose(matrix.T @ y.ravel(), expected, rtol=0, atol=1e-13)
    assert np.abs(matrix @ matrix.T - np.eye(len(matrix))).max() > 0.1


@pytest.mark.parametrize("channels", [(1, 1), (2, 4), (4, 2)])
@pytest.mark.parametrize("flip", [True, False])
def test_singular_values_are_those_of_the_matrix(channels, flip):
    kernel = normal(3, 2, *channels)
    matrix = conv2d_matrix(kernel, (5, 6), "circular", flip=flip)
    expected = np.linalg.svd(matrix, compute_uv=False)
    np.testing.assert_allclose(conv_singular_values(kernel, (5, 6)), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: conv1d_matrix(np.ones((2, 2)), 4), ValueError, r"\(k, in, out\); .* \(2, 2\)"),
        (lambda: conv1d_matrix([1, 2], 4.0), TypeError, "size must be an integer; received 4.0"),
        (lambda: conv1d_matrix([1, 2], 4, "all"), ValueError, "mode must be one of 'full'"),
        (lambda: conv1d_matrix([1, 2, 3], 2, "valid"), ValueError, r"does not fit a map of \(1, 2"),
        (lambda: conv2d_matrix(np.ones(3), 4), ValueError, r"kernel must .* received \(3,\)"),
        (lambda: conv2d_matrix(np.ones((0, 2)), 4), ValueError, "of no size 0"),
        (lambda: conv2d_matrix(np.eye(2), 4, "wrap"), ValueError, "boundary must be one of 'zero'"),
        (
            lambda: conv2d_matrix(np.eye(2), 4, "circular", "full"),
            ValueError,
            "mode must be 'same'; received 'full'",
        ),
        (lambda: conv_singular_values(np.eye(5), 4), ValueError, r"\(5, 5\) is larger than a map"),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
