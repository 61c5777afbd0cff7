import inspect

import keras
import numpy as np
import pytest

import kzoo
from kzoo.weights import WeightsError
from kzoo.weights.keras_published import layer_names, published_arrays
from kzoo.weights.sources import Source
from tests.keras_peers import build_keras, preprocess, served, write_keras

NAME = "keras_mobilenet"
SERVER = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Random weights of keras.applications' model, in the format that Keras serves."""
    return write_keras(NAME, tmp_path_factory.mktemp("keras"), 224)


@pytest.fixture(scope="module")
def published(files):
    """Keras's own model with these weights."""
    with served(files):
        return build_keras(NAME, weights="imagenet")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 255, (2, 224, 224, 3)).astype("float32")


def test_the_outputs_are_those_of_keras(files, published, images):
    with served(files) as requests:
        model = kzoo.create_model(NAME, weights="keras")
    assert requests == [f"{SERVER}mobilenet_1_0_224_tf.h5"]
    expected = np.asarray(published(preprocess(NAME, images)))
    assert np.ptp(expected, axis=0).max() > 1e-3
    np.testing.assert_allclose(np.asarray(model(images)), expected, rtol=1e-3, atol=1e-6)


def test_the_bare_network_takes_what_preprocess_input_gives(files, published, images):
    with served(files):
        model = kzoo.create_model(f"{NAME}.keras", include_preprocessing=False)
    inputs = preprocess(NAME, images)
    expected = np.asarray(published(inputs))
    np.testing.assert_allclose(np.asarray(model(inputs)), expected, rtol=1e-4, atol=1e-7)


def test_features_come_from_the_smaller_file(files, published):
    with served(files) as requests:
        model = kzoo.create_model(NAME, weights="imagenet", include_top=False)
    assert requests == [f"{SERVER}mobilenet_1_0_224_tf_no_top.h5"]
    for ours, theirs in zip(model.get_weights(), published.get_weights()):
        np.testing.assert_array_equal(ours, theirs)


def test_another_number_of_classes_keeps_the_backbone(files, published):
    model = kzoo.create_model(NAME, classes=5)
    with served(files), pytest.warns(UserWarning, match="kept the initial values of conv_preds/0"):
        report = kzoo.load_weights(model, "keras")
    assert report.reinitialised == ("conv_preds/0", "conv_preds/1")
    assert report.unused == ()
    assert len(report.loaded) == len(model.weights) - 2
    for ours, theirs in zip(model.get_weights()[:-2], published.get_weights()):
        np.testing.assert_array_equal(ours, theirs)


def test_another_number_of_channels_adapts_the_first_kernel(files, published):
    with served(files), pytest.warns(UserWarning, match="adapted conv1/0 to the input's channels"):
        grey = kzoo.create_model(NAME, weights="keras", input_shape=(224, 224, 1))
    kernel = published.get_weights()[0].sum(axis=2, keepdims=True)
    np.testing.assert_allclose(grey.get_weights()[0], kernel, rtol=1e-6)


def test_another_kind_of_convolution_is_refused(files):
    with served(files), pytest.raises(WeightsError, match="conv1/0 has shape"):
        kzoo.create_model(NAME, weights="keras", conv="tiled")


def test_a_failing_download_is_one_sentence(monkeypatch):
    def get_file(*args, **options):
        raise Exception(f"URL fetch failure on {SERVER}: 503 -- Service Unavailable")

    monkeypatch.setattr(inspect.getmodule(keras.utils.get_file), "get_file", get_file)
    with pytest.raises(
        WeightsError, match="keras.applications.MobileNet did not give its weights: URL fetch fail"
    ):
        kzoo.create_model(NAME, weights="keras")


def test_another_normalisation_than_recorded_is_refused(monkeypatch):
    """As in EfficientNet: (x / 255 - mean) / sqrt(variance) / sqrt(std), with variance = std."""
    image = keras.Input((8, 8, 3))
    normalisation = keras.layers.Normalization()
    x = normalisation(keras.layers.Rescaling(1 / 255)(image))
    x = keras.layers.Rescaling([0.2**-0.5] * 3)(x)
    published = keras.Model(image, keras.layers.Conv2D(2, 3, name="stem")(x))
    normalisation.set_weights([np.full(3, 0.4), np.full(3, 0.2), np.array(0)])
    monkeypatch.setattr(keras.applications, "EfficientNetB0", lambda **options: published)
    place, mean = "keras:EfficientNetB0", (0.4,) * 3
    arrays = published_arrays(Source("keras", place, mean=mean, std=(0.2,) * 3), published)
    assert sorted(arrays) == ["stem/0", "stem/1"]
    with pytest.raises(WeightsError, match="keras:EfficientNetB0 normalises its input with mean"):
        published_arrays(Source("keras", place, mean=mean, std=(0.3,) * 3), published)


def test_numbers_of_layers_start_anew_in_each_model():
    def build():
        x = image = keras.Input((8, 8, 3))
        for _ in range(11):
            x = keras.layers.Conv2D(3, 3, padding="same")(x)
            x = keras.layers.BatchNormalization()(x) + x
        x = keras.layers.Conv2D(3, 3, name="block_1")(x)
        return keras.Model(image, keras.layers.Dense(2, name="predictions")(x))

    keras.utils.clear_session(free_memory=False)
    first, second = build(), build()
    names = list(layer_names(second).values())
    assert second.layers[1].name == "conv2d_11"
    assert names[1:-1] == [operation.name for operation in first.operations][1:-1]
    assert names[-1] == "logits"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet50", "differs from resnet50: weights='keras' belong to the model keras_resnet50"),
        ("resnetv2_50", "the model keras_resnet50v2"),
        ("tf_efficientnet_b0", "the model keras_efficientnetb0"),
        ("resnet18", r"no weights that fit resnet18; kzoo.list_models\('keras_\*'\) lists the mod"),
    ],
)
def test_elsewhere_the_tag_is_refused_with_the_model_it_belongs_to(name, message):
    with pytest.raises(WeightsError, match=message):
        kzoo.create_model(name, weights="keras")


def test_the_records():
    """Numbers of the table at https://keras.io/api/applications."""
    (record,) = kzoo.list_weights("keras_resnet50")
    assert (record.tag, record.recommended, record.source) == ("keras", True, "keras:ResNet50")
    assert (record.top1, record.top5, record.megabytes) == (74.9, 92.1, 98)
    assert (record.dataset, record.licence) == ("ImageNet-1k", "mit")
    inputs = record.preprocessing
    np.testing.assert_allclose(255 * np.array(inputs.mean), (123.68, 116.779, 103.939))
    np.testing.assert_allclose(255 * np.array(inputs.std), 1)
    models = kzoo.list_models("keras_*", pretrained=True)
    assert models == kzoo.list_models(family="keras_applications")
    assert "keras_convnexttiny" in models
