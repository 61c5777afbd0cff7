import math

import numpy as np
import pytest

from kzoo.analysis.gabor_fit import fit_gabor
from kzoo.initializers import Gabor
from kzoo.initializers.gabor import PARAMETERS


def planted(rng, size, lowest, highest):
    """Return the eight parameters in the range that `GaborFit` describes."""
    return {
        "alpha": rng.uniform(0.2, 2),
        "beta_x": rng.uniform(0.03, 0.3),
        "beta_y": rng.uniform(0.03, 0.3),
        "f": rng.uniform(lowest, highest),
        "phi": rng.uniform(-3, 3),
        "x0": rng.uniform(-size / 5, size / 5),
        "y0": rng.uniform(-size / 5, size / 5),
        "tau": rng.uniform(0.01, math.pi - 0.01),
    }


def kernel_of(parameters, *size):
    return np.asarray(Gabor(**parameters)((*size, 1, 1), dtype="float64"))[:, :, 0, 0]


@pytest.mark.parametrize(("lowest", "highest"), [(0.3, 0.6), (0.6, 1.5), (1.5, 2.6)])
@pytest.mark.parametrize("size", [(7, 7), (11, 11), (9, 12)])
def test_recovers_planted_parameters(size, lowest, highest):
    rng = np.random.default_rng(0)
    for _ in range(8):
        parameters = planted(rng, min(size), lowest, highest)
        fit = fit_gabor(kernel_of(parameters, *size))
        for name in PARAMETERS:
            assert getattr(fit, name) == pytest.approx(parameters[name], abs=1e-3), name
        assert fit.r_squared == pytest.approx(1, abs=1e-9)
        assert list(fit.parameters()) == list(PARAMETERS)


def test_scikit_image():
    """A kernel of another package, with the names of its parameters."""
    gabor_kernel = pytest.importorskip("skimage.filters").gabor_kernel
    kernel = gabor_kernel(0.2, theta=0.6, sigma_x=2, sigma_y=3, offset=0.7).real
    fit = fit_gabor(kernel)
    assert fit.f == pytest.approx(2 * math.pi * 0.2, abs=1e-6)
    assert fit.tau == pytest.approx(0.6, abs=1e-6)
    assert fit.beta_x == pytest.approx(1 / 8, abs=1e-6)
    assert fit.beta_y == pytest.approx(1 / 18, abs=1e-6)
    assert fit.phi == pytest.approx(0.7, abs=1e-6)
    assert fit.alpha == pytest.approx(1 / (2 * math.pi * 6), abs=1e-6)


def test_parameters_of_one_function_are_the_canonical_ones():
    base = {**planted(np.random.default_rng(1), 9, 1, 1.5), "tau": 1.0, "phi": 0.5}
    expected = fit_gabor(kernel_of(base, 9, 9))
    for change in (
        {"tau": 1.0 + math.pi, "phi": -0.5},
        {"alpha": -base["alpha"], "phi": 0.5 - math.pi},
        {"tau": 1.0 - math.pi, "f": -base["f"], "phi": 0.5},
    ):
        fit = fit_gabor(kernel_of({**base, **change}, 9, 9))
        for name in PARAMETERS:
            assert getattr(fit, name) == pytest.approx(getattr(expected, name), abs=1e-6), name
    assert -math.pi < expected.phi <= math.pi


def test_explained_variance():
    rng = np.random.default_rng(2)
    parameters = planted(rng, 11, 1, 1.5)
    kernel = kernel_of(parameters, 11, 11)
    noise = rng.normal(size=kernel.shape)
    noise *= 0.1 * np.std(kernel) / np.std(noise)
    fit = fit_gabor(kernel + noise)
    # Eight parameters of 121 numbers take up their share of the noise.
    assert 1 - fit.r_squared == pytest.approx(0.01 * 113 / 121, rel=0.2)
    assert fit.f == pytest.approx(parameters["f"], abs=0.05)
    assert fit_gabor(noise).r_squared < 0.5
    residual = kernel_of(fit.parameters(), 11, 11) - kernel - noise
    explained = 1 - np.sum(residual**2) / np.sum((kernel + noise - (kernel + noise).mean()) ** 2)
    assert fit.r_squared == pytest.approx(explained, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_scale_changes_the_amplitude_alone(scale):
    kernel = kernel_of(planted(np.random.default_rng(3), 9, 1, 1.5), 9, 9)
    fit, scaled = fit_gabor(kernel), fit_gabor(scale * kernel)
    assert scaled.alpha == pytest.approx(scale * fit.alpha, rel=1e-9)
    for name in PARAMETERS[1:]:
        assert getattr(scaled, name) == pytest.approx(getattr(fit, name), abs=1e-9)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (np.ones((3, 3, 1)), r"one channel of one filter.* shape \(3, 3, 1\)"),
        (np.ones((2, 4)), r"at least 9 pixels; received the shape \(2, 4\)"),
        (np.full((3, 3), 2.0), "must not have one value throughout; received 2.0 everywhere"),
    ],
)
def test_refused(kernel, message):
    with pytest.raises(ValueError, match=message):
        fit_gabor(kernel)
