"""The optimiser of a recipe."""

import keras

from kzoo.training.recipe import Recipe
from kzoo.training.schedules import learning_rate_schedule

_NOT_DECAYED = ("bias", "gamma", "beta")


def decays(variable) -> bool:
    """Return whether weight decay acts on a variable: not on biases, scales and offsets.

    A locally connected layer has a bias of higher rank, so the name counts as well as the rank.
    """
    return len(variable.shape) > 1 and variable.name not in _NOT_DECAYED


def create_optimizer(recipe: Recipe, model: keras.Model, steps_per_epoch: int):
    """Return the optimiser of a recipe for the weights of `model`.

    Under "mixed_float16" it is wrapped into `keras.optimizers.LossScaleOptimizer`.
    """
    arguments = {
        "learning_rate": learning_rate_schedule(recipe, steps_per_epoch),
        "weight_decay": recipe.weight_decay,
        "global_clipnorm": recipe.clip,
    }
    if recipe.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(**arguments)
    else:
        arguments["weight_decay"] = recipe.weight_decay or None
        if recipe.optimizer == "adam":
            optimizer = keras.optimizers.Adam(**arguments)
        else:
            optimizer = keras.optimizers.SGD(
                momentum=recipe.momentum, nesterov=recipe.nesterov, **arguments
            )
    optimizer.exclude_from_weight_decay(
        var_list=[weight for weight in model.trainable_variables if not decays(weight)]
    )
    if recipe.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer
