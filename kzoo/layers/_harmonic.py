"""Circular harmonics on the grid of pixels, and the planar kernel of a harmonic convolution.

Worrall, Garbin, Turmukhambetov and Brostow, "Harmonic Networks: Deep Translation and Rotation
Equivariance", CVPR 2017 (https://arxiv.org/abs/1612.04642). The authors sample each ring at a few
angles; here the integral over the ring is exact, so that 90 degrees are exact for any kernel.
"""

import numpy as np

# Standard deviation, in pixels, of the Gaussian that carries a ring over to the grid.
RING_WIDTH = 0.5


def highest_order(kernel_size):
    """Return the highest order of which a kernel holds a ring, see `ring_radii`."""
    return -(-3 * (kernel_size - 1) // 4) - 1


def distances(kernel_size):
    """Return at how many different distances from the centre, but for 0, the pixels lie."""
    x = np.arange(kernel_size) * 2 - (kernel_size - 1)
    return np.count_nonzero(np.unique(x[:, None] ** 2 + x**2))


def ring_radii(order, num_rings, kernel_size):
    """Return the radii, in pixels and evenly spaced, of the rings of one order.

    The outermost touches the edge of the kernel. The innermost is the centre itself for order 0;
    for others it is as small as the grid can hold the order, with 4.2 pixels to a period.
    """
    outermost, innermost = (kernel_size - 1) / 2, 2 * abs(order) / 3
    return np.linspace(outermost, innermost, num_rings)[::-1]


def circular_harmonics(order, num_rings, kernel_size):
    """Return the circular harmonics of one order on the grid, one for each ring.

    The harmonic of a ring of radius r is the integral over the angle t of e^(i order t) times a
    Gaussian at the point (r, t). At a pixel with polar coordinates (d, phi), phi counted
    counter-clockwise, it is a real function of d times e^(i order phi), and it is 0 at the centre
    for all orders but 0. Each is scaled to unit energy.

    Returns:
        A complex128 array (kernel_size, kernel_size, num_rings).
    """
    offsets = np.arange(kernel_size) - (kernel_size - 1) / 2
    pixels = offsets - 1j * offsets[:, None]
    # The trapezoidal rule converges exponentially; this many angles leave rounding errors only,
    # and as a multiple of 4 they turn into themselves by 90 degrees.
    steps = 16 * kernel_size
    turns = np.exp(2j * np.pi * np.arange(steps) / steps)
    radii = ring_radii(order, num_rings, kernel_size)
    distance = np.abs(pixels[:, :, None, None] - radii[:, None] * turns)
    harmonics = np.exp(-(distance**2) / (2 * RING_WIDTH**2)) @ turns**order
    if order:
        harmonics[pixels == 0] = 0
    return harmonics / np.sqrt(np.sum(np.abs(harmonics) ** 2, axis=(0, 1)))


def filter_harmonics(orders, num_rings, kernel_size):
    """Return the harmonics of several orders, (len(orders), kernel_size, kernel_size, num_rings).

    Those of a negative order are the conjugates of those of the positive one.
    """
    harmonics = {m: circular_harmonics(m, num_rings, kernel_size) for m in set(map(abs, orders))}
    return np.stack([harmonics[m] if m >= 0 else harmonics[-m].conj() for m in orders])


def kernel_basis(harmonics, input_orders):
    """Return how the planar kernels depend on the coefficients of the filters.

    A map of order n goes to order k by the filter of order k - n. The array is contracted with
    coefficients (filter orders, 2, rings, in, filters), their real and imaginary parts.

    Args:
        harmonics: complex array of `filter_harmonics` of the orders 1 - input_orders up to the
            highest order of the output.
        input_orders: number of orders of the input, which begin at 0.

    Returns:
        An array (2, kh * kw, input_orders, output_orders, filter orders, 2, rings), the first axis
        for the real and the imaginary part of the kernel.
    """
    count, height, width, rings = harmonics.shape
    outputs = count - input_orders + 1
    basis = np.zeros((2, height * width, input_orders, outputs, count, 2, rings))
    for n in range(input_orders):
        for k in range(outputs):
            q = k - n + input_orders - 1
            harmonic = harmonics[q].reshape(-1, rings)
            # What 1 and what i, as the coefficient, make of the harmonic.
            response = np.stack([harmonic, 1j * harmonic], axis=1)
            basis[0, :, n, k, q] = response.real
            basis[1, :, n, k, q] = response.imag
    return basis
