"""The optimiser of a recipe."""

import dataclasses
import functools
from collections.abc import Mapping

import keras
from keras import ops

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
    not_decayed = [weight for weight in model.trainable_variables if not decays(weight)]

    @functools.cache
    def one(kind, share):
        scaled = dataclasses.replace(recipe, learning_rate=share * recipe.learning_rate)
        arguments = _arguments(recipe)
        if kind != recipe.optimizer:  # for what does not decay
            arguments["weight_decay"] = None
        optimizer = _KINDS[kind](
            learning_rate=learning_rate_schedule(scaled, steps_per_epoch, frozen), **arguments
        )
        optimizer.exclude_from_weight_decay(var_list=not_decayed)
        return optimizer

    def optimizer_of(weight):
        # LAMB takes steps as long as the weight, of which biases and offsets, begun at 0, have
        # nothing; as in timm's, they get Adam's.
        plain = recipe.optimizer == "lamb" and not decays(weight)
        return one("adam" if plain else recipe.optimizer, rates[weight.path] if rates else 1.0)

    if rates is None and recipe.optimizer != "lamb":
        optimizer = one(recipe.optimizer, 1.0)
    else:
        optimizer = _Together(optimizer_of, recipe.clip)
    if recipe.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _arguments(recipe):
    arguments = {
        "weight_decay": recipe.weight_decay,
        "global_clipnorm": recipe.clip,
        "use_ema": recipe.ema is not None,
        # Keras averages at every step, whether or not that ends an accumulation.
        "ema_momentum": (recipe.ema or 0.99) ** (1 / recipe.accumulate),
    }
    if recipe.accumulate > 1:
        arguments["gradient_accumulation_steps"] = recipe.accumulate
    if recipe.optimizer == "sgd":
        arguments |= {"momentum": recipe.momentum, "nesterov": recipe.nesterov}
    if recipe.optimizer != "adamw" and not recipe.weight_decay:
        arguments["weight_decay"] = None
    if recipe.optimizer == "muon":
        arguments["adam_weight_decay"] = arguments["weight_decay"]
    return arguments


class _Together(keras.optimizers.MultiOptimizer):
    """Several optimisers, which clip the gradients of all weights together."""

    def __init__(self, optimizer_of, clip):
        super().__init__(optimizer_of)
        self.clip = clip

    def apply(self, grads, trainable_variables=None):
        if self.clip is not None:
            norm = ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in grads))
            share = ops.minimum(1.0, self.clip / ops.maximum(norm, self.clip))
            grads = [gradient * share for gradient in grads]
        super().apply(grads, trainable_variables)
