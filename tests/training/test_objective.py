"""The loss, held to Keras's own, and which models it accepts."""

import keras
import numpy as np
import pytest
from keras import ops

from kzoo.training import Recipe
from kzoo.training.objective import accuracy, logits_model, loss_of
from tests.peers import import_timm
from tests.training.small import small_model

LOGITS = np.random.default_rng(0).normal(size=(6, 4)).astype("float32") * 5
LABELS = np.array([0, 3, 2, 1, 1, 0])
MIXED = np.random.default_rng(1).dirichlet([1] * 4, 6).astype("float32")


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("targets", ["(6,)", "(6, 1)", "mixed"])
def test_cross_entropy_equals_keras(from_logits, smoothing, targets):
    predictions = LOGITS if from_logits else ops.softmax(LOGITS)
    reference = keras.losses.CategoricalCrossentropy(
        from_logits=from_logits, label_smoothing=smoothing
    )
    given = {"(6,)": LABELS, "(6, 1)": LABELS[:, None], "mixed": MIXED}[targets]
    dense = MIXED if targets == "mixed" else np.eye(4, dtype="float32")[LABELS]
    loss = loss_of(Recipe(label_smoothing=smoothing), from_logits)
    np.testing.assert_allclose(loss(given, predictions), reference(dense, predictions), rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("threshold", [None, 0.2])
@pytest.mark.parametrize("mixed", [True, False])
def test_binary_cross_entropy_equals_timm(smoothing, threshold, mixed):
    torch = pytest.importorskip("torch")
    import_timm()
    from timm.loss import BinaryCrossEntropy

    targets = MIXED * (1 - smoothing) + smoothing / 4 if mixed else LABELS
    reference = BinaryCrossEntropy(smoothing=smoothing, target_threshold=threshold)(
        torch.from_numpy(LOGITS), torch.from_numpy(targets)
    )
    recipe = Recipe(
        loss="binary_cross_entropy", label_smoothing=smoothing, target_threshold=threshold
    )
    loss = loss_of(recipe, True)(MIXED if mixed else LABELS, LOGITS)
    np.testing.assert_allclose(loss, reference.numpy(), rtol=1e-6)


@pytest.mark.parametrize("targets", [LABELS, LABELS[:, None], MIXED])
def test_accuracy_counts_the_largest(targets):
    expected = MIXED.argmax(axis=1) if targets is MIXED else LABELS
    metric = accuracy()
    metric.update_state(targets, LOGITS)
    assert float(metric.result()) == np.float32(np.mean(LOGITS.argmax(axis=1) == expected))


def test_loss_is_float32_for_half_precision_logits():
    for smoothing in (0.0, 0.1):
        loss = loss_of(Recipe(label_smoothing=smoothing), True)(LABELS, LOGITS.astype("float16"))
        assert keras.backend.standardize_dtype(loss.dtype) == "float32"


def test_loss_is_serialisable():
    loss = loss_of(Recipe(label_smoothing=0.2, loss="binary_cross_entropy"), True)
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
    x = np.ones((2, 8), "float32")
    for activation, from_logits in [("softmax", False), (None, True)]:
        dense = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, activation=activation)])
        nested = keras.Sequential([keras.Input((8,)), dense])
        for model in (dense, nested, small_model(classifier_activation=None)):
            trained, are_logits = logits_model(model)
            assert are_logits == (from_logits or model.name == "small")
            np.testing.assert_array_equal(trained(x), model(x))
            trained.compile("sgd")
            assert not model.compiled


def test_probabilities_stay_probabilities_where_they_are_reshaped_or_averaged():
    inputs, x = keras.Input((8,)), np.random.default_rng(0).normal(size=(5, 8)).astype("float32")
    logits = [keras.layers.Dense(3)(inputs) for _ in range(2)]
    inside = keras.layers.Dense(3, activation="softmax")(inputs)
    softmax = keras.layers.Softmax()
    for outputs, are_logits in [
        (keras.layers.Average()([softmax(each) for each in logits]), False),
        (keras.layers.Average()(logits), True),
        (keras.layers.Flatten()(keras.layers.Reshape((1, 3))(inside)), False),
        (keras.layers.GlobalAveragePooling1D()(keras.layers.Reshape((1, 3))(inside)), False),
        (ops.softmax(logits[0]), False),
        (keras.layers.Activation("linear", dtype="float32")(inside), False),
        (keras.layers.Identity()(inside), False),
        (ops.softmax(keras.layers.Activation("relu")(logits[0])), False),
    ]:
        trained, found = logits_model(keras.Model(inputs, outputs))
        assert found == are_logits
        assert np.allclose(ops.sum(trained(x), axis=1), 1) == (not are_logits)


def test_a_layer_that_is_used_twice_is_looked_at_where_it_ends():
    inputs, average = keras.Input((8,)), keras.layers.Average()
    dense = [keras.layers.Dense(3)(inputs) for _ in range(2)]
    average(dense)
    outputs = average([keras.layers.Softmax()(each) for each in dense])
    assert not logits_model(keras.Model(inputs, outputs))[1]


def test_a_model_without_a_graph_may_come_last():
    class Head(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3, activation="softmax")

        def call(self, x):
            return self.dense(x)

    inputs = keras.Input((8,))
    assert not logits_model(keras.Model(inputs, Head()(inputs)))[1]


def _mixed():
    inputs = keras.Input((8,))
    dense = keras.layers.Dense(3)(inputs)
    return keras.Model(inputs, keras.layers.Average()([ops.softmax(dense), dense]), name="mixed")


def _two_outputs():
    model = small_model()
    return keras.Model(model.input, [model.output, model.output])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: small_model(classifier_activation="sigmoid"), "small ends in 'sigmoid', build it"),
        (lambda: small_model(classes=1), "ends in one unit, give it one unit for each class"),
        (_mixed, "mixed ends in 'linear and softmax', build it"),
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
