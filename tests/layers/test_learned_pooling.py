import keras
import numpy as np
import pytest

from kzoo.layers.learned_pooling import LearnedPooling2D, balanced_prior, densities, rectangles
from tests.helpers import check_layer


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({"units": 2, "grid_size": 2}, (2, 7, 6, 3), (2, 6)),
        (
            {"units": 2, "grid_size": (3, 2), "per_channel": True, "data_format": "channels_first"},
            (2, 3, 5, 6),
            (2, 6),
        ),
        ({"units": 1, "logits_initializer": "random_normal"}, (2, 3, 9, 3), (2, 3)),
    ],
)
def test_keras_contract(config, shape, expected):
    check_layer(
        LearnedPooling2D,
        config,
        shape,
        expected_output_shape=expected,
        trainable=1,
        unknown_axes=(2, 3) if config.get("data_format") == "channels_first" else (1, 2),
        finite_differences=True,
    )


@pytest.mark.parametrize("size", [(8, 8), (7, 10), (2, 3), (1, 1)])
@pytest.mark.parametrize("grid_size", [1, 2, 4, (3, 5)])
@pytest.mark.parametrize("per_channel", [False, True])
def test_at_first_every_unit_is_the_average(size, grid_size, per_channel):
    x = random_maps(2, *size, 3)
    y = np.asarray(LearnedPooling2D(2, grid_size, per_channel)(x)).reshape(2, 2, 3)
    expected = np.asarray(keras.layers.GlobalAveragePooling2D()(x))
    np.testing.assert_allclose(y, np.stack([expected, expected], 1), rtol=0, atol=1e-6)


def test_a_hundred_candidates_as_in_the_paper():
    """A grid of 4 x 4 has 100 rectangles, section 3.1."""
    regions = rectangles((4, 4))
    assert len(set(regions)) == len(regions) == 100
    assert {(0, 0, 4, 4), (0, 0, 2, 2), (1, 1, 3, 3), (3, 3, 4, 4)} < set(regions)


@pytest.mark.parametrize("grid_size", [(1, 1), (1, 2), (4, 4), (3, 7), (8, 8)])
def test_prior_is_positive_and_flat(grid_size):
    density = densities(grid_size)
    prior = balanced_prior(density)
    assert np.all(prior > 0)
    np.testing.assert_allclose(prior.sum(), 1, rtol=1e-12)
    flat = np.tensordot(prior, density, axes=1)
    np.testing.assert_allclose(flat, 1 / (grid_size[0] * grid_size[1]), rtol=1e-12)


@pytest.mark.parametrize("size", [(8, 12), (4, 4)])
@pytest.mark.parametrize("per_channel", [False, True])
def test_weighted_sum_of_means_of_rectangles(size, per_channel):
    """Against NumPy's mean of each rectangle, and torch's pooling of the cells."""
    x = random_maps(2, *size, 3)
    layer = LearnedPooling2D(5, 4, per_channel, logits_initializer="random_normal")
    y = np.asarray(layer(x)).reshape(2, 5, 3)
    step = (size[0] // 4, size[1] // 4)
    weights = layer.region_weights()
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-6)
    means = np.stack(
        [
            x[:, t * step[0] : b * step[0], s * step[1] : r * step[1]].mean(axis=(1, 2))
            for t, s, b, r in layer.regions
        ],
        axis=1,
    )
    expected = np.einsum("ucr,brc->buc" if per_channel else "ur,brc->buc", weights, means)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)

    torch = pytest.importorskip("torch")
    planes = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    cells = torch.nn.functional.adaptive_avg_pool2d(planes, 4).numpy()
    subscripts = "ucij,bcij->buc" if per_channel else "uij,bcij->buc"
    expected = np.einsum(subscripts, layer.cell_weights(), cells)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)


def test_training_recovers_planted_regions():
    """Two units learn the regions that made the targets, each out of 100 candidates."""
    x = random_maps(512, 8, 8, 2)
    planted = [(1, 0, 4, 3), (0, 2, 2, 4)]
    targets = [x[:, 2 * t : 2 * b, 2 * s : 2 * r].mean(axis=(1, 2)) for t, s, b, r in planted]
    layer = LearnedPooling2D(2)
    model = keras.Sequential([keras.Input((8, 8, 2)), layer])
    model.compile(keras.optimizers.Adam(0.1), "mse", jit_compile=False)
    model.fit(x, np.concatenate(targets, axis=1), batch_size=128, epochs=120, verbose=0)
    expected = np.zeros((2, 4, 4))
    for field, (t, s, b, r) in zip(expected, planted):
        field[t:b, s:r] = 1 / ((b - t) * (r - s))
    np.testing.assert_allclose(layer.cell_weights(), expected, atol=0.01)


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"units": 0}, ValueError, "units must be at least 1; received 0"),
        ({"units": 1, "grid_size": 1.5}, TypeError, "grid_size must be an integer or 2 of them"),
        ({"units": 1, "per_channel": "no"}, ValueError, "per_channel must be one of True, False"),
    ],
)
def test_refused_arguments(config, error, message):
    with pytest.raises(error, match=message):
        LearnedPooling2D(**config)


def test_refused_inputs():
    with pytest.raises(ValueError, match="needs a known number of input channels; received an"):
        LearnedPooling2D(1).build((None, 4, 4, None))
    for method in (LearnedPooling2D(1).region_weights, LearnedPooling2D(1).cell_weights):
        with pytest.raises(ValueError, match="has no weights yet; call it or `build` it"):
            method()
