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


@pytest.mark.parametrize("final", [0.0, 0.1])
def test_one_cycle_is_pytorchs(final):
    torch = pytest.importorskip("torch")
    recipe = Recipe(epochs=10, learning_rate=0.4, schedule="one_cycle", final_factor=final)
    assert recipe.warmup_epochs == 3
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    # PyTorch counts the end from the start.
    reference = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.4, total_steps=70, final_div_factor=1 / (25 * final) if final else 1e12
    )
    expected = []
    for _ in range(70):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        reference.step() if len(expected) < 70 else None
    assert rates(recipe, 7) == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_polynomial_is_keras_own_after_the_warmup():
    recipe = Recipe(
        epochs=5,
        learning_rate=0.3,
        warmup_epochs=1,
        schedule="polynomial",
        power=2,
        final_factor=0.1,
    )
    reference = keras.optimizers.schedules.PolynomialDecay(0.3, 40, 0.03, power=2)
    assert rates(recipe, 10)[10:] == pytest.approx([float(reference(n)) for n in range(40)])


def test_schedule_begins_after_the_frozen_epochs():
    recipe = Recipe(epochs=6, learning_rate=0.3, frozen_epochs=2, warmup_epochs=0)
    reference = keras.optimizers.schedules.CosineDecay(0.3, decay_steps=40)
    schedule = learning_rate_schedule(recipe, 10)
    assert [float(schedule(n)) for n in range(41)] == [float(reference(n)) for n in range(41)]
    frozen = learning_rate_schedule(recipe, 10, frozen=True)
    assert {float(frozen(n)) for n in range(20)} == {float(np.float32(0.3))}
