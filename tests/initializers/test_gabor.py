import inspect
import math

import keras
import numpy as np
import pytest

from kzoo.initializers import Gabor
from kzoo.initializers.gabor import gabor
from kzoo.layers import LocallyConnected2D, TiledConv1D, TiledConv2D

NEUTRAL = {
    "alpha": 1.0,
    "beta_x": 0.1,
    "beta_y": 0.2,
    "f": 0.8,
    "phi": 0.3,
    "x0": 0.0,
    "y0": 0.0,
    "tau": 0.5,
}


@pytest.mark.parametrize("theta", [0, 0.3, 1.2, 2.5])
@pytest.mark.parametrize(("sigma_x", "sigma_y", "frequency"), [(2, 3, 0.15), (3, 1.5, 0.3)])
def test_skimage_gives_the_same(theta, sigma_x, sigma_y, frequency):
    gabor_kernel = pytest.importorskip("skimage.filters").gabor_kernel
    expected = gabor_kernel(
        frequency, theta=theta, sigma_x=sigma_x, sigma_y=sigma_y, offset=0.7, n_stds=3
    ).real
    rows, columns = (n // 2 for n in expected.shape)
    y, x = np.mgrid[-rows : rows + 1, -columns : columns + 1]
    values = gabor(
        x,
        y,
        alpha=1 / (2 * math.pi * sigma_x * sigma_y),
        beta_x=1 / (2 * sigma_x**2),
        beta_y=1 / (2 * sigma_y**2),
        f=2 * math.pi * frequency,
        phi=0.7,
        x0=0,
        y0=0,
        tau=theta,
    )
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-15)


def test_properties_of_the_function():
    x, y = np.meshgrid(np.linspace(-3, 3, 13), np.linspace(-3, 3, 13))
    base = gabor(x, y, **NEUTRAL)
    shifted = gabor(x, y, **{**NEUTRAL, "x0": 1.5, "y0": -0.5})
    np.testing.assert_allclose(shifted, gabor(x - 1.5, y + 0.5, **NEUTRAL), atol=1e-15)
    turned = gabor(x, y, **{**NEUTRAL, "tau": NEUTRAL["tau"] + math.pi / 2})
    np.testing.assert_allclose(turned, np.rot90(base, -1), atol=1e-12)
    negated = gabor(x, y, **{**NEUTRAL, "phi": NEUTRAL["phi"] + math.pi})
    np.testing.assert_allclose(negated, -base, atol=1e-12)
    np.testing.assert_allclose(gabor(x, y, **{**NEUTRAL, "alpha": 3.0}), 3 * base, atol=1e-12)


@pytest.mark.parametrize("shape", [(5, 5, 2, 3), (4, 6, 1, 2), (1, 1, 2, 3)])
def test_numbers_give_the_function_itself(shape):
    kernel = np.asarray(Gabor(**NEUTRAL)(shape, dtype="float64"))
    rows, columns = shape[:2]
    for row in range(rows):
        for column in range(columns):
            x, y = column - (columns - 1) / 2, row - (rows - 1) / 2
            np.testing.assert_allclose(kernel[row, column], gabor(x, y, **NEUTRAL), rtol=1e-12)


@pytest.mark.parametrize("shape", [(7, 2, 3), (6, 1, 2), (1, 2, 3)])
def test_one_dimension_lies_along_x(shape):
    kernel = np.asarray(Gabor(**NEUTRAL)(shape, dtype="float64"))
    for column in range(shape[0]):
        expected = gabor(column - (shape[0] - 1) / 2, 0.0, **NEUTRAL)
        np.testing.assert_allclose(kernel[column], expected, rtol=1e-12)


@pytest.mark.parametrize(
    "shape", [(3, 3, 64, 64), (11, 11, 3, 96), (5, 4, 1, 8), (1, 1, 4, 8), (7, 3, 16), (1, 2, 3)]
)
def test_every_filter_has_the_variance_of_he(shape):
    kernel = np.asarray(Gabor(seed=1)(shape), dtype="float64").reshape(-1, shape[-1])
    np.testing.assert_allclose((kernel**2).mean(axis=0), 2 / kernel.shape[0], rtol=1e-5)


def test_directions_are_spread_evenly():
    fixed = {**NEUTRAL, "alpha": 1.0, "tau": None}
    kernel = np.asarray(Gabor(**fixed)((9, 9, 1, 4), dtype="float64"))
    for j in range(4):
        expected = np.asarray(
            Gabor(**{**fixed, "tau": j * math.pi / 4})((9, 9, 1, 1), dtype="float64")
        )
        np.testing.assert_allclose(kernel[..., j], expected[..., 0], atol=1e-12)


def test_ranges_are_drawn_per_filter():
    kernel = np.asarray(
        Gabor(**{**NEUTRAL, "alpha": (1.0, 3.0), "phi": 0.0}, seed=0)((1, 1, 2, 4000))
    )
    amplitude = kernel[0, 0, 0]
    np.testing.assert_array_equal(kernel[0, 0, 1], amplitude)
    assert amplitude.min() >= 1
    assert amplitude.max() <= 3
    np.testing.assert_allclose(amplitude.mean(), 2, atol=0.05)
    np.testing.assert_allclose(amplitude.std(), 2 / math.sqrt(12), atol=0.05)


@pytest.mark.parametrize("shape", [(5, 5, 3, 8), (5, 3, 8)])
def test_seed(shape):
    draws = [np.asarray(Gabor(seed=seed)(shape)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert np.abs(draws[0] - draws[2]).max() > 0.1
    assert np.abs(np.asarray(Gabor()(shape)) - np.asarray(Gabor()(shape))).max() > 0.1
    repeated = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        repeated.append(np.asarray(Gabor()(shape)))
    np.testing.assert_array_equal(*repeated)


def test_config_round_trip():
    initializer = Gabor(f=(0.5, 1), x0=(-1, 1), tau=0.25, seed=3)
    parameters = set(inspect.signature(Gabor.__init__).parameters) - {"self"}
    assert parameters == set(initializer.get_config())
    serialised = keras.saving.serialize_keras_object(initializer)
    assert serialised["registered_name"] == "kzoo>Gabor"
    restored = keras.saving.deserialize_keras_object(serialised)
    assert restored.get_config() == initializer.get_config()
    shape = (5, 5, 3, 8)
    np.testing.assert_array_equal(np.asarray(restored(shape)), np.asarray(initializer(shape)))
    assert initializer.clone().get_config() == initializer.get_config()


def test_model_with_it_saves_and_loads(tmp_path):
    layers = [keras.layers.Conv2D(4, 3, kernel_initializer=Gabor(phi=(0, 1)))]
    model = keras.Sequential([keras.Input((9, 9, 3)), *layers])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].kernel_initializer.phi == (0, 1)
    x = np.ones((1, 9, 9, 3), "float32")
    np.testing.assert_array_equal(np.asarray(loaded(x)), np.asarray(model(x)))


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize(
    ("layer", "shape", "rank"),
    [
        (lambda g: TiledConv2D(6, 5, tile_size=2, kernel_initializer=g), (None, 9, 9, 3), 2),
        (lambda g: TiledConv1D(6, 5, tile_size=4, kernel_initializer=g), (None, 9, 3), 1),
        (lambda g: LocallyConnected2D(6, 5, kernel_initializer=g), (None, 6, 6, 16), 2),
    ],
)
def test_every_tile_and_position_gets_its_own(layer, shape, rank, seed):
    built = layer(Gabor(seed=seed))
    built.build(shape)
    kernels = built.get_kernel()
    kernels = kernels.reshape(-1, *kernels.shape[rank:])
    assert kernels.shape[0] == 4
    squares = (kernels**2).sum(axis=tuple(range(1, kernels.ndim - 1)))
    np.testing.assert_allclose(squares, 2, rtol=1e-5)
    for i in range(4):
        for j in range(i):
            assert np.abs(kernels[i] - kernels[j]).max() > 0.05


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", None])
def test_dtype(dtype):
    values = Gabor()((3, 3, 2, 4), dtype=dtype)
    assert keras.backend.standardize_dtype(values.dtype) == (dtype or "float32")


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"f": "high"}, TypeError, r"f must be a number, a range \(low, high\) or None; .*'high'"),
        ({"tau": (0, None)}, TypeError, "tau must be a number, a range"),
        ({"phi": (1, 0)}, ValueError, r"phi must be a range .* low <= high; received \(1, 0\)"),
        ({"x0": (0, 1, 2)}, ValueError, r"x0 must be a range .*; received \(0, 1, 2\)"),
        ({"seed": 1.5}, TypeError, "seed must be an integer or None; received 1.5"),
        ({"seed": -1}, ValueError, "seed must not be negative; received -1"),
    ],
)
def test_refused_arguments(config, error, message):
    with pytest.raises(error, match=message):
        Gabor(**config)


def test_refused_shapes_and_functions():
    with pytest.raises(ValueError, match=r"\(kh, kw, in, out\) or \(k, in, out\); .* \(3, 4\)"):
        Gabor()((3, 4))
    with pytest.raises(ValueError, match=r"0 on the whole grid of a kernel of \(1, 1\)"):
        Gabor(phi=math.pi / 2)((1, 1, 3, 4))
