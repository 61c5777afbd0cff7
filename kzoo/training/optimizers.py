"""The optimiser of a recipe."""

from collections.abc import Mapping

import keras

from kzoo.training.recipe import Recipe
from kzoo.training.schedules import learning_rate_schedule

_NOT_DECAYED = ("bias", "gamma", "beta")
_KINDS = {
    "sgd": keras.optimizers.SGD,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "lamb": keras.optimizers.Lamb,
    "muon": keras.optimizers.Muon,
}


def decays(variable) -> bool:
    """Return whether weight decay acts on a variable: not on biases, scales and offsets.

    A locally connected layer has a bias of higher rank, so the name counts as well as the rank.
    """
    return len(variable.shape) > 1 and variable.name not in _NOT_DECAYED


def create_optimizer(
    recipe: Recipe,
    model: keras.Model,
    steps_per_epoch: int,
    *,
    frozen: bool = False,
    rates: Mapping[str, float] | None = None,
):
    """Return the optimiser of a recipe for the weights of `model`.

    Under "mixed_float16" it is wrapped into `keras.optimizers.LossScaleOptimizer`.

    Args:
        recipe: the recipe.
        model: the model to train.
        steps_per_epoch: steps in an epoch.
        frozen: whether this is for the epochs in which the head alone is trained.
        rates: share of the learning rate by path of a variable; `None` is all for all.
    """
    kind, arguments = _KINDS[recipe.optimizer], _arguments(recipe)
    arguments["learning_rate"] = learning_rate_schedule(recipe, steps_per_epoch, frozen)
    if rates is not None:
        arguments["weight_decay"] = None
        kind = keras.optimizers.Adam if recipe.optimizer == "adamw" else kind
        optimizer = _with_rates(kind, rates, recipe.weight_decay)(**arguments)
    else:
        optimizer = kind(**arguments)
        optimizer.exclude_from_weight_decay(
            var_list=[weight for weight in model.trainable_variables if not decays(weight)]
        )
    if recipe.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _arguments(recipe):
    arguments = {
        "weight_decay": recipe.weight_decay,
        "global_clipnorm": recipe.clip,
        "use_ema": recipe.ema is not None,
        "ema_momentum": recipe.ema or 0.99,
    }
    if recipe.accumulate > 1:
        arguments["gradient_accumulation_steps"] = recipe.accumulate
    if recipe.optimizer == "sgd":
        arguments |= {"momentum": recipe.momentum, "nesterov": recipe.nesterov}
    if recipe.optimizer != "adamw" and not recipe.weight_decay:
        arguments["weight_decay"] = None
    return arguments


def _with_rates(kind, rates, weight_decay):
    """Return a kind of optimiser by which each variable has its share of the learning rate.

    `keras.optimizers.MultiOptimizer` would clip the gradients of each share on their own.
    """

    class WithRates(kind):
        def update_step(self, gradient, variable, learning_rate):
            learning_rate = learning_rate * rates[variable.path]
            if weight_decay and decays(variable):
                rate = keras.ops.cast(learning_rate * weight_decay, variable.dtype)
                self.assign_sub(variable, rate * variable)
            super().update_step(gradient, variable, learning_rate)

    return WithRates
