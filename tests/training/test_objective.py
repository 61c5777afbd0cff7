"""The loss, held to Keras's own, and which models it accepts."""

import keras
import numpy as np
import pytest
from keras import ops

from kzoo.training.objective import SmoothedCrossEntropy, cross_entropy, logits_model
from tests.training.small import small_model

LOGITS = np.random.default_rng(0).normal(size=(6, 4)).astype("float32") * 5
LABELS = np.array([0, 3, 2, 1, 1, 0])


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_loss_equals_keras_on_one_hot_labels(from_logits, smoothing, shape):
    predictions = LOGITS if from_logits else ops.softmax(LOGITS)
    reference = keras.losses.CategoricalCrossentropy(
        from_logits=from_logits, label_smoothing=smoothing
    )(np.eye(4, dtype="float32")[LABELS], predictions)
    loss = cross_entropy(smoothing, from_logits)(LABELS.reshape(shape), predictions)
    np.testing.assert_allclose(loss, reference, rtol=1e-6)


def test_loss_is_float32_for_half_precision_logits():
    for smoothing in (0.0, 0.1):
        loss = cross_entropy(smoothing, True)(LABELS, LOGITS.astype("float16"))
        assert keras.backend.standardize_dtype(loss.dtype) == "float32"


def test_smoothed_loss_is_serialisable():
    loss = SmoothedCrossEntropy(0.2)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert float(again(LABELS, LOGITS)) == float(loss(LABELS, LOGITS))


@pytest.mark.parametrize("last", ["activation", "softmax layer"])
def test_final_softmax_is_left_out_and_weights_are_shared(last):
    if last == "activation":
        model = small_model()
    else:
        body = small_model(classifier_activation=None)
        model = keras.Model(body.input, keras.layers.Softmax()(body.output))
    trained, from_logits = logits_model(model)
    x = np.ones((2, 8), "float32")
    assert from_logits
    assert [id(v) for v in trained.variables] == [id(v) for v in model.variables]
    np.testing.assert_allclose(ops.softmax(trained(x)), model(x), rtol=1e-6)


def test_what_counts_as_logits_and_as_probabilities():
    model = small_model(classifier_activation=None)
    assert logits_model(model) == (model, True)
    for activation, from_logits in [("softmax", False), (None, True)]:
        dense = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, activation=activation)])
        assert logits_model(dense) == (dense, from_logits)
        nested = keras.Sequential([keras.Input((8,)), dense])
        assert logits_model(nested) == (nested, from_logits)


def _two_outputs():
    model = small_model()
    return keras.Model(model.input, [model.output, model.output])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: small_model(classifier_activation="sigmoid"), "small ends in 'sigmoid', build it"),
        (lambda: small_model(classes=1), "ends in one unit, give it one unit for each class"),
        (_two_outputs, r"one output of shape \(batch, classes\)"),
        (
            lambda: keras.Sequential([keras.Input((4, 4, 3)), keras.layers.ReLU()]),
            r"outputs of sequential\w* are \[\(None, 4, 4, 3\)\]",
        ),
    ],
)
def test_refused_models(make, message):
    with pytest.raises(ValueError, match=message):
        logits_model(make())


@pytest.mark.parametrize("make", [lambda: "lenet5", lambda: keras.Sequential()])
def test_refused_types(make):
    with pytest.raises(TypeError, match="fit takes a functional keras.Model"):
        logits_model(make())
