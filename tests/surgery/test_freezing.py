import keras
import numpy as np
import pytest

import kzoo

IMAGES = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
LABELS = np.arange(4) % 2


def changed(model):
    """Return the weights that a training step changes, by path."""
    before = {weight.path: np.array(weight) for weight in model.weights}
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    model.fit(IMAGES, LABELS, batch_size=4, verbose=0)
    return {w.path for w in model.weights if not np.array_equal(before[w.path], np.array(w))}


def paths(model, prefixes):
    return {w.path for w in model.weights if w.path.startswith(prefixes)}


@pytest.mark.parametrize(
    ("up_to", "free"),
    [
        (None, ("fc",)),
        ("P1", ("layer3", "fc")),
        ("layer1.2.conv2", ("layer1.2.bn2", "layer2", "layer3", "fc")),
    ],
)
def test_a_step_changes_the_rest_and_nothing_else(up_to, free):
    model = kzoo.create_model("resnet20_cifar", classes=2)
    assert kzoo.freeze(model, up_to) is model
    assert changed(model) == paths(model, free)


def test_freezing_anew_frees_the_rest_and_unfreezing_everything():
    model = kzoo.freeze(kzoo.create_model("resnet20_cifar", classes=2))
    kzoo.freeze(model, "conv1")
    assert changed(model) == paths(model, ("bn1", "layer", "fc"))
    assert kzoo.unfreeze(model) is model
    assert changed(model) == {weight.path for weight in model.weights}


def nested(name="predictions"):
    inner = kzoo.create_model("resnet20_cifar", include_top=False, pooling="avg")
    image = keras.Input((32, 32, 3))
    outputs = keras.layers.Dense(2, "softmax", name=name)(inner(image))
    return keras.Model(image, outputs)


@pytest.mark.parametrize(
    ("up_to", "free"), [(None, ("predictions",)), ("P1", ("layer3", "predictions"))]
)
def test_inside_a_nested_model(up_to, free):
    model = kzoo.freeze(nested(), up_to)
    assert changed(model) == paths(model, free)


def test_an_operation_of_keras_is_passed_by():
    image = keras.Input((4,))
    x = keras.ops.multiply(keras.layers.Dense(3, name="first")(image), 2.0)
    model = keras.Model(image, keras.layers.Dense(2, name="second")(x))
    kzoo.freeze(model, "first")
    assert [weight.path for weight in model.trainable_weights] == ["second/kernel", "second/bias"]


def test_a_model_without_head_is_refused():
    with pytest.raises(ValueError, match="has no head to leave out"):
        kzoo.freeze(nested("logits"))


def test_an_unknown_level_is_refused_and_nothing_frozen():
    model = kzoo.create_model("resnet20_cifar")
    with pytest.raises(ValueError, match="has the levels P0, P1, P2; received 'P4'"):
        kzoo.freeze(model, "P4")
    assert all(layer.trainable for layer in model.layers)


@pytest.mark.parametrize(
    ("up_to", "hint"), [("layer1.2.conv3", "Close names: layer1.2.conv2"), ("zzz", "'zzz'.$")]
)
def test_an_unknown_layer_is_refused(up_to, hint):
    with pytest.raises(ValueError, match=f"what to freeze must be a level such as 'P3'.*{hint}"):
        kzoo.freeze(kzoo.create_model("resnet20_cifar"), up_to)


def test_other_types_are_refused():
    with pytest.raises(TypeError, match="up_to must be a level, the name of a layer, or None"):
        kzoo.freeze(kzoo.create_model("lenet5"), 3)
    with pytest.raises(TypeError, match="model must be a keras.Model"):
        kzoo.freeze("lenet5")
    with pytest.raises(TypeError, match="model must be a keras.Model"):
        kzoo.unfreeze("lenet5")
