import keras
import numpy as np
import pytest
from keras import layers

import kzoo
from tests.peers import import_timm, randomise, write_state_dict


def randomised(model, seed=0):
    """Give a model random weights, with batch normalisation far from doing nothing."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.path.endswith(("gamma", "variance")):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif len(weight.shape) > 1:
            weight.assign(rng.normal(0, np.prod(weight.shape[:-1]) ** -0.5, weight.shape))
        else:
            weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


def check(model, seed=0):
    """Fuse a model, compare the outputs, and return the new one; the old one stays as it was."""
    shape = [size or 32 for size in model.inputs[0].shape[1:]]
    x = np.random.default_rng(seed).normal(0, 5, (2, *shape)).astype("float32")
    before, config = model.get_weights(), model.get_config()
    fused = kzoo.fuse(model)
    expected, found = np.asarray(model(x)), np.asarray(fused(x))
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
    assert np.abs(expected[0] - expected[1]).max() > 1e-4 * np.abs(expected).max()
    assert model.get_config() == config
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert fused.name == model.name
    return fused


def kinds(model):
    return [type(layer).__name__ for layer in model.layers[1:]]


def net(*parts, shape=(9, 9, 8)):
    """Return a model that applies layers one after the other."""
    x = image = keras.Input(shape)
    for part in parts:
        x = part(x)
    return randomised(keras.Model(image, x))


@pytest.mark.parametrize("name", ["repvgg_a0", "mobileone_s0"])
def test_as_many_parameters_as_timm_after_its_reparameterisation(name, tmp_path):
    peer = randomise(import_timm().create_model(name, num_classes=7))
    from timm.utils.model import reparameterize_model

    model = kzoo.create_model(
        name,
        weights=write_state_dict(peer, tmp_path / "weights.safetensors"),
        classes=7,
        classifier_activation=None,
        include_preprocessing=False,
        input_shape=(None, None, 3),
    )
    fused = check(model)
    expected = sum(parameter.numel() for parameter in reparameterize_model(peer).parameters())
    assert kzoo.analysis.count_parameters(fused) == expected
    assert not {"BatchNormalization", "Add"} & set(kinds(fused))


@pytest.mark.parametrize("name", ["fastvit_t8", "resnet20_cifar"])
def test_families(name):
    options = {"include_preprocessing": False, "classifier_activation": None}
    model = kzoo.create_model(name, input_shape=(64, 64, 3), classes=5, **options)
    fused = check(randomised(model))
    assert "BatchNormalization" not in kinds(fused)
    assert fused.layers[-1].name == "predictions"
    assert kzoo.replace_head(fused, 3).output_shape == (None, 3)
    levels = ["P0", "P1", "P2"] if name == "resnet20_cifar" else ["P2", "P3", "P4", "P5"]
    shapes = [kzoo.feature_extractor(m, levels).output_shape for m in (model, fused)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(6, 3, strides=2),
        layers.Conv2D(6, 3, groups=2, padding="same"),
        layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False),
        kzoo.layers.GroupedConv2D(6, 3, groups=2, use_bias=False),
        layers.Dense(5),
    ],
    ids=lambda layer: type(layer).__name__,
)
@pytest.mark.parametrize("options", [{}, {"scale": False, "center": False, "epsilon": 0.1}])
def test_normalisation_is_folded(layer, options):
    layer = type(layer).from_config(layer.get_config())
    model = net(layer, layers.BatchNormalization(**options))
    fused = check(model)
    assert kinds(fused) == [type(layer).__name__]
    assert fused.layers[1].name == layer.name


@pytest.mark.parametrize("layer_class", [layers.Conv1D, kzoo.layers.GroupedConv1D])
def test_signals(layer_class):
    model = net(
        layers.ZeroPadding1D(1), layer_class(6, 3), layers.BatchNormalization(), shape=(9, 4)
    )
    assert kinds(check(model)) == ["ZeroPadding1D", layer_class.__name__]


def test_layer_scale_is_folded():
    assert kinds(check(net(layers.Dense(4), kzoo.layers.LayerScale()))) == ["Dense"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (layers.Conv2D(6, 3, activation="relu"), layers.BatchNormalization()),
        (layers.Conv2D(6, 3), layers.BatchNormalization(axis=1)),
        (kzoo.layers.TiledConv2D(6, 3), layers.BatchNormalization()),
        (layers.Conv2D(6, 3), layers.BatchNormalization(dtype="mixed_bfloat16")),
        (layers.MaxPooling2D(), layers.BatchNormalization()),
    ],
    ids=["activation", "other axis", "other kernel", "other precision", "no convolution"],
)
def test_what_cannot_be_folded_is_left(first, second):
    assert kinds(check(net(first, second))) == [type(first).__name__, "BatchNormalization"]


def test_a_convolution_that_is_used_elsewhere_is_left():
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same")(image)
    y = layers.BatchNormalization()(x)
    model = randomised(keras.Model(image, layers.Concatenate()([x, y])))
    assert kinds(check(model)) == ["Conv2D", "BatchNormalization", "Concatenate"]


def test_a_layer_that_is_called_twice_is_left():
    image = keras.Input((8, 8, 3))
    conv, norm = layers.Conv2D(3, 3, padding="same"), layers.BatchNormalization()
    model = randomised(keras.Model(image, norm(conv(norm(conv(image))))))
    fused = check(model)
    assert kinds(fused) == ["Conv2D", "BatchNormalization"]


def test_normalisation_held_in_training_mode_is_left():
    image = keras.Input((8, 8, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(image), training=True)
    assert kinds(kzoo.fuse(keras.Model(image, x))) == ["Conv2D", "BatchNormalization"]


def branches(make, joined=layers.Add, shape=(9, 9, 4)):
    image = keras.Input(shape)
    return randomised(keras.Model(image, joined()(make(image))))


def padded(x, size, **options):
    return layers.Conv2D(4, size, **options)(layers.ZeroPadding2D(size // 2)(x))


MERGED = {
    "5 + 3 + 1 + identity": lambda x: [
        layers.Conv2D(4, 3, padding="same")(x),
        layers.Conv2D(4, 5, padding="same")(x),
        layers.Conv2D(4, 1)(x),
        layers.BatchNormalization()(x),
        x,
    ],
    "strides": lambda x: [padded(x, 3, strides=2), layers.Conv2D(4, 1, strides=2)(x)],
    "strides, same": lambda x: [
        layers.Conv2D(4, 3, strides=2, padding="same")(x),
        layers.Conv2D(4, 3, strides=2, padding="same")(x),
    ],
    "rectangles": lambda x: [
        layers.Conv2D(4, (3, 5), padding="same")(x),
        layers.Conv2D(4, (1, 5), padding="same")(x),
    ],
    "dilation": lambda x: [
        layers.Conv2D(4, 5, dilation_rate=2, padding="same")(x),
        layers.Conv2D(4, 3, dilation_rate=2, padding="same")(x),
        x,
    ],
    "groups": lambda x: [kzoo.layers.GroupedConv2D(4, 3, groups=2, padding="same")(x), x],
    "depthwise": lambda x: [
        layers.DepthwiseConv2D(3, padding="same")(x),
        layers.DepthwiseConv2D(1)(x),
        layers.BatchNormalization()(x),
    ],
}


@pytest.mark.parametrize("case", MERGED)
def test_branches_are_merged(case):
    fused = check(branches(MERGED[case]))
    assert [kind for kind in kinds(fused) if kind != "ZeroPadding2D"] in (
        ["Conv2D"],
        ["GroupedConv2D"],
        ["DepthwiseConv2D"],
    )


@pytest.mark.parametrize("turn", [False, True])
def test_a_difference_is_merged(turn):
    def make(x):
        pair = [layers.Conv2D(4, 3, padding="same")(x), layers.BatchNormalization()(x)]
        return pair[::-1] if turn else pair

    assert kinds(check(branches(make, layers.Subtract))) == ["Conv2D"]


def test_channels_first_is_merged():
    keras.config.set_image_data_format("channels_first")
    image = keras.Input((4, 9, 9))
    x = layers.ZeroPadding2D(1)(image)
    x = layers.BatchNormalization(axis=1)(layers.DepthwiseConv2D(3)(x))
    x = layers.Add()([x, layers.BatchNormalization(axis=1)(image)])
    fused = kzoo.fuse(randomised(keras.Model(image, x)))
    assert kinds(fused) == ["ZeroPadding2D", "DepthwiseConv2D"]


LEFT = {
    "other tensor": lambda x: [layers.Conv2D(4, 3, padding="same")(x), layers.ReLU()(x)],
    "crossing": lambda x: [
        layers.Conv2D(4, (1, 3), padding="same")(x),
        layers.Conv2D(4, (3, 1), padding="same")(x),
    ],
    "other kind": lambda x: [
        layers.Conv2D(4, 3, padding="same")(x),
        layers.DepthwiseConv2D(3, padding="same")(x),
    ],
    "same, where the first window depends on the size": lambda x: [
        layers.Conv2D(4, 3, strides=2, padding="same")(x),
        layers.Conv2D(4, 1, strides=2)(x),
    ],
    "other window": lambda x: [
        layers.Conv2D(4, 3)(layers.ZeroPadding2D(((2, 0), (2, 0)))(x)),
        layers.Conv2D(4, 3)(layers.ZeroPadding2D(((0, 2), (0, 2)))(x)),
    ],
    "dilation that misses the centre": lambda x: [
        layers.Conv2D(4, 2, dilation_rate=2, padding="same")(x),
        x,
    ],
    "normalised over another axis": lambda x: [
        layers.Conv2D(4, 3, padding="same")(x),
        layers.BatchNormalization(axis=1)(x),
    ],
    "normalised in another precision": lambda x: [
        layers.Conv2D(4, 3, padding="same")(x),
        layers.BatchNormalization(dtype="mixed_bfloat16")(x),
    ],
    "no convolution": lambda x: [layers.BatchNormalization()(x), x],
}


@pytest.mark.parametrize("case", LEFT)
def test_other_sums_are_left(case):
    model = branches(LEFT[case])
    assert sorted(kinds(check(model))) == sorted(kinds(model))


def test_a_sum_is_shortened():
    model = branches(lambda x: [layers.Conv2D(4, 1)(x), layers.MaxPooling2D(3, 1, "same")(x), x])
    assert sorted(kinds(check(model))) == ["Add", "Conv2D", "MaxPooling2D"]


def test_a_nested_and_a_sequential_model():
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3)])
    image = keras.Input((8, 8, 3))
    x = layers.BatchNormalization()(inner(image, training=False))
    assert kinds(check(randomised(keras.Model(image, x)))) == ["Conv2D"]
    alone = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization()]
    )
    assert kinds(check(randomised(alone))) == ["Conv2D"]


def test_adapted_preprocessing_is_kept():
    norm = layers.Normalization()
    norm.adapt(np.random.default_rng(0).uniform(0, 255, (8, 8, 8, 3)))
    image = keras.Input((8, 8, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(norm(image)))
    assert kinds(check(keras.Model(image, x))) == ["Normalization", "Conv2D"]


def test_the_result_can_be_saved(tmp_path):
    fused = check(branches(MERGED["groups"]))
    fused.save(tmp_path / "fused.keras")
    x = np.ones((1, 9, 9, 4), "float32")
    loaded = keras.saving.load_model(tmp_path / "fused.keras")
    np.testing.assert_allclose(loaded(x), fused(x), rtol=1e-6)


def test_something_else_than_a_model_is_refused():
    with pytest.raises(TypeError, match="model must be a keras.Model"):
        kzoo.fuse("resnet18")
