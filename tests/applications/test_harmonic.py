"""The harmonic network for rotated MNIST: its size, and its logits under rotations."""

import keras
import numpy as np
import pytest

import kzoo
from kzoo.layers.harmonic_activation import HarmonicActivation
from kzoo.layers.harmonic_batch_normalization import HarmonicBatchNormalization
from kzoo.layers.harmonic_conv import HarmonicConv2D
from kzoo.layers.harmonic_magnitude_conv import HarmonicMagnitudeConv2D
from tests.applications.group_models import change, flip, images, rotation, rotation_by_45


def build(**options):
    """Build a model that gives logits, with weights and statistics as training would leave them."""
    model = kzoo.create_model("hnet_mnist", classifier_activation=None, **options)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, HarmonicBatchNormalization):
            weights = [rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()]
            layer.set_weights(weights)
        if isinstance(layer, HarmonicActivation):
            layer.set_weights([rng.normal(0, 0.2, layer.bias.shape)])
    return model


# Counted from the authors' code, the filters of order -1 on the image left out.
def test_parameters():
    count = {}
    for layer in kzoo.create_model("hnet_mnist").layers:
        kind = type(layer)
        size = sum(int(np.prod(w.shape)) for w in layer.trainable_weights)
        count[kind] = count.get(kind, 0) + size
    channels = [(8, 8), (8, 16), (16, 16), (16, 32), (32, 32)]
    assert count[HarmonicConv2D] == 2 * 5 * 8 + 3 * 5 * sum(i * o for i, o in channels)
    assert count[HarmonicMagnitudeConv2D] == 3 * 4 * 32 * 10 + 10
    assert count[HarmonicActivation] == 2 * (8 + 16 + 32)
    assert count[HarmonicBatchNormalization] == 2 * 2 * (8 + 16 + 32)


@pytest.mark.parametrize(("height", "width"), [(28, 28), (32, 24)])
def test_logits_do_not_change_with_rotations(height, width):
    model = build(input_shape=(None, None, 1))
    inputs = images(height, width, 1)
    for quarters in (1, 2, 3):
        assert change(model, inputs, rotation(quarters)) < 1e-5
    assert change(model, inputs, flip) > 5e-4


def test_rotations_in_between():
    """A smooth blob turned by 45 degrees changes the logits far less than those of z2cnn."""
    x, y = np.meshgrid(np.arange(28) - 13.5, np.arange(28) - 13.5)
    blobs = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / 8) for a, b in ((4, 0), (-3, 3), (0, -5)))
    inputs = (200 * blobs / blobs.max())[None, :, :, None].astype("float32")
    model = build(mean=(0.0,), std=(0.3,))
    ordinary = kzoo.create_model("z2cnn", classifier_activation=None)
    assert change(model, inputs, rotation_by_45) < 0.05
    assert change(ordinary, inputs, rotation_by_45) > 0.2


def test_features_turn_with_the_image():
    model = build(include_top=False, input_shape=(32, 32, 1))
    inputs = images(32, 32, 1)
    features = np.asarray(model(inputs))
    assert features.shape == (2, 8, 8, 64)
    turned = np.asarray(model(rotation(1)(inputs)))
    np.testing.assert_allclose(turned, rotation(1)(features), rtol=0, atol=1e-5 * features.max())


def test_channels_first():
    inputs = images(28, 28, 1)
    last = build()
    keras.config.set_image_data_format("channels_first")
    first = build()
    first.set_weights(last.get_weights())
    expected = np.asarray(last(inputs))
    outputs = np.asarray(first(np.moveaxis(inputs, -1, 1)))
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_sizes_that_cannot_be_halved_twice_are_warned_of():
    for size in ((30, 28), (28, 29)):
        with pytest.warns(UserWarning, match="use multiples of 4"):
            kzoo.create_model("hnet_mnist", input_shape=(*size, 1))


def test_head():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = kzoo.create_model("hnet_mnist")
    assert model.get_layer("top").compute_dtype == "float32"
    assert model.output.dtype == "float32"
    assert kzoo.replace_head(model, 3).output_shape == (None, 3)


def test_other_convolutions_are_refused():
    with pytest.raises(ValueError, match="hnet_mnist takes no conv='tiled': .* harmonic already"):
        kzoo.create_model("hnet_mnist", conv="tiled")


def test_it_learns():
    """A few steps on four rotated images of two classes."""
    keras.utils.set_random_seed(0)
    model = kzoo.create_model("hnet_mnist", classes=2, input_shape=(12, 12, 1))
    inputs = images(12, 12, 1, batch=4)
    model.compile(keras.optimizers.Adam(7.6e-3), "sparse_categorical_crossentropy")
    labels = np.array([0, 0, 1, 1])
    losses = model.fit(inputs, labels, epochs=15, batch_size=4, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
