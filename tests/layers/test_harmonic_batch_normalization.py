import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.layers.harmonic_batch_normalization import HarmonicBatchNormalization
from tests.helpers import check_layer
from tests.layers.harmonic_maps import as_complex, normal, to_channels_first, turned


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_keras_contract(data_format):
    is_last = data_format == "channels_last"
    shape = (2, 5, 6, 2, 2, 3) if is_last else (2, 2, 2, 3, 5, 6)
    check_layer(
        HarmonicBatchNormalization,
        {
            "data_format": data_format,
            "activation": "softplus",
            "momentum": 0.9,
            "epsilon": 1e-4,
            "smallest_magnitude": 0.01,
        },
        shape,
        expected_output_shape=shape,
        trainable=2,
        non_trainable=2,
        unknown_axes=(1, 2) if is_last else (4, 5),
        finite_differences=True,
    )


def test_training_normalises_the_magnitudes():
    """In NumPy's complex numbers: each order and channel by its own mean and variance."""
    x = normal(4, 5, 6, 2, 2, 3) * np.array([1, 3, 9], "float32")
    layer = HarmonicBatchNormalization(momentum=0.9, data_format="channels_last")
    y = as_complex(layer(x, training=True))
    z = as_complex(x)
    mean, variance = np.abs(z).mean(axis=(0, 1, 2)), np.abs(z).var(axis=(0, 1, 2))
    normalised = (np.abs(z) - mean) / np.sqrt(variance + 1e-3)
    expected = np.maximum(normalised, 0) * np.exp(1j * np.angle(z))
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)
    averages = np.reshape(layer.norm.moving_mean, (2, 3))
    np.testing.assert_allclose(averages, 0.1 * mean, rtol=1e-5)
    first = HarmonicBatchNormalization(momentum=0.9, data_format="channels_first")
    y_first = first(to_channels_first(x), training=True)
    np.testing.assert_allclose(
        y_first, to_channels_first(np.asarray(layer(x, training=True))), atol=1e-5
    )


def test_inference_is_that_of_keras_on_magnitudes():
    x = normal(4, 5, 6, 2, 2, 3)
    rng = np.random.default_rng(1)
    weights = [rng.uniform(0.5, 2, 6).astype("float32") for _ in range(4)]
    layer, norm = HarmonicBatchNormalization(), keras.layers.BatchNormalization()
    layer.build(x.shape)
    norm.build((None, 5, 6, 6))
    layer.set_weights(weights)
    norm.set_weights(weights)
    z = as_complex(x)
    magnitudes = np.abs(z).reshape(4, 5, 6, 6).astype("float32")
    expected = np.maximum(norm(magnitudes), 0).reshape(z.shape)
    expected = expected * np.exp(1j * np.angle(z))
    np.testing.assert_allclose(as_complex(layer(x)), expected, rtol=0, atol=1e-5)


def test_phases_do_not_matter():
    x = normal(2, 6, 6, 2, 2, 3)
    layer = HarmonicBatchNormalization(data_format="channels_last")
    expected = turned(as_complex(layer(x, training=True)))
    z = turned(as_complex(x))
    rotated = np.stack([z.real, z.imag], axis=4).astype("float32")
    actual = as_complex(layer(rotated, training=True))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)


def test_gradient_is_finite_at_zero():
    layer = HarmonicBatchNormalization()
    x = tf.zeros((1, 2, 2, 2, 2, 3))
    for training in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training)
        assert np.all(np.isfinite(tape.gradient(y, x)))
        assert np.all(np.asarray(y) == 0)


def test_refusals():
    with pytest.raises(ValueError, match="smallest_magnitude must be positive .* received -1"):
        HarmonicBatchNormalization(smallest_magnitude=-1)
    with pytest.raises(ValueError, match="HarmonicBatchNormalization takes a map of orders"):
        HarmonicBatchNormalization().build((None, 7, 7, 4, 3))
