"""The circular harmonics, against their closed form and against rotations of what they see."""

import numpy as np
import pytest
from scipy.special import ive

from kzoo.layers._harmonic import (
    RING_WIDTH,
    circular_harmonics,
    distances,
    filter_harmonics,
    highest_order,
    ring_radii,
)


@pytest.mark.parametrize(
    ("kernel_size", "order", "num_rings"), [(3, 0, 2), (3, 1, 2), (4, 2, 2), (5, 1, 4), (11, 5, 6)]
)
def test_closed_form(kernel_size, order, num_rings):
    """The Gaussian, integrated around the ring, is a modified Bessel function of the radius."""
    offsets = np.arange(kernel_size) - (kernel_size - 1) / 2
    x, y = np.meshgrid(offsets, -offsets)
    d, phi = np.hypot(x, y)[:, :, None], np.arctan2(y, x)[:, :, None]
    r = ring_radii(order, num_rings, kernel_size)
    bessel = ive(order, d * r / RING_WIDTH**2)
    expected = np.exp(-((d - r) ** 2) / (2 * RING_WIDTH**2)) * bessel * np.exp(1j * order * phi)
    expected /= np.sqrt(np.sum(np.abs(expected) ** 2, axis=(0, 1)))
    harmonics = circular_harmonics(order, num_rings, kernel_size)
    np.testing.assert_allclose(harmonics, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("kernel_size", [3, 4, 5, 8, 9])
def test_a_quarter_turn_is_exact(kernel_size):
    for order in range(highest_order(kernel_size) + 1):
        harmonics = circular_harmonics(order, 2, kernel_size)
        turned = np.rot90(harmonics) * 1j**order
        np.testing.assert_allclose(turned, harmonics, rtol=0, atol=1e-14)


@pytest.mark.parametrize("kernel_size", [3, 5, 7])
def test_the_centre_carries_order_0_only(kernel_size):
    centre = kernel_size // 2
    for order in range(1, highest_order(kernel_size) + 1):
        assert np.all(circular_harmonics(order, 2, kernel_size)[centre, centre] == 0)
    assert abs(circular_harmonics(0, 2, kernel_size)[centre, centre, 0]) > 0.5


def relative_error(harmonics, order, degrees, waves):
    """Return how far responses to rotated waves are from the responses times e^(i order angle)."""
    offsets = np.arange(len(harmonics)) - (len(harmonics) - 1) / 2
    x, y = np.meshgrid(offsets, -offsets)
    angle = np.deg2rad(degrees)

    def responses(waves):
        phases = np.arange(len(waves))[:, None, None]
        waves = np.cos(waves.real[:, None, None] * x + waves.imag[:, None, None] * y + phases)
        return np.einsum("wyx,yxr->wr", waves, harmonics)

    expected = responses(waves) * np.exp(1j * order * angle)
    error = responses(waves * np.exp(1j * angle)) - expected
    return np.sqrt(np.sum(np.abs(error) ** 2, axis=0) / np.sum(np.abs(expected) ** 2, axis=0))


@pytest.mark.parametrize("kernel_size", [3, 5, 7, 9])
def test_any_angle_is_exact_up_to_the_grid(kernel_size):
    """For waves of at least 4 pixels, which the grid of pixels samples finely enough."""
    rng = np.random.default_rng(0)
    radius = np.pi / 2 * np.sqrt(rng.uniform(size=2000))
    waves = radius * np.exp(2j * np.pi * rng.uniform(size=2000))
    for order in range(highest_order(kernel_size) + 1):
        harmonics = circular_harmonics(order, 2, kernel_size)
        assert relative_error(harmonics, order, 45, waves).max() < 0.11
        assert relative_error(harmonics, order, 20, waves).max() < 0.11
        assert relative_error(harmonics, order, 90, waves).max() < 1e-13
        wrong = relative_error(harmonics, order + 1, 45, waves)
        assert wrong.min() > 0.7


def test_negative_orders_are_conjugates():
    harmonics = filter_harmonics(range(-2, 3), 3, 5)
    assert harmonics.shape == (5, 5, 5, 3)
    np.testing.assert_array_equal(harmonics[::-1], harmonics.conj())


def test_rings_fit_the_kernel():
    np.testing.assert_allclose(ring_radii(0, 4, 5), [0, 2 / 3, 4 / 3, 2])
    np.testing.assert_allclose(ring_radii(-1, 3, 5), [2 / 3, 4 / 3, 2])
    np.testing.assert_allclose(ring_radii(1, 1, 3), [1])
    assert [highest_order(k) for k in (3, 4, 5, 7, 9)] == [1, 2, 2, 4, 5]
    assert [distances(k) for k in (1, 2, 3, 4, 5)] == [0, 1, 2, 3, 5]
    for kernel_size in range(3, 12):
        for order in range(highest_order(kernel_size) + 1):
            assert np.all(np.diff(ring_radii(order, 2, kernel_size)) > 0)


@pytest.mark.parametrize(("kernel_size", "num_rings"), [(3, 2), (5, 4), (7, 4)])
def test_rings_are_independent(kernel_size, num_rings):
    for order in range(highest_order(kernel_size) + 1):
        harmonics = circular_harmonics(order, num_rings, kernel_size).reshape(-1, num_rings)
        np.testing.assert_allclose(np.sum(np.abs(harmonics) ** 2, axis=0), 1)
        assert np.linalg.matrix_rank(harmonics, tol=1e-3) == num_rings
