import keras
import numpy as np
import pytest

import kzoo
from kzoo.graph import head_layers
from kzoo.surgery.features import level_tensors
from tests.peers import build_counterpart, import_timm, randomise, torch_logits, write_state_dict

LEVELS = ("P1", "P2", "P3", "P4", "P5")


def sizes(features):
    return {level: tensor.shape[1:] for level, tensor in features.output.items()}


def channels(features):
    return [tensor.shape[-1] for tensor in features.output.values()]


def conv_net(shape=(64, 64, 3), filters=4):
    """Return a model of stride-2 convolutions, with a skip over the third, that is not kzoo's."""
    x = image = keras.Input(shape)
    for _ in range(2):
        x = keras.layers.ZeroPadding2D(1)(x)
        x = keras.layers.Conv2D(filters, 3, strides=2)(x)
    y = keras.layers.Conv2D(filters, 3, strides=2, padding="same")(x)
    y = keras.layers.Conv2D(filters, 3, padding="same")(y)
    y = keras.layers.Add(name="sum")([y, keras.layers.MaxPooling2D(2)(x)])
    x = keras.layers.GlobalAveragePooling2D()(y)
    return keras.Model(image, keras.layers.Dense(3)(x))


# Channels from the papers: ResNet Table 1, MobileNetV2 Table 2 (width 0.35, to multiples of 8),
# DenseNet Table 1 (growth rate 32: 64 + 6 * 32, and half of it before the next block, and so on).
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet18", [64, 64, 128, 256, 512]),
        ("mobilenetv2_035", [8, 8, 16, 32, 112]),
        ("densenet121", [64, 256, 512, 1024, 1024]),
    ],
)
def test_levels_have_their_strides_and_published_channels(name, expected):
    features = kzoo.feature_extractor(kzoo.create_model(name, input_shape=(96, 64, 3)), LEVELS)
    assert channels(features) == expected
    for level, shape in sizes(features).items():
        stride = 2 ** int(level[1:])
        assert shape[:2] == (96 // stride, 64 // stride)


@pytest.mark.parametrize(
    "name", ["resnet18", "regnety_002", "convnext_atto", "mobilenetv3_small_050", "efficientnet_b0"]
)
def test_maps_are_those_of_timm(name, tmp_path):
    torch = pytest.importorskip("torch")
    peer = randomise(build_counterpart(name))
    theirs = import_timm().create_model(name, features_only=True).eval()
    weights = {key.replace(".", "_"): value for key, value in peer.state_dict().items()}
    theirs.load_state_dict({key: weights[key.replace(".", "_")] for key in theirs.state_dict()})
    model = kzoo.create_model(
        name,
        weights=write_state_dict(peer, tmp_path / "weights.safetensors"),
        include_preprocessing=False,
        input_shape=(None, None, 3),
    )
    reductions = theirs.feature_info.reduction()
    features = kzoo.feature_extractor(model, [f"P{r.bit_length() - 1}" for r in reductions])
    images = np.random.default_rng(0).normal(size=(1, 96, 96, 3)).astype("float32")
    with torch.no_grad():
        maps = theirs(torch.from_numpy(np.moveaxis(images, -1, 1).copy()))
    assert torch_logits(peer, images).shape == (1, 1000)
    for ours, their in zip(features(images).values(), maps, strict=True):
        their = np.moveaxis(their.numpy(), 1, -1)
        np.testing.assert_allclose(ours, their, atol=3e-4 * np.abs(their).max())


def test_vgg_ends_before_its_head():
    model = kzoo.create_model("vgg11", input_shape=(None, None, 3))
    features = kzoo.feature_extractor(model, ("P0", *LEVELS))
    last = [tensor._keras_history.operation.name for tensor in features.output.values()]
    # timm 1.0.31, vgg11, feature_info: features.1, 4, 9, 14, 19 and 20.
    assert last == [f"features.{index}" for index in (1, 4, 9, 14, 19, 20)]


def test_layers_are_shared():
    model = kzoo.create_model("resnet18", input_shape=(32, 32, 3))
    features = kzoo.feature_extractor(model)
    assert features.get_layer("layer3.1.conv2") is model.get_layer("layer3.1.conv2")


def test_levels_keep_their_order_and_number():
    model = kzoo.create_model("resnet18", input_shape=(None, None, 3))
    features = kzoo.feature_extractor(model, ["P4"])
    assert sizes(features) == {"P4": (None, None, 256)}


def test_a_small_image_network_has_its_own_levels():
    model = kzoo.create_model("resnet20_cifar")
    features = kzoo.feature_extractor(model, ("P0", "P1", "P2"))
    assert sizes(features) == {"P0": (32, 32, 16), "P1": (16, 16, 32), "P2": (8, 8, 64)}
    with pytest.raises(ValueError, match="resnet20_cifar has the levels P0, P1, P2; received 'P3'"):
        kzoo.feature_extractor(model)


def test_levels_follow_from_growth_not_from_rounded_sizes():
    model = kzoo.create_model("resnet18", input_shape=(33, 33, 3))
    assert sizes(kzoo.feature_extractor(model)) == {
        "P3": (5, 5, 128),
        "P4": (3, 3, 256),
        "P5": (2, 2, 512),
    }


@pytest.mark.parametrize("size", [64, None])
def test_a_model_of_other_layers(size):
    features = kzoo.feature_extractor(conv_net((size, size, 3)), ("P1", "P2", "P3"))
    kinds = [type(x._keras_history.operation).__name__ for x in features.output.values()]
    assert kinds == ["Conv2D", "Conv2D", "Add"]


def test_a_model_of_one_size_only():
    x = image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(x)
    x = keras.layers.Reshape((16, 16, 4))(x)
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(x)
    x = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    model = keras.Model(image, keras.layers.Flatten()(x))
    assert sizes(kzoo.feature_extractor(model, ("P1", "P2"))) == {
        "P1": (16, 16, 4),
        "P2": (8, 8, 4),
    }
    with pytest.raises(ValueError, match="has the levels P1, P2; received 'P5'"):
        kzoo.feature_extractor(model, ["P5"])


def test_a_decoder_is_no_level():
    x = image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="fine")(x)
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(x)
    x = keras.layers.Conv2DTranspose(2, 2, strides=2)(x)
    features = kzoo.feature_extractor(keras.Model(image, x), ("P0", "P1"))
    assert sizes(features) == {"P0": (32, 32, 4), "P1": (16, 16, 4)}


@pytest.mark.parametrize(
    ("name", "levels"), [("mnist1d_resnet", ["P0", "P1"]), ("p4_all_cnn_c", ["P1", "P2"])]
)
def test_signals_and_group_maps(name, levels):
    model = kzoo.create_model(name)
    features = kzoo.feature_extractor(model, levels)
    length = model.input_shape[1]
    for level, tensor in features.output.items():
        assert tensor.shape[1] == -(-length // 2 ** int(level[1:]))


@pytest.mark.parametrize(
    "name",
    [
        "all_cnn_c",
        "nin_cifar",
        "p4cnn",
        "z2cnn",
        "p4_all_cnn_c",
        "squeezenet1_1",
        "mobilenetv2_050",
    ],
)
def test_no_level_is_of_the_head(name):
    model = kzoo.create_model(name)
    head = {layer.name for layer in head_layers(model)}
    assert len(head) > 1
    levels = list(level_tensors(model))
    features = kzoo.feature_extractor(model, levels)
    assert not head & {layer.name for layer in features.layers}
    shape = model.input_shape[1:]
    bare = level_tensors(kzoo.create_model(name, include_top=False, input_shape=shape))
    assert [tensor.shape[1:3] for tensor in bare.values()] == [
        tensor.shape[1:3] for tensor in features.output.values()
    ]


def test_channels_first():
    keras.config.set_image_data_format("channels_first")
    model = kzoo.create_model("resnet18", input_shape=(3, 64, 64))
    assert sizes(kzoo.feature_extractor(model)) == {
        "P3": (128, 8, 8),
        "P4": (256, 4, 4),
        "P5": (512, 2, 2),
    }


def test_nested_behind_preprocessing():
    inner = kzoo.create_model("resnet20_cifar", include_top=False)
    image = keras.Input((32, 32, 3))
    x = inner(keras.layers.Rescaling(2.0)(image))
    outer = keras.Model(image, keras.layers.Dense(2)(keras.layers.GlobalMaxPooling2D()(x)))
    features = kzoo.feature_extractor(outer, ("P1", "P2"))
    images = np.random.default_rng(0).uniform(0, 100, (2, 32, 32, 3)).astype("float32")
    expected = kzoo.feature_extractor(inner, ("P1", "P2"))(2 * images)
    found = features(images)
    for level in ("P1", "P2"):
        np.testing.assert_allclose(found[level], expected[level], rtol=1e-5, atol=1e-5)
    assert features.get_layer("layer2.0.conv1") is inner.get_layer("layer2.0.conv1")


def test_of_a_feature_extractor():
    features = kzoo.feature_extractor(kzoo.create_model("resnet18", input_shape=(64, 64, 3)))
    assert sizes(kzoo.feature_extractor(features)) == sizes(features)


def test_a_sequential_model():
    model = keras.Sequential(
        [keras.Input((32, 32, 3)), keras.layers.Conv2D(4, 3, 2, "same"), keras.layers.Flatten()]
    )
    assert sizes(kzoo.feature_extractor(model, ["P1"])) == {"P1": (16, 16, 4)}


@pytest.mark.parametrize("levels", ["P3", [3]])
def test_levels_of_the_wrong_type_are_refused(levels):
    with pytest.raises(TypeError, match="levels must be a sequence of names"):
        kzoo.feature_extractor(conv_net(), levels)


def test_no_level_is_refused():
    with pytest.raises(ValueError, match="levels must name at least one level"):
        kzoo.feature_extractor(conv_net(), [])


def test_a_model_without_levels_is_refused():
    image = keras.Input((4,))
    model = keras.Model(image, keras.layers.Dense(2)(image), name="dense")
    with pytest.raises(ValueError, match="dense has the levels none; received 'P3'"):
        kzoo.feature_extractor(model)


def test_several_inputs_are_refused():
    inputs = [keras.Input((8, 8, 3)) for _ in range(2)]
    model = keras.Model(inputs, keras.layers.Add()(inputs), name="two")
    with pytest.raises(ValueError, match="need a model with one input; two has 2"):
        kzoo.feature_extractor(model)
