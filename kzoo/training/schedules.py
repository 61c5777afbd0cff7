"""Learning-rate schedules, counted in steps."""

import keras
from keras import ops

from kzoo.training.recipe import Recipe


@keras.saving.register_keras_serializable(package="kzoo")
class Warmup(keras.optimizers.schedules.LearningRateSchedule):
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
        return {
            "schedule": keras.optimizers.schedules.serialize(self.schedule),
            "steps": self.steps,
        }

    @classmethod
    def from_config(cls, config):
        schedule = keras.optimizers.schedules.deserialize(config["schedule"])
        return cls(schedule, config["steps"])


def learning_rate_schedule(recipe: Recipe, steps_per_epoch: int):
    """Return the schedule of a recipe, for epochs of `steps_per_epoch` steps."""
    warmup_steps = round(recipe.warmup_epochs * steps_per_epoch)
    steps = recipe.epochs * steps_per_epoch - warmup_steps
    peak = recipe.learning_rate
    if recipe.schedule == "cosine":
        schedule = keras.optimizers.schedules.CosineDecay(peak, decay_steps=steps)
    else:
        milestones = recipe.milestones if recipe.schedule == "step" else ()
        # Counted after the warm-up. A value holds up to and including its boundary, and Keras wants
        # one boundary at least: the end.
        total = steps + warmup_steps
        ends = [round(part * total) - warmup_steps - 1 for part in (*milestones, 1)]
        values = [peak * recipe.step_factor**count for count in range(len(ends))]
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
            [float(end) for end in ends], [*values, values[-1]]
        )
    return Warmup(schedule, warmup_steps) if warmup_steps else schedule
