import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.layers.stochastic_pooling import StochasticPooling2D
from tests.helpers import check_layer


def positive_maps(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.1, 2, size=shape).astype("float32")


CONFIGS = [
    ({}, (2, 7, 6, 3), (2, 3, 3, 3)),
    ({"pool_size": (3, 2), "strides": 2, "padding": "same", "seed": 3}, (2, 7, 6, 3), (2, 4, 3, 3)),
    ({"pool_size": 2, "strides": 3, "data_format": "channels_first"}, (2, 3, 7, 6), (2, 3, 2, 2)),
]


@pytest.mark.parametrize(("config", "shape", "expected"), CONFIGS)
def test_keras_contract(config, shape, expected):
    first = config.get("data_format") == "channels_first"
    check_layer(
        StochasticPooling2D,
        config,
        shape,
        expected_output_shape=expected,
        trainable=0,
        seed_generators=1,
        input_data=positive_maps(*shape),
        unknown_axes=(2, 3) if first else (1, 2),
        finite_differences=True,
    )


def test_keras_contract_in_training():
    check_layer(
        StochasticPooling2D,
        {"pool_size": 3, "strides": 2, "padding": "same"},
        (2, 7, 6, 3),
        expected_output_shape=(2, 4, 3, 3),
        trainable=0,
        seed_generators=1,
        input_data=positive_maps(2, 7, 6, 3),
        mixed_precision=False,
        call_options={"training": True},
    )


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_inference_is_torch_average_of_squares_by_average(padding):
    functional = pytest.importorskip("torch.nn.functional")
    import torch

    x = positive_maps(2, 9, 9, 3)
    planes = torch.from_numpy(x.transpose(0, 3, 1, 2).astype("float64"))
    border = 1 if padding == "same" else 0
    squares = functional.avg_pool2d(planes**2, 3, 2, border)
    expected = (squares / functional.avg_pool2d(planes, 3, 2, border)).numpy()
    y = np.asarray(StochasticPooling2D(3, 2, padding)(x)).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(y, expected, rtol=1e-6)


def test_numbers_of_the_paper():
    """Figure 1 of the paper: activations 1.6 and 2.4 have probabilities 0.4 and 0.6."""
    x = np.array([[0, 0, 0], [0, 1.6, 0], [0, 0, 2.4]], "float32").reshape(1, 3, 3, 1)
    y = StochasticPooling2D(3)(x)
    np.testing.assert_allclose(float(y[0, 0, 0, 0]), 0.4 * 1.6 + 0.6 * 2.4, rtol=1e-6)
    draws = np.asarray(StochasticPooling2D(3, seed=0)(np.tile(x, (20000, 1, 1, 1)), training=True))
    assert set(np.unique(draws)) == {np.float32(1.6), np.float32(2.4)}
    # The standard error of 20,000 draws is 0.0035.
    np.testing.assert_allclose(np.mean(draws > 2), 0.6, atol=0.014)


def test_draws_follow_the_activations():
    stats = pytest.importorskip("scipy.stats")
    weights = np.array([1, 2, 3, 4, 0, 6, 7, 8, 9], "float32")
    x = np.tile(weights.reshape(1, 3, 3, 1), (30000, 1, 1, 1))
    y = np.asarray(StochasticPooling2D(3, seed=1)(x, training=True)).ravel()
    values, counts = np.unique(y, return_counts=True)
    expected = weights[weights > 0]
    np.testing.assert_array_equal(values, expected)
    assert stats.chisquare(counts, len(y) * expected / expected.sum()).pvalue > 1e-3


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_every_draw_is_a_positive_element_of_its_window(scale):
    x = np.maximum(np.random.default_rng(0).normal(size=(16, 20, 20, 3)), 0).astype("float32")
    x = x * np.float32(scale)
    y = np.asarray(StochasticPooling2D(2, seed=0)(x, training=True))
    windows = x.reshape(16, 10, 2, 10, 2, 3).transpose(0, 1, 3, 5, 2, 4).reshape(16, 10, 10, 3, 4)
    assert np.all(np.any(windows == y[..., None], axis=-1))
    np.testing.assert_array_equal(y > 0, windows.max(axis=-1) > 0)
    assert np.all(np.isfinite(np.asarray(StochasticPooling2D(2)(x))))


@pytest.mark.parametrize("training", [False, True])
def test_negative_activations_count_as_zero(training):
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
    y, expected = (StochasticPooling2D(2, seed=5)(a, training=training) for a in (x, x.clip(0)))
    np.testing.assert_array_equal(np.asarray(y), np.asarray(expected))
    zeros = StochasticPooling2D(2)(np.full((1, 4, 4, 1), -1.0, "float32"), training=training)
    np.testing.assert_array_equal(np.asarray(zeros), 0)


def test_gradient_goes_to_the_element_drawn():
    x = tf.constant(positive_maps(8, 8, 8, 3))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = StochasticPooling2D(2, seed=0)(x, training=True)
    gradient = tape.gradient(y, x).numpy()
    spread = np.repeat(np.repeat(y.numpy(), 2, axis=1), 2, axis=2)
    np.testing.assert_array_equal(gradient, (x.numpy() == spread).astype("float32"))


@pytest.mark.parametrize("training", [False, True])
def test_gradient_is_finite_in_a_window_of_zeros(training):
    x = tf.zeros((1, 4, 4, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = StochasticPooling2D(2)(x, training=training)
    np.testing.assert_array_equal(tape.gradient(y, x).numpy(), 0)


def test_a_window_of_one_or_of_equal_elements_is_certain():
    x = positive_maps(2, 6, 6, 3)
    ones = np.full((2, 6, 6, 3), 0.7, "float32")
    for training in (False, True):
        y = StochasticPooling2D(1)(x, training=training)
        np.testing.assert_allclose(np.asarray(y), x, rtol=1e-6)
        y = StochasticPooling2D(3)(ones, training=training)
        np.testing.assert_allclose(np.asarray(y), 0.7, rtol=1e-6)


def test_seed_repeats_and_calls_differ():
    x = positive_maps(4, 16, 16, 3)
    first, second = StochasticPooling2D(2, seed=7), StochasticPooling2D(2, seed=7)
    draws = [np.asarray(layer(x, training=True)) for layer in (first, second, first)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert np.any(draws[0] != draws[2])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_draws_change_from_step_to_step_in_a_model(jit_compile):
    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, StochasticPooling2D(2, seed=0)(inputs))
    step = tf.function(lambda x: model(x, training=True), jit_compile=jit_compile)
    x = tf.constant(positive_maps(4, 16, 16, 3))
    assert np.any(step(x).numpy() != step(x).numpy())
    np.testing.assert_allclose(model.predict_on_batch(x), model(x).numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"pool_size": 0}, ValueError, "pool_size must be at least 1; received 0"),
        ({"padding": "full"}, ValueError, "padding must be one of 'valid', 'same'"),
        ({"seed": "0"}, TypeError, "seed must be an integer; received '0'"),
        ({"seed": -1}, ValueError, "seed must be at least 0; received -1"),
    ],
)
def test_refused_arguments(config, error, message):
    with pytest.raises(error, match=message):
        StochasticPooling2D(**config)


def test_refused_inputs():
    with pytest.raises(ValueError, match=r"does not fit an input of \(2, 9\)"):
        StochasticPooling2D(3).build((None, 2, 9, 3))


@pytest.mark.parametrize("training", [False, True])
def test_nan_stays_nan(training):
    x = positive_maps(2, 4, 4, 1)
    x[0, 1, 1] = np.nan
    y = np.asarray(StochasticPooling2D(2, seed=0)(x, training=training))
    expected = np.zeros((2, 2, 2, 1), bool)
    expected[0, 0, 0] = True
    np.testing.assert_array_equal(np.isnan(y), expected)


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_infinity_is_drawn(place):
    x = np.ones((64, 4), "float32")
    x[:, place] = np.inf
    y = np.asarray(StochasticPooling2D(2, seed=0)(x.reshape(64, 2, 2, 1), training=True))
    np.testing.assert_array_equal(y, np.inf)
