import keras
import numpy as np
import pytest

import kzoo

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")


def features(model, layer):
    return keras.Model(model.input, model.get_layer(layer).output).predict(IMAGES, verbose=0)


@pytest.mark.parametrize(
    ("name", "last"),
    [("resnet20_cifar", "global_pool"), ("all_cnn_c", "relu8"), ("p4_all_cnn_c", "l8.relu")],
)
def test_backbone_is_kept_and_the_head_is_new(name, last):
    model = kzoo.create_model(name)
    new = kzoo.replace_head(model, 3)
    assert new.output_shape == (None, 3)
    assert model.output_shape == (None, 10)
    np.testing.assert_array_equal(features(model, last), features(new, last))
    np.testing.assert_allclose(new.predict(IMAGES, verbose=0).sum(axis=1), 1, rtol=1e-6)


def test_training_the_new_model_leaves_the_old_one_alone():
    model = kzoo.create_model("resnet20_cifar")
    before = model.get_weights()
    new = kzoo.replace_head(model, 2)
    new.compile("sgd", "sparse_categorical_crossentropy")
    new.fit(IMAGES, np.array([0, 1]), verbose=0)
    for old, now in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, now)


def test_frozen_layers_stay_frozen():
    model = kzoo.create_model("resnet20_cifar")
    model.get_layer("conv1").trainable = False
    assert not kzoo.replace_head(model, 3).get_layer("conv1").trainable


def test_logits_on_request():
    new = kzoo.replace_head(kzoo.create_model("resnet20_cifar"), 3, classifier_activation=None)
    assert np.abs(new.predict(IMAGES, verbose=0).sum(axis=1) - 1).min() > 1e-3


def test_a_model_of_keras_whose_last_layer_is_the_classifier():
    model = keras.applications.MobileNet(weights=None, input_shape=(32, 32, 3), alpha=0.25)
    new = kzoo.replace_head(model, 3, classifier_activation="sigmoid")
    assert new.output_shape == (None, 3)
    assert new.layers[-1].activation is keras.activations.sigmoid
    inputs = keras.Input((4,))
    x = keras.layers.Dense(2, activation="softmax", name="predictions")(inputs)
    new = kzoo.replace_head(keras.Model(inputs, x), 5, classifier_activation=None)
    assert new.output_shape == (None, 5)
    assert new.layers[-1].activation is keras.activations.linear


def test_adapted_normalisation_is_kept():
    signals = np.random.default_rng(1).normal(7, 3, (50, 4)).astype("float32")
    normalise = keras.layers.Normalization()
    normalise.adapt(signals)
    inputs = keras.Input((4,))
    x = keras.layers.Dense(2, name="predictions")(normalise(inputs))
    new = kzoo.replace_head(keras.Model(inputs, x), 3)
    normalised = keras.Model(new.input, new.layers[-1].input).predict(signals, verbose=0)
    np.testing.assert_allclose(normalised.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(normalised.std(axis=0), 1, atol=1e-5)


def test_a_model_loaded_from_its_file(tmp_path):
    kzoo.create_model("lenet5").save(tmp_path / "lenet5.keras")
    model = keras.saving.load_model(tmp_path / "lenet5.keras")
    assert kzoo.replace_head(model, 4).output_shape == (None, 4)


def test_a_model_without_top_is_refused():
    model = kzoo.create_model("vgg11", include_top=False, input_shape=(32, 32, 3), pooling="avg")
    with pytest.raises(ValueError, match="vgg11 has no classifier to replace"):
        kzoo.replace_head(model, 3)


@pytest.mark.parametrize(
    ("classes", "error", "match"),
    [(0, ValueError, "classes must be at least 1"), (2.5, TypeError, "classes must be an integer")],
)
def test_bad_numbers_of_classes_are_refused(classes, error, match):
    with pytest.raises(error, match=match):
        kzoo.replace_head(kzoo.create_model("lenet5"), classes)


def test_something_else_than_a_model_is_refused():
    with pytest.raises(TypeError, match="model must be a keras.Model"):
        kzoo.replace_head("lenet5", 3)
