"""The arguments that every builder shares."""

import dataclasses
import inspect

import keras
import numpy as np
import pytest

import kzoo
from kzoo import registry

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype="uint8")


def test_positional_order_is_that_of_keras_applications():
    theirs = list(inspect.signature(keras.applications.ResNet50).parameters)
    for builder in (kzoo.applications.ResNet50, kzoo.applications.LeNet5):
        ours = inspect.signature(builder).parameters
        positional = [name for name, p in ours.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert positional == theirs
        assert "weights" in builder.__doc__


def test_builder_takes_positional_arguments():
    model = kzoo.applications.ResNet20CIFAR(True, None, None, (16, 16, 3), None, 4, None, "mine")
    assert (model.name, model.input_shape, model.output_shape) == (
        "mine",
        (None, 16, 16, 3),
        (None, 4),
    )


def test_builders_must_name_the_variants():
    family = registry.find_family("lenet5")
    with pytest.raises(ValueError, match="in CamelCase, each once; .* are lenet4, lenet5"):
        dataclasses.replace(family, names=("LeNet4",))


def test_images_in_0_255_are_normalised_as_torchvision_does():
    model = kzoo.create_model("resnet18", include_top=False, input_shape=(32, 32, 3))
    normalise = keras.Model(model.input, model.get_layer("preprocessing").output)
    expected = (IMAGES / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(normalise.predict(IMAGES, verbose=0), expected, atol=1e-6)


def test_one_channel_takes_the_average_statistics():
    model = kzoo.create_model("resnet18", include_top=False, input_shape=(32, 32, 1))
    normalise = keras.Model(model.input, model.get_layer("preprocessing").output)
    images = IMAGES[..., :1]
    expected = (images / 255 - (0.485 + 0.456 + 0.406) / 3) / ((0.229 + 0.224 + 0.225) / 3)
    np.testing.assert_allclose(normalise.predict(images, verbose=0), expected, atol=1e-6)


def test_own_statistics_for_any_number_of_channels():
    model = kzoo.create_model(
        "resnet18", input_shape=(32, 32, 2), include_top=False, mean=(0.5, 0.2), std=(0.1, 0.3)
    )
    normalise = keras.Model(model.input, model.get_layer("preprocessing").output)
    images = IMAGES[..., :2]
    np.testing.assert_allclose(
        normalise.predict(images, verbose=0), (images / 255 - [0.5, 0.2]) / [0.1, 0.3], atol=1e-5
    )


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_normalisation_and_head_are_float32_under_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    model = kzoo.create_model("resnet20_cifar")
    for name in ("preprocessing", "fc", "predictions"):
        assert model.get_layer(name).compute_dtype == "float32"
    assert model.get_layer("conv1").compute_dtype == policy.removeprefix("mixed_")
    probabilities = model.predict(IMAGES, verbose=0)
    assert probabilities.dtype == "float32"
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_uint8_and_float_images_agree():
    model = kzoo.create_model("resnet20_cifar")
    np.testing.assert_allclose(
        model.predict(IMAGES, verbose=0),
        model.predict(IMAGES.astype("float32"), verbose=0),
        rtol=1e-6,
    )


def test_input_tensor_joins_the_graph_it_comes_from():
    source = keras.Input((64, 64, 3), name="photograph")
    halved = keras.layers.AveragePooling2D(2)(source)
    model = kzoo.create_model("resnet20_cifar", input_tensor=halved)
    assert model.input is source
    assert model.output_shape == (None, 10)


def test_without_the_top():
    bare = kzoo.create_model("resnet18", include_top=False)
    assert bare.output_shape == (None, None, None, 512)
    for pooling in ("avg", "max"):
        model = kzoo.create_model("resnet18", include_top=False, pooling=pooling)
        assert model.output_shape == (None, 512)


def test_channels_first_gives_the_same_output():
    last = kzoo.create_model("resnet20_cifar")
    keras.config.set_image_data_format("channels_first")
    first = kzoo.create_model("resnet20_cifar")
    assert first.input_shape == (None, 3, 32, 32)
    first.set_weights(last.get_weights())
    np.testing.assert_allclose(
        np.asarray(first(np.moveaxis(IMAGES, -1, 1))), np.asarray(last(IMAGES)), atol=1e-5
    )


@pytest.mark.parametrize("name", ["mnist1d_resnet", "udl_conv1d", "udl_dense"])
def test_signals_have_their_channels_last_in_either_format(name):
    signals = np.random.default_rng(0).normal(size=(3, 40, 1)).astype("float32")
    last = kzoo.create_model(name)
    keras.config.set_image_data_format("channels_first")
    first = kzoo.create_model(name)
    first.set_weights(last.get_weights())
    np.testing.assert_allclose(np.asarray(first(signals)), np.asarray(last(signals)), atol=1e-6)


def test_sizes_may_be_numpys():
    model = kzoo.create_model("lenet5", input_shape=(*(np.array([64, 80]) // 2), np.int64(1)))
    assert model.input_shape == (None, 32, 40, 1)


def test_a_callable_makes_the_convolutions():
    made = []

    def convolution(filters, kernel_size, *, strides, padding, dilation_rate, use_bias, name):
        made.append(name)
        return keras.layers.SeparableConv2D(
            filters, kernel_size, strides=strides, padding=padding, use_bias=use_bias, name=name
        )

    kzoo.create_model("resnet18", conv=convolution)
    assert len(made) == 17


@pytest.mark.parametrize(
    ("name", "options", "error", "match"),
    [
        ("resnet18", {"pooling": "sum"}, ValueError, "pooling must be None, 'avg' or 'max'"),
        ("resnet18", {"classes": 0}, ValueError, "classes must be at least 1; received 0"),
        ("resnet18", {"classes": 2.0}, TypeError, "classes must be an integer; received 2.0"),
        ("resnet18", {"classifier_activation": "softmaks"}, ValueError, "softmaks"),
        ("resnet18", {"conv": "tild"}, ValueError, "conv must be one of 'standard', 'tiled'"),
        ("resnet18", {"conv": 3}, TypeError, "conv must be a name or a callable; received 3"),
        ("p4cnn", {"conv": "tiled"}, ValueError, "p4cnn takes no conv='tiled'.*equivariant"),
        ("udl_dense", {"conv": "gabor"}, ValueError, "udl_dense takes .* it has no convolution"),
        ("vgg11", {"input_shape": (31, 64, 3)}, ValueError, "at least 32 x 32; received .*31"),
        ("vgg11", {"input_shape": (64, 64)}, ValueError, r"must be \(height, width, channels\)"),
        ("vgg11", {"input_shape": (64, 64, None)}, ValueError, "at least one channel"),
        ("lenet5", {"input_shape": (None, None, 1)}, ValueError, "lenet5 needs a known input"),
        ("resnet18", {"input_shape": (32, 32, 5)}, ValueError, "give mean= and std="),
        ("resnet18", {"mean": (0, 0, 0)}, ValueError, "mean and std go together"),
        ("resnet18", {"mean": (0,), "std": (1,)}, ValueError, "one number per channel"),
        ("resnet18", {"mean": (0, 0, 0), "std": (1, 0, 1)}, ValueError, "std must be positive"),
        ("udl_dense", {"mean": (0,), "std": (1,)}, ValueError, "udl_dense takes raw values"),
        (
            "resnet18",
            {"mean": (0,), "std": (1,), "include_preprocessing": False},
            ValueError,
            "include_preprocessing=False leaves the normalisation out",
        ),
        ("resnet18", {"input_tensor": IMAGES}, TypeError, "input_tensor must be a Keras tensor"),
        (
            "resnet18",
            {"input_tensor": keras.Input((8, 8, 3)), "input_shape": (9, 9, 3)},
            ValueError,
            "contradicts input_tensor",
        ),
        (
            "lenet5",
            {"input_tensor": keras.Input((None, None, 1))},
            ValueError,
            "lenet5 needs a known input size",
        ),
        (
            "vgg11",
            {"input_tensor": keras.Input((16, 16, 3))},
            ValueError,
            "vgg11 needs an input of at least 32 x 32",
        ),
        ("lenet5", {"connections": "some"}, ValueError, "connections must be 'full' or 'paper'"),
        ("lenet5", {"connections": "paper", "conv": "tiled"}, ValueError, "give one of the two"),
        ("cs231n", {"n": -1}, ValueError, "n must be at least 0; received -1"),
        ("cs231n", {"k": 1.5}, TypeError, "k must be an integer; received 1.5"),
        ("cs231n", {"filters": (8, 8)}, ValueError, "one for each of the 3 blocks"),
        ("cs231n", {"filters": 0}, ValueError, "filters must be at least 1; received 0"),
    ],
)
def test_bad_values_are_refused(name, options, error, match):
    with pytest.raises(error, match=match):
        kzoo.create_model(name, **options)
