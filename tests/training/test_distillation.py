"""Learning from a teacher, held to the loss of Hinton et al. in PyTorch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.training import Recipe, fit
from kzoo.training.distillation import Distiller
from kzoo.training.objective import loss_of
from tests.training.small import small_data, small_model


def logits(seed, classes=3):
    keras.utils.set_random_seed(seed)
    return small_model(dropout=0.0, classifier_activation=None, classes=classes)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_loss_is_that_of_hinton_et_al(share):
    torch = pytest.importorskip("torch")
    from torch.nn import functional

    teacher, student, (x, y) = logits(0), logits(1), small_data(20)
    recipe = Recipe(distillation=share, temperature=3)
    learner = Distiller(teacher, student, recipe, loss_of(recipe, True))
    learner.compile("sgd", loss_of(recipe, True))
    taught, known = (torch.from_numpy(m.predict(x, verbose=0)) for m in (student, teacher))
    divergence = functional.kl_div(
        functional.log_softmax(taught / 3, 1),
        functional.softmax(known / 3, 1),
        reduction="batchmean",
    )
    labels = functional.cross_entropy(taught, torch.from_numpy(y))
    expected = share * 9 * divergence + (1 - share) * labels
    y_pred = student(x, training=False)
    found = learner.compute_loss(x, y, y_pred, training=True)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    found = learner.compute_loss(x, y, y_pred, training=False)
    assert float(found) == pytest.approx(float(labels), rel=1e-5)


def test_a_student_comes_near_its_teacher_who_does_not_change():
    teacher, student, data = logits(0), logits(1), small_data(200)
    before = teacher.get_weights()

    def distance():
        outputs = [keras.ops.softmax(m(data[0])) for m in (teacher, student)]
        return float(keras.ops.mean(keras.ops.abs(outputs[0] - outputs[1])))

    far = distance()
    recipe = Recipe(epochs=10, batch_size=20, learning_rate=0.02, distillation=1.0)
    history = fit(student, data, recipe, teacher=teacher, validation_data=data, verbose=0)
    assert distance() < far / 4
    assert all(np.array_equal(a, b) for a, b in zip(before, teacher.get_weights()))
    assert all(layer.trainable for layer in teacher.layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(data[1], student(data[0]))
    assert history[-1]["val_loss"] == pytest.approx(float(loss), rel=1e-4)


def test_a_head_is_taught_first():
    teacher, student = small_model(dropout=0.0), small_model(dropout=0.0)
    recipe = Recipe(epochs=3, batch_size=16, frozen_epochs=1, learning_rate=0.02)
    before = [w.copy() for w in teacher.get_weights()], student.layers[1].get_weights()
    assert len(fit(student, small_data(), recipe, teacher=teacher, verbose=0)) == 3
    assert all(np.array_equal(a, b) for a, b in zip(before[0], teacher.get_weights()))
    assert not np.array_equal(before[1][0], student.layers[1].get_weights()[0])
    assert teacher.trainable


def test_a_student_with_regularisers_is_refused():
    student = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(3, kernel_regularizer="l2", name="d")], name="s"
    )
    with pytest.raises(ValueError, match="a teacher cannot go with regularisers, .* s has some"):
        fit(student, small_data(), Recipe(), teacher=logits(0))


def test_weights_of_the_examples_are_refused():
    x, y = small_data()
    weighted = tf.data.Dataset.from_tensor_slices((x, y, np.ones(96, "float32"))).batch(16)
    with pytest.raises(ValueError, match="data with weights of the examples cannot go with a teac"):
        fit(logits(1), weighted, Recipe(epochs=1), teacher=logits(0), verbose=0)


def test_a_teacher_of_another_precision_is_refused():
    half = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, dtype="bfloat16")], name="h")
    with pytest.raises(
        ValueError, match="teacher must give float32, as small does, .* h gives bfl"
    ):
        fit(logits(1), small_data(), Recipe(), teacher=half)


def _inside():
    return keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, activation="softmax")])


@pytest.mark.parametrize(
    ("teacher", "settings", "message"),
    [
        (lambda: logits(0, classes=4), {}, "teacher must have the 3 classes of small; small has 4"),
        (
            _inside,
            {},
            "distillation compares logits, and the last layer of .* has its soft",
        ),
        (lambda: logits(0), {"class_weights": "balanced"}, "class_weights cannot go with a teach"),
    ],
)
def test_refused_teachers(teacher, settings, message):
    with pytest.raises(ValueError, match=message):
        fit(logits(1), small_data(), Recipe(**settings), teacher=teacher())
