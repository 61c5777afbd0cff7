"""The Gabor function nearest to a kernel: what a first-layer filter looks for.

Goodfellow, Bengio and Courville, Deep Learning (2016), section 9.10, equation 9.16.
"""

from dataclasses import asdict, dataclass

import numpy as np
import scipy.optimize

from kzoo.analysis._call import as_float64
from kzoo.initializers.gabor import PARAMETERS, gabor


@dataclass(frozen=True)
class GaborFit:
    """A Gabor function fitted to a kernel.

    Attributes:
        alpha: amplitude, not negative.
        beta_x, beta_y: decay along and across the wave, in 1 / pixel^2.
        f: angular frequency, in radians per pixel, from 0 to pi.
        phi: phase, in radians, from -pi to pi.
        x0, y0: column and row of the centre, in pixels from the middle of the kernel.
        tau: direction of the wave, in radians, from 0 to pi.
        r_squared: share of the kernel's variance that the function explains.
    """

    alpha: float
    beta_x: float
    beta_y: float
    f: float
    phi: float
    x0: float
    y0: float
    tau: float
    r_squared: float

    def parameters(self):
        """Return the eight parameters by name, as `kzoo.initializers.Gabor` takes them."""
        return {name: value for name, value in asdict(self).items() if name in PARAMETERS}


def fit_gabor(kernel):
    """Return the Gabor function that is nearest to a kernel, by least squares.

    For each of twelve directions the best of a grid of waves and envelopes, with its best amplitude
    and phase, is refined, and the best of the results is taken. Of the parameters that give the
    same function, those are returned that `GaborFit` describes.

    Args:
        kernel: array (kh, kw), one channel of one filter, of at least 9 pixels.

    Returns:
        A `GaborFit`.

    Raises:
        ValueError: a kernel of another rank, of fewer pixels or of one value throughout.

    Example:

    >>> kernel = kzoo.initializers.Gabor(alpha=1.0, tau=0.5, seed=0)((11, 11, 1, 1))
    >>> round(kzoo.analysis.fit_gabor(kernel[:, :, 0, 0]).tau, 3)
    0.5
    """
    kernel = as_float64(kernel)
    if kernel.ndim != 2 or kernel.size < 9:
        raise ValueError(
            "kernel must be one channel of one filter, (kh, kw) with at least 9 pixels; received "
            f"the shape {kernel.shape}."
        )
    if np.ptp(kernel) == 0:
        raise ValueError(
            f"kernel must not have one value throughout; received {kernel.flat[0]} everywhere."
        )
    scale = np.abs(kernel).max()
    y, x = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in kernel.shape), indexing="ij")
    target = (kernel / scale).ravel()
    low, high = _bounds(kernel.shape)

    def residuals(parameters):
        return gabor(x.ravel(), y.ravel(), *parameters) - target

    def refined(start, **options):
        return scipy.optimize.least_squares(
            residuals, np.clip(start, low, high), bounds=(low, high), x_scale="jac", **options
        )

    fits = [refined(start, max_nfev=30) for start in _starts(target, x.ravel(), y.ravel())]
    best = min(fits, key=lambda fit: fit.cost)
    best = refined(best.x, xtol=1e-12, ftol=1e-12, gtol=1e-12, max_nfev=500)
    r_squared = 1 - np.sum(best.fun**2) / np.sum((target - target.mean()) ** 2)
    values = _canonical(dict(zip(PARAMETERS, best.x)))
    values["alpha"] *= scale
    values["r_squared"] = r_squared
    return GaborFit(**{name: float(value) for name, value in values.items()})


def _bounds(shape):
    """Return the lowest and highest parameters: the centre stays within the kernel."""
    height, width = shape
    # A pixel at distance 1 from the centre has decayed to exp(-4): no narrower shows on the grid.
    limits = {
        "alpha": (-np.inf, np.inf),
        "beta_x": (0, 4),
        "beta_y": (0, 4),
        "f": (0, np.pi),
        "phi": (-np.inf, np.inf),
        "x0": (-width / 2, width / 2),
        "y0": (-height / 2, height / 2),
        "tau": (-np.inf, np.inf),
    }
    return np.array([limits[name] for name in PARAMETERS]).T


def _starts(target, x, y):
    """Return for each direction the best of a grid of functions."""
    energy = target**2 / np.sum(target**2)
    x0, y0 = energy @ x, energy @ y
    spread = energy @ ((x - x0) ** 2 + (y - y0) ** 2) / 2
    starts = []
    for tau in np.pi * np.arange(12) / 12:
        candidates = []
        for f in np.pi * np.arange(0.5, 8) / 8:
            for beta in 0.25 / max(spread, 0.05) * np.array([0.5, 1, 2]):
                shape = (beta, beta, f)
                even = gabor(x, y, 1.0, *shape, 0.0, x0, y0, tau)
                odd = gabor(x, y, 1.0, *shape, -np.pi / 2, x0, y0, tau)
                basis = np.stack([even, odd], axis=1)
                # cos(f x' + phi) is the even wave by cos(phi) less the odd one by sin(phi).
                (a, b), *_ = np.linalg.lstsq(basis, target, rcond=1e-6)
                cost = np.sum((basis @ (a, b) - target) ** 2)
                start = (np.hypot(a, b), *shape, np.arctan2(-b, a), x0, y0, tau)
                candidates.append((cost, start))
        starts.append(min(candidates)[1])
    return starts


def _canonical(values):
    """Return the same function with alpha not negative, tau in [0, pi) and phi in (-pi, pi]."""
    turns = np.floor(values["tau"] / np.pi)
    phi = values["phi"] if turns % 2 == 0 else -values["phi"]
    phi += np.pi * (values["alpha"] < 0)
    return {
        **values,
        "alpha": abs(values["alpha"]),
        "tau": values["tau"] - np.pi * turns,
        "phi": np.pi - (np.pi - phi) % (2 * np.pi),
    }
