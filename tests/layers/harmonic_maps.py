"""What the tests of the harmonic layers share: complex maps, and rotations of them."""

import numpy as np


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def as_complex(x):
    """Return a map of orders, channels last, as a complex array (B, H, W, orders, channels)."""
    x = np.asarray(x).astype("float64")
    return x[..., 0, :] + 1j * x[..., 1, :]


def quarter_turn(x):
    """Rotate maps by 90 degrees counter-clockwise."""
    return np.rot90(x, axes=(1, 2)).copy()


def turned(z):
    """Return what a map of orders, as complex numbers, is for the image rotated by 90 degrees."""
    return quarter_turn(z) * (1j ** np.arange(z.shape[3]))[:, None]


def to_channels_first(x):
    return np.ascontiguousarray(np.moveaxis(x, (1, 2), (-2, -1)))
