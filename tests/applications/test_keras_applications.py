import inspect

import keras
import numpy as np
import pytest

import kzoo
from kzoo.applications._input import normalise
from kzoo.applications.keras_applications import MODELS, VARIANTS
from kzoo.constants import STATISTICS
from tests.keras_peers import build_keras

# All parameters, trained or not, that Keras's documentation prints (keras-io,
# templates/api/applications/index.md, 2021). EfficientNet's hold 7 of its own normalisation: a mean
# and a variance of three channels and a count.
PRINTED = {
    "keras_xception": 22_910_480,
    "keras_vgg16": 138_357_544,
    "keras_vgg19": 143_667_240,
    "keras_resnet50": 25_636_712,
    "keras_resnet101": 44_707_176,
    "keras_resnet152": 60_419_944,
    "keras_resnet50v2": 25_613_800,
    "keras_resnet101v2": 44_675_560,
    "keras_resnet152v2": 60_380_648,
    "keras_inceptionv3": 23_851_784,
    "keras_inceptionresnetv2": 55_873_736,
    "keras_mobilenet": 4_253_864,
    "keras_mobilenetv2": 3_538_984,
    "keras_densenet121": 8_062_504,
    "keras_densenet169": 14_307_880,
    "keras_densenet201": 20_242_984,
    "keras_nasnetmobile": 5_326_716,
    "keras_nasnetlarge": 88_949_818,
    "keras_efficientnetb0": 5_330_571 - 7,
    "keras_efficientnetb1": 7_856_239 - 7,
    "keras_efficientnetb2": 9_177_569 - 7,
    "keras_efficientnetb3": 12_320_535 - 7,
    "keras_efficientnetb4": 19_466_823 - 7,
    "keras_efficientnetb5": 30_562_527 - 7,
    "keras_efficientnetb6": 43_265_143 - 7,
    "keras_efficientnetb7": 66_658_687 - 7,
}


@pytest.mark.parametrize(
    "name",
    [
        name if name == "keras_mobilenetv2" else pytest.param(name, marks=pytest.mark.full)
        for name in VARIANTS
    ],
)
def test_the_default_input_is_keras_own_and_the_parameters_are_as_many_as_printed(name):
    model, reference = kzoo.create_model(name), build_keras(name)
    # MobileNetV3 alone leaves the size open; its weights are those for 224 x 224.
    size = 224 if "mobilenetv3" in name else reference.input_shape[1]
    assert model.input_shape == (None, size, size, 3)
    own = 7 if "efficientnetb" in name else 0  # of the normalisation, see above
    assert model.count_params() == reference.count_params() - own
    assert model.count_params() == PRINTED.get(name, model.count_params())


def test_every_network_of_keras_is_there():
    functions = {
        name for name, value in vars(keras.applications).items() if inspect.isfunction(value)
    }
    assert {config.function for config in MODELS} == functions
    assert {twin for config in MODELS for twin in config.twins} <= set(kzoo.list_models())
    assert kzoo.applications.KerasResNet50.variant == "keras_resnet50"


@pytest.mark.parametrize(
    ("statistics", "mode"), [("caffe", "caffe"), ("inception", "tf"), ("imagenet", "torch")]
)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_the_normalisation_is_keras_preprocess_input(statistics, mode, data_format):
    axis = -1 if data_format == "channels_last" else 1
    images = np.random.default_rng(0).uniform(0, 255, (2, 3, 3, 3)).astype("float32")
    image = keras.Input((3, 3, 3))
    x = normalise(image, STATISTICS[statistics], None, None, axis, "float32")
    expected = keras.applications.imagenet_utils.preprocess_input(
        images.copy(), data_format=data_format, mode=mode
    )
    np.testing.assert_allclose(
        np.asarray(keras.Model(image, x)(images)), expected, rtol=1e-5, atol=1e-5
    )


def test_grey_images_keep_their_one_channel():
    image = keras.Input((3, 3, 1))
    x = normalise(image, STATISTICS["caffe"], None, None, -1, "float32")
    mean = (123.68 + 116.779 + 103.939) / 3
    np.testing.assert_allclose(
        np.asarray(keras.Model(image, x)(np.full((1, 3, 3, 1), 128.0))), 128 - mean, rtol=1e-5
    )


def test_the_head_stays_in_single_precision():
    keras.config.set_dtype_policy("mixed_float16")
    model = kzoo.create_model("keras_mobilenet", input_shape=(32, 32, 3), classes=5)
    policies = {layer.name: layer.compute_dtype for layer in model.layers[-3:]}
    assert set(policies) == {"conv_preds", "reshape", "predictions"}
    assert set(policies.values()) == {"float32"}
    assert model.get_layer("conv_pw_13").compute_dtype == "float16"


def test_the_head_can_be_replaced():
    model = kzoo.create_model("keras_mobilenet", input_shape=(32, 32, 3))
    assert kzoo.replace_head(model, 3).output_shape == (None, 3)


def test_pooled_features_are_keras_own():
    """ConvNeXt's are normalised after they are pooled."""
    options = {"include_top": False, "pooling": "avg", "include_preprocessing": False}
    model = kzoo.create_model("keras_convnexttiny", input_shape=(32, 32, 3), **options)
    assert isinstance(model.layers[-1], keras.layers.LayerNormalization)
    assert model.output_shape == (None, 768)


def test_convolutions_keep_their_activations():
    options = {"include_top": False, "input_shape": (32, 32, 3), "include_preprocessing": False}
    vgg = kzoo.create_model("keras_vgg16", **options)
    gabor = kzoo.create_model("keras_vgg16", conv="gabor", **options)
    gabor.set_weights(vgg.get_weights())
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3))
    np.testing.assert_allclose(
        np.asarray(gabor(images)), np.asarray(vgg(images)), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("keras_vgg16", {"input_shape": (None, None, 3)}, "keras_vgg16 needs a known input size"),
        ("keras_xception", {"input_shape": (70, 70, 3)}, "keras_xception needs an input of at l"),
        ("keras_mobilenet", {"input_shape": (31, 31, 3)}, "needs an input of at least 32 x 32"),
    ],
)
def test_sizes_that_the_graph_cannot_have_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        kzoo.create_model(name, **options)


def test_keras_refuses_densenet_with_channels_first():
    keras.config.set_image_data_format("channels_first")
    with pytest.raises(ValueError, match="DenseNet does not support the `channels_first`"):
        kzoo.create_model("keras_densenet121")


def test_channels_first():
    keras.config.set_image_data_format("channels_first")
    model = kzoo.create_model("keras_mobilenet", classes=5)
    assert model.input_shape == (None, 3, 224, 224)
    assert model.output_shape == (None, 5)
