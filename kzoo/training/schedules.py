"""Learning-rate schedules, counted in steps."""

import math

import keras
from keras import ops
from keras.optimizers import schedules

from kzoo.training.recipe import Recipe


@keras.saving.register_keras_serializable(package="kzoo")
class Warmup(schedules.LearningRateSchedule):
    """A schedule after a linear rise to its first value.

    Step `n < steps` has `(n + 1) / steps` of that value (Goyal et al. 2017, section 2.2), and step
    `steps + n` what `schedule` gives for step `n`.

    Args:
        schedule: a `keras.optimizers.schedules.LearningRateSchedule`.
        steps: length of the rise.
    """

    def __init__(self, schedule, steps):
        self.schedule = schedule
        self.steps = steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rising = (step + 1) / self.steps * self.schedule(0)
        return ops.where(step < self.steps, rising, self.schedule(step - self.steps))

    def get_config(self):
        return {"schedule": schedules.serialize(self.schedule), "steps": self.steps}

    @classmethod
    def from_config(cls, config):
        return cls(schedules.deserialize(config["schedule"]), config["steps"])


@keras.saving.register_keras_serializable(package="kzoo")
class OneCycle(schedules.LearningRateSchedule):
    """Up along half a cosine and down along another (Smith and Topin 2018).

    It starts from a twenty-fifth of the highest rate, as PyTorch's OneCycleLR does.

    Args:
        highest: the highest learning rate.
        peak_step: step that has it.
        last_step: step that has `final_factor` of it.
        final_factor: share of the highest rate at the end.
    """

    START = 1 / 25

    def __init__(self, highest, peak_step, last_step, final_factor=0.0):
        self.highest = highest
        self.peak_step = peak_step
        self.last_step = last_step
        self.final_factor = final_factor

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rising = step / max(self.peak_step, 1)
        falling = (step - self.peak_step) / max(self.last_step - self.peak_step, 1)
        share = ops.where(
            step < self.peak_step,
            _between(self.START, 1.0, rising),
            _between(1.0, self.final_factor, ops.minimum(falling, 1.0)),
        )
        return self.highest * share

    def get_config(self):
        return {
            "highest": self.highest,
            "peak_step": self.peak_step,
            "last_step": self.last_step,
            "final_factor": self.final_factor,
        }


def _between(start, end, share):
    """Return the point of half a cosine from `start` to `end`."""
    return end + (start - end) * (1 + ops.cos(math.pi * share)) / 2


def learning_rate_schedule(recipe: Recipe, steps_per_epoch: int, frozen: bool = False):
    """Return the schedule of a recipe, for epochs of `steps_per_epoch` steps.

    `frozen` asks for that of the epochs in which the head alone is trained: it is constant.
    """
    peak = recipe.learning_rate

    def steps_in(epochs):
        return round(epochs * steps_per_epoch)

    total = max(1, steps_in(recipe.epochs - recipe.frozen_epochs))
    warmup = steps_in(recipe.warmup_epochs)
    steps = max(1, total - warmup)
    if frozen or recipe.schedule == "constant":
        schedule = _constant(peak, total)
    elif recipe.schedule == "cosine":
        schedule = schedules.CosineDecay(peak, steps, alpha=recipe.final_factor)
    elif recipe.schedule == "polynomial":
        end = peak * recipe.final_factor
        schedule = schedules.PolynomialDecay(peak, steps, end, power=recipe.power)
    elif recipe.schedule == "one_cycle":
        return OneCycle(peak, max(warmup - 1, 0), total - 1, recipe.final_factor)
    else:
        schedule = _steps(recipe, total, warmup)
    return Warmup(schedule, warmup) if warmup and not frozen else schedule


def _steps(recipe, total, warmup):
    """Return the schedule that falls at milestones, counted after the warm-up."""
    # A value holds up to and including its boundary.
    ends = [float(round(part * total) - warmup - 1) for part in recipe.milestones]
    values = [recipe.learning_rate * recipe.step_factor**count for count in range(len(ends) + 1)]
    if not ends:
        return _constant(recipe.learning_rate, total)
    return schedules.PiecewiseConstantDecay(ends, values)


def _constant(rate, steps):
    # Keras wants one boundary at least: the end.
    return schedules.PiecewiseConstantDecay([float(steps)], [rate, rate])
