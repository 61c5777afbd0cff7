"""Schedules, held to Keras's own and to values worked out by hand."""

import keras
import numpy as np
import pytest

from kzoo.training import Recipe
from kzoo.training.schedules import learning_rate_schedule


def rates(recipe, steps_per_epoch):
    schedule = learning_rate_schedule(recipe, steps_per_epoch)
    return [float(schedule(step)) for step in range(recipe.epochs * steps_per_epoch)]


def test_cosine_is_keras_own_after_the_warmup():
    recipe = Recipe(epochs=5, learning_rate=0.3, warmup_epochs=1)
    reference = keras.optimizers.schedules.CosineDecay(0.3, decay_steps=40)
    assert rates(recipe, 10)[:10] == pytest.approx(0.03 * np.arange(1, 11))
    assert rates(recipe, 10)[10:] == pytest.approx([float(reference(n)) for n in range(40)])


@pytest.mark.parametrize("warmup", [0, 0.5])
def test_step(warmup):
    recipe = Recipe(
        epochs=4, learning_rate=1.0, schedule="step", step_factor=0.5, warmup_epochs=warmup
    )
    expected = np.array([1.0] * 8 + [0.5] * 4 + [0.25] * 4)
    if warmup:
        expected[:2] = [0.5, 1.0]
    assert rates(recipe, 4) == pytest.approx(expected)


def test_constant():
    assert (
        rates(Recipe(epochs=2, learning_rate=0.2, schedule="constant"), 3) == [np.float32(0.2)] * 6
    )


def test_step_without_milestones_is_constant():
    recipe = Recipe(epochs=2, learning_rate=0.5, schedule="step", milestones=())
    assert rates(recipe, 3) == [0.5] * 6


def test_schedule_is_serialisable():
    schedule = learning_rate_schedule(Recipe(epochs=3, warmup_epochs=1), 5)
    config = keras.optimizers.schedules.serialize(schedule)
    again = keras.optimizers.schedules.deserialize(config)
    assert [float(again(n)) for n in range(15)] == [float(schedule(n)) for n in range(15)]
    assert config["registered_name"] == "kzoo>Warmup"
