"""The classical kernels of image filtering, as arrays (kh, kw), for `FixedConv2D`.

They are correlated with the image, x along its columns and y down its rows, and are those of
`scipy.ndimage`. The weights of a blur sum to 1, those of an edge detector to 0.

Gonzalez and Woods, Digital Image Processing (4th edition, 2018), sections 3.5, 3.6 and 10.2.
"""

import numpy as np

from kzoo.layers import _args

DERIVATIVE = np.array([-1.0, 0.0, 1.0])


def box(size=3):
    """Return the mean of a window of `size` pixels, one integer or (height, width)."""
    height, width = _args.integers(size, "size", 2)
    return np.full((height, width), 1 / (height * width))


def gaussian(sigma=1.0, truncate=4.0):
    """Return weights in proportion to exp(-r^2 / (2 sigma^2)), up to `truncate` sigma away.

    Args:
        sigma: standard deviation in pixels.
        truncate: radius of the kernel in standard deviations, rounded to whole pixels.
    """
    sigma, truncate = _args.positive(sigma, "sigma"), _args.positive(truncate, "truncate")
    radius = int(truncate * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights /= weights.sum()
    return np.outer(weights, weights)


def sobel_x():
    """Return the derivative along x, smoothed by (1, 2, 1) along y: it finds vertical edges."""
    return np.outer([1.0, 2.0, 1.0], DERIVATIVE)


def sobel_y():
    """Return the derivative along y, smoothed by (1, 2, 1) along x: it finds horizontal edges."""
    return sobel_x().T


def prewitt_x():
    """Return the derivative along x, smoothed by (1, 1, 1) along y: it finds vertical edges."""
    return np.outer([1.0, 1.0, 1.0], DERIVATIVE)


def prewitt_y():
    """Return the derivative along y, smoothed by (1, 1, 1) along x: it finds horizontal edges."""
    return prewitt_x().T


def laplacian():
    """Return the sum of the second derivatives along x and y."""
    return np.array([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])


def sharpen(amount=1.0):
    """Return the image less `amount` times its Laplacian."""
    return _identity(3) - _args.positive(amount, "amount") * laplacian()


def unsharp(sigma=1.0, amount=1.0, truncate=4.0):
    """Return the image plus `amount` times its difference from its Gaussian blur."""
    blur = gaussian(sigma, truncate)
    identity = _identity(len(blur))
    return identity + _args.positive(amount, "amount") * (identity - blur)


KERNELS = {
    "box": box,
    "gaussian": gaussian,
    "sobel_x": sobel_x,
    "sobel_y": sobel_y,
    "prewitt_x": prewitt_x,
    "prewitt_y": prewitt_y,
    "laplacian": laplacian,
    "sharpen": sharpen,
    "unsharp": unsharp,
}


def _identity(size):
    kernel = np.zeros((size, size))
    kernel[size // 2, size // 2] = 1
    return kernel
