import math

import keras
import numpy as np
import pytest

from kzoo.analysis.reverse_correlation import reverse_correlation


def weights(*shape, seed=7):
    w = np.random.default_rng(seed).normal(size=shape)
    return w / np.linalg.norm(w)


def cosine(a, b):
    return np.sum(a * b) / np.linalg.norm(a) / np.linalg.norm(b)


@pytest.mark.parametrize(("n", "spread"), [(2_000, 0.012), (20_000, 0.0015)])
def test_linear_unit(n, spread):
    """cos(STA, w) = 1 / sqrt(1 + (d + 1) / n), 0.941 and 0.9936 for d = 256; STA -> sigma^2 w."""
    w, sigma = weights(16, 16), 0.5
    result = reverse_correlation(lambda x: np.sum(x * w, axis=(1, 2)), n, sigma, (16, 16))
    assert result.sta.shape == (16, 16)
    assert abs(cosine(result.sta, w) - 1 / math.sqrt(1 + 257 / n)) < spread
    assert np.sum(result.sta * w) == pytest.approx(sigma**2, rel=4 * math.sqrt(2 / n))
    assert result.stc is None
    assert abs(result.mean_response) < 4 * sigma / math.sqrt(n)


def test_rectified_unit():
    """Its mean gradient is w / 2, and its variance 1/2 - 1 / (2 pi)."""
    w, n = weights(256), 20_000
    sta = reverse_correlation(lambda x: np.maximum(x @ w, 0), n, input_shape=(256,)).sta
    noise = 256 / n * (0.5 - 0.5 / math.pi) / 0.25
    assert cosine(sta, w) == pytest.approx(1 / math.sqrt(1 + noise), abs=0.0015)
    assert sta @ w == pytest.approx(0.5, rel=0.05)


def test_complex_cell():
    """The STA of a sum of two squares is 0, and its STC is 2 sigma^4 (a a^T + b b^T)."""
    a, b = weights(64), weights(64, seed=8)
    b -= a * (a @ b)
    b /= np.linalg.norm(b)
    sigma, n = 2.0, 20_000
    result = reverse_correlation(
        lambda x: (x @ a) ** 2 + (x @ b) ** 2, n, sigma, (64,), stc=True, batch_size=3_000
    )
    assert np.linalg.norm(result.sta) < 2 * sigma**3 * math.sqrt(2 * 64 / n)
    values, vectors = np.linalg.eigh(result.stc)
    np.testing.assert_allclose(values[-2:], 2 * sigma**4, rtol=0.15)
    assert np.abs(values[:-2]).max() < sigma**4
    for direction in (a, b):
        assert np.linalg.norm(vectors[:, -2:].T @ direction) > 0.97
    assert result.mean_response == pytest.approx(2 * sigma**2, rel=0.05)


def test_layers_and_models():
    """A unit of a convolution shows its kernel, where it looks, and a model knows its input."""
    conv = keras.layers.Conv2D(3, 3, padding="same")
    model = keras.Sequential([keras.Input((5, 6, 2)), conv, keras.layers.Dropout(0.5)])
    kernel = keras.ops.convert_to_numpy(conv.kernel)
    sta = reverse_correlation(model, 4_000, unit=(1, 2, 0)).sta
    assert sta.shape == (5, 6, 2)
    assert cosine(sta[:3, 1:4], kernel[..., 0]) > 0.98
    assert np.abs(sta[4]).max() < 0.15 * np.abs(sta).max()


def test_seed_and_batches():
    def unit(x):
        return np.tanh(x[:, :1])

    first = reverse_correlation(unit, 100, input_shape=(4,), stc=True)
    again = reverse_correlation(unit, 100, input_shape=(4,), stc=True, batch_size=7)
    np.testing.assert_allclose(again.sta, first.sta, rtol=0, atol=1e-14)
    np.testing.assert_allclose(again.stc, first.stc, rtol=0, atol=1e-14)
    other = reverse_correlation(unit, 100, input_shape=(4,), seed=1)
    assert np.abs(other.sta - first.sta).max() > 1e-3


def test_is_the_sample_covariance():
    seen = []

    def unit(x):
        seen.append(x)
        return np.exp(x[:, 0].astype("float64"))

    sta = reverse_correlation(unit, 50, input_shape=(3,)).sta
    expected = np.cov(np.column_stack([seen[0], np.exp(seen[0][:, 0].astype("float64"))]).T)
    np.testing.assert_allclose(sta, expected[-1, :-1], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((np.tanh, 1), {}, ValueError, "n must be at least 2; received 1"),
        ((np.tanh, 10.0), {}, TypeError, "n must be an integer"),
        ((np.tanh, 10, 0), {}, ValueError, "sigma must be positive; received 0"),
        ((np.tanh, 10), {}, ValueError, "input_shape must be given, .* received None"),
        ((np.tanh, 10, 1, (3, None)), {}, ValueError, r"with every size; received \(3, None\)"),
        (
            (np.tanh, 10, 1, (3,)),
            {},
            ValueError,
            r"one number of an output of shape \(3,\); .*None",
        ),
        ((np.tanh, 10, 1, (3,)), {"unit": 3}, ValueError, "unit must select .* received 3"),
        ((np.tanh, 10, 1, (3, 2)), {"unit": 1}, ValueError, "unit must select .* received 1"),
        ((np.tanh, 10, 1, (3,)), {"unit": 0, "batch_size": 0}, ValueError, "batch_size must be"),
        ((None, 10, 1, (3,)), {}, TypeError, "a function is needed; received None"),
    ],
)
def test_refused(arguments, options, error, message):
    with pytest.raises(error, match=message):
        reverse_correlation(*arguments, **options)
