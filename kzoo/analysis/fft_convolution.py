"""Convolution through the Fourier transform, in O(n log n).

Sampled at enough points, polynomials multiply point by point: a product of len(a) + len(b) - 1
coefficients needs as many roots of unity, and with fewer its ends wrap around.
"""

import keras
from keras import ops

from kzoo.layers._args import one_of
from kzoo.layers._fft import fast_length, irfft2, rfft2
from kzoo.layers._window import cut_axis


def fft_convolve(x, kernel, mode="full"):
    """Convolve a signal or a map with a kernel, which is flipped as in `scipy.signal.fftconvolve`.

    It is made of `keras.ops`: gradients flow through it on every backend. `FFTConv2D` is the layer.

    Args:
        x: tensor (..., n), or (..., height, width) for a kernel of two axes; the axes before are a
            batch. Other types than float32 and float64 are computed in float32.
        kernel: tensor (k,) or (kh, kw).
        mode: `"full"`, `"same"` (the size of `x`) or `"valid"`.

    Returns:
        A tensor of float32, or of float64 where `x` is.

    Raises:
        ValueError: a kernel of another rank, `x` of a lower rank than the kernel, an unknown mode,
            or a kernel that does not fit `x` in mode `"valid"`.

    Example:

    >>> y = kzoo.analysis.fft_convolve([1.0, 2.0, 3.0], [1.0, 10.0])
    >>> [round(float(value), 3) for value in y]
    [1.0, 12.0, 23.0, 30.0]
    """
    x, kernel = _floats(ops.convert_to_tensor(x)), ops.convert_to_tensor(kernel)
    kernel = ops.cast(kernel, x.dtype)
    one_of(mode, "mode", ("full", "same", "valid"))
    rank = len(kernel.shape)
    if rank not in (1, 2):
        raise ValueError(
            f"kernel must have one axis or two; received the shape {tuple(kernel.shape)}."
        )
    if len(x.shape) < rank:
        raise ValueError(
            f"x must have the axes of the kernel, after those of a batch; received the shapes "
            f"{tuple(x.shape)} and {tuple(kernel.shape)}."
        )
    if rank == 1:
        return ops.squeeze(_convolve2d(x[..., None, :], kernel[None], mode), -2)
    return _convolve2d(x, kernel, mode)


def _convolve2d(x, kernel, mode):
    sizes, windows = ops.shape(x)[-2:], kernel.shape
    if mode == "valid" and any(size < window for size, window in zip(sizes, windows)):
        raise ValueError(
            f"a kernel of {tuple(windows)} does not fit an input of {tuple(sizes)}; use "
            "mode='full' or 'same'."
        )
    full = [size + window - 1 for size, window in zip(sizes, windows)]
    # An axis of a single element needs no transform.
    height = 1 if full[0] == 1 else fast_length(full[0])
    width = fast_length(full[1])
    real, imaginary = rfft2(x, height, width)
    kernel_real, kernel_imaginary = rfft2(kernel, height, width)
    y = irfft2(
        (
            real * kernel_real - imaginary * kernel_imaginary,
            real * kernel_imaginary + imaginary * kernel_real,
        ),
        height,
    )
    for axis, size, window in zip((-2, -1), sizes, windows):
        start = {"full": 0, "same": (window - 1) // 2, "valid": window - 1}[mode]
        count = {"full": size + window - 1, "same": size, "valid": size - window + 1}[mode]
        y = cut_axis(y, len(y.shape) + axis, start, count)
    return y


def _floats(x):
    dtype = keras.backend.standardize_dtype(x.dtype)
    return ops.cast(x, dtype if dtype == "float64" else "float32")
