"""Correlation through the Fourier transform: one product per frequency in place of a window.

Mathieu, Henaff and LeCun, "Fast Training of Convolutional Networks through FFTs", ICLR 2014
(https://arxiv.org/abs/1312.5851), section 2. The kernel's transform is conjugated, not the kernel
flipped. Sizes are ints, or scalar tensors where they are known only when the layer runs.
"""

from keras import ops

from kzoo.layers._window import cut_axis, fit_axis


def fast_length(size):
    """Return an even length of at least `size` for a transform.

    It is the next one with no prime factor above 5, or the next one at all for a scalar tensor.
    """
    if not isinstance(size, int):
        return size + size % 2
    length = size + size % 2
    while not _is_smooth(length):
        length += 2
    return length


def rfft2(x, height, width):
    """Return the Fourier transform of real maps padded with zeros to `height` and `width`.

    Args:
        x: tensor (..., h, w) in float32 or float64, no larger than `height` and `width`.
        height: length of the transform over rows.
        width: length of the transform over columns, even.

    Returns:
        Real and imaginary part, each (..., width // 2 + 1, height): columns come first.
    """
    rank = len(x.shape)
    x = fit_axis(fit_axis(x, rank - 2, 0, height), rank - 1, 0, width)
    return ops.fft(tuple(ops.swapaxes(part, -1, -2) for part in ops.rfft(x)))


def irfft2(spectrum, height):
    """Return the real maps (..., height, width) whose `rfft2` is `spectrum`, of even width."""
    real, imaginary = spectrum
    # The inverse is the conjugate of the transform of the conjugate, over the length.
    real, imaginary = ops.fft((real, -imaginary))
    scale = ops.cast(height, real.dtype)
    return ops.irfft((ops.swapaxes(real, -1, -2) / scale, ops.swapaxes(-imaginary, -1, -2) / scale))


def fft_correlate2d(x, kernel):
    """Return the valid cross-correlation of maps with a kernel, as a convolution layer has it.

    The transforms are as long as the maps: what wraps around falls on the outputs that are cut off.

    Args:
        x: tensor (batch, height, width, channels) in float32 or float64.
        kernel: tensor (kh, kw, channels, filters) of the same type, no larger than the maps.

    Returns:
        A tensor (batch, height - kh + 1, width - kw + 1, filters).
    """
    height, width = ops.shape(x)[1:3]
    lengths = fast_length(height), fast_length(width)
    maps = rfft2(ops.transpose(x, (0, 3, 1, 2)), *lengths)
    weights = rfft2(ops.transpose(kernel, (2, 3, 0, 1)), *lengths)
    result = irfft2(_product_with_conjugate(maps, weights), lengths[0])
    for axis, size, window in zip((2, 3), (height, width), kernel.shape[:2]):
        result = cut_axis(result, axis, 0, size - window + 1)
    return ops.transpose(result, (0, 2, 3, 1))


def _product_with_conjugate(maps, weights):
    """Return the sum over channels of maps conj(weights), as one product of real matrices.

    Args:
        maps: real and imaginary part, each (batch, channels, ...).
        weights: real and imaginary part, each (channels, filters, ...).

    Returns:
        Real and imaginary part, each (batch, filters, ...).
    """
    real, imaginary = weights
    columns = [ops.concatenate([real, imaginary], 0), ops.concatenate([-imaginary, real], 0)]
    # Not `matmul`, which computes float64 in float32 on PyTorch.
    product = ops.einsum(
        "bcwh,cfwh->bfwh", ops.concatenate(maps, axis=1), ops.concatenate(columns, axis=1)
    )
    return ops.split(product, 2, axis=1)


def _is_smooth(length):
    for factor in (2, 3, 5):
        while length and length % factor == 0:
            length //= factor
    return length == 1
