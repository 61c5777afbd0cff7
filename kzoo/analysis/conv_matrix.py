"""Convolutions as matrices: Toeplitz, doubly block Toeplitz and doubly block circulant.

Goodfellow, Bengio and Courville, Deep Learning (2016), section 9.1, and Sedghi, Gupta and Long,
"The Singular Values of Convolutional Layers", ICLR 2019 (https://arxiv.org/abs/1805.10408).
"""

import numpy as np
import scipy.sparse

from kzoo.analysis._call import as_float64
from kzoo.layers._args import integer, integers, one_of

MODES = ("full", "same", "valid")


def conv1d_matrix(kernel, size, mode="full", flip=True, sparse=False):
    """Return the Toeplitz matrix whose product with a vector is its convolution with a kernel.

    Args:
        kernel: array (k,), or (k, in, out) for several channels.
        size: length of the vector.
        mode: `"full"`, `"same"` (as long as the vector) or `"valid"`.
        flip: True for convolution, sum over m of x[i - m] kernel[m], which is SciPy's; False for
            the cross-correlation of Keras's layers, sum over m of x[i + m] kernel[m].
        sparse: whether to return a `scipy.sparse.csr_array`.

    Returns:
        A float64 matrix (n, size), or (n * out, size * in) with the channels varying fastest.

    Raises:
        ValueError: a kernel of another rank, an unknown mode, or a kernel that does not fit.
        TypeError: a size that is not an integer.

    Example:

    >>> kzoo.analysis.conv1d_matrix([1, 2], 3)
    array([[1., 0., 0.],
           [2., 1., 0.],
           [0., 2., 1.],
           [0., 0., 2.]])
    """
    kernel = as_float64(kernel)
    if kernel.ndim not in (1, 3):
        raise ValueError(
            f"kernel must have the shape (k,) or (k, in, out); received {kernel.shape}."
        )
    return conv2d_matrix(kernel[None], (1, integer(size, "size")), "zero", mode, flip, sparse)


def conv2d_matrix(kernel, shape, boundary="zero", mode="same", flip=True, sparse=False):
    """Return the matrix whose product with a flattened map is its convolution with a kernel.

    With zeros around the map it is doubly block Toeplitz; with a circular boundary it is doubly
    block circulant, and its eigenvalues are the Fourier transform of the kernel, padded to the
    shape of the map and moved to have its centre at (0, 0).

    Args:
        kernel: array (kh, kw), or (kh, kw, in, out) for several channels.
        shape: height and width of the map, one integer or two.
        boundary: `"zero"` or `"circular"`.
        mode: `"full"`, `"same"` (the shape of the map) or `"valid"`; a circular boundary has
            `"same"` alone.
        flip: True for convolution, which is SciPy's; False for the cross-correlation of Keras's
            layers. With a kernel of even size, `"same"` differs by one position between the two:
            each is centred as in its library.
        sparse: whether to return a `scipy.sparse.csr_array`.

    Returns:
        A float64 matrix (h' * w', height * width), or (h' * w' * out, height * width * in): rows,
        columns and channels of a map, the last varying fastest.

    Raises:
        ValueError: a kernel of another rank, an unknown mode or boundary, a mode that the boundary
            does not have, or a kernel that does not fit the map.
        TypeError: a shape that is not of integers.
    """
    kernel, shape = _checked(kernel, shape)
    one_of(mode, "mode", MODES)
    if one_of(boundary, "boundary", ("zero", "circular")) == "circular" and mode != "same":
        raise ValueError(
            f"a circular boundary keeps the shape of the map, so that mode must be 'same'; "
            f"received {mode!r}."
        )
    sources = []
    for size, taps in zip(shape, kernel.shape):
        if mode == "valid" and taps > size:
            raise ValueError(
                f"a kernel of {kernel.shape[:2]} does not fit a map of {shape}; use mode='same' or "
                "'full'."
            )
        before = {"full": taps - 1, "same": (taps - 1) // 2, "valid": 0}[mode]
        if flip and mode == "same":
            before = taps // 2
        count = {"full": size + taps - 1, "same": size, "valid": size - taps + 1}[mode]
        source = np.arange(count)[:, None] + np.arange(taps) - before
        sources.append(source % size if boundary == "circular" else source)
    matrix = gather_matrix(kernel[::-1, ::-1] if flip else kernel, sources, shape)
    return matrix if sparse else matrix.toarray()


def gather_matrix(kernel, sources, shape):
    """Return the matrix of a cross-correlation, given what each tap sees at each output.

    Args:
        kernel: array (kh, kw, in, out).
        sources: two arrays of integers, the row of the map (h', kh) and the column (w', kw) under
            each tap; outside the map for padding.
        shape: height and width of the map.

    Returns:
        A `scipy.sparse.csr_array` (h' * w' * out, height * width * in); taps that see the same
        element add up.
    """
    rows, columns = sources
    channels, filters = kernel.shape[2:]
    # Axes: output row, output column, filter; tap row, tap column, channel.
    grid = (len(rows), len(columns), filters, *kernel.shape[:3])
    i = rows[:, None, None, :, None, None]
    j = columns[None, :, None, None, :, None]
    inside = (i >= 0) & (i < shape[0]) & (j >= 0) & (j < shape[1])
    inside = np.broadcast_to(inside, grid)
    source = np.broadcast_to((i * shape[1] + j) * channels + np.arange(channels), grid)
    target = np.arange(np.prod(grid[:3])).reshape(*grid[:3], 1, 1, 1)
    values = np.broadcast_to(np.moveaxis(kernel, -1, 0), grid)
    entries = (values[inside], (np.broadcast_to(target, grid)[inside], source[inside]))
    size = (target.size, shape[0] * shape[1] * channels)
    return scipy.sparse.coo_array(entries, shape=size).tocsr()


def conv_singular_values(kernel, shape):
    """Return the singular values of a circular convolution, by one small SVD per frequency.

    They are the same for convolution and cross-correlation, and wherever the kernel is centred.

    Args:
        kernel: array (kh, kw), or (kh, kw, in, out) for several channels; no larger than the map.
        shape: height and width of the map, one integer or two.

    Returns:
        A float64 array of height * width * min(in, out) values, in descending order.

    Raises:
        ValueError: a kernel of another rank, or larger than the map.
        TypeError: a shape that is not of integers.

    Reference:
        Sedghi, Gupta and Long (2019), theorem 6.
    """
    kernel, shape = _checked(kernel, shape)
    if kernel.shape[0] > shape[0] or kernel.shape[1] > shape[1]:
        raise ValueError(
            f"a kernel of {kernel.shape[:2]} is larger than a map of {shape}; use a larger map."
        )
    transform = np.fft.fft2(kernel, shape, axes=(0, 1))
    return np.sort(np.linalg.svd(transform, compute_uv=False), axis=None)[::-1]


def _checked(kernel, shape):
    """Return the kernel as float64 with channels, (kh, kw, in, out), and the shape as a pair."""
    kernel = as_float64(kernel)
    if kernel.ndim == 2:
        kernel = kernel[:, :, None, None]
    if kernel.ndim != 4 or kernel.size == 0:
        raise ValueError(
            f"kernel must have the shape (kh, kw) or (kh, kw, in, out), of no size 0; received "
            f"{kernel.shape}."
        )
    return kernel, integers(shape, "shape", 2)
