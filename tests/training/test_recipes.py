"""Named recipes: each can be made, and overridden."""

import re

import numpy as np
import pytest

from kzoo.data import DataSpec, parse_augment
from kzoo.training import NAMED_RECIPES, Recipe, named_recipe
from kzoo.training.recipes import recipe_for
from kzoo.training.schedules import learning_rate_schedule
from kzoo.training.setup import Setup, Start


@pytest.mark.parametrize("name", NAMED_RECIPES)
def test_every_recipe_can_be_made_and_printed(name):
    recipe = named_recipe(name)
    assert recipe == Recipe.from_dict(recipe.to_dict())
    parse_augment(recipe.augment, "signal" if name == "mnist1d" else "image")
    shown = str(NAMED_RECIPES[name])
    assert f"--recipe {name}" in shown
    shown_epochs = re.search(rf"^epochs +{recipe.epochs}$", shown, re.MULTILINE)
    assert shown_epochs or recipe.epochs == Recipe().epochs


def test_fields_can_be_replaced():
    recipe = named_recipe("cifar", epochs=3, learning_rate=0.2)
    assert (recipe.epochs, recipe.learning_rate, recipe.optimizer) == (3, 0.2, "sgd")


def test_the_fast_recipe_has_the_learning_rates_of_its_author():
    # PiecewiseLinear([0, 5, 24], [0, 0.4, 0]) in dawn.py of davidcpage/cifar10-fast.
    schedule = learning_rate_schedule(named_recipe("cifar_fast"), steps_per_epoch=97)
    epochs = np.arange(1, 24 * 97 + 1) / 97
    rates = [float(schedule(step)) for step in range(24 * 97)]
    published = np.interp(epochs, [0, 5, 24], [0, 0.4, 0])
    np.testing.assert_allclose(rates, published, atol=0.4 / (5 * 97))


def test_bad_names_are_refused():
    with pytest.raises(ValueError, match="recipe must be one of cifar, .*; received 'resnet_strik"):
        named_recipe("resnet_strikes_back")
    with pytest.raises(ValueError, match="a recipe has no rate; it may have epochs"):
        named_recipe("cifar", rate=1)


def test_a_recipe_that_is_open_takes_the_rest_from_model_and_data():
    start = Start.of("resnet20_cifar.cifar10")
    spec = DataSpec("colour", "image", (32, 32, 3), ("a", "b"), {"train": 10})
    setup = Setup.of(start, spec, recipe_for("finetune", {"epochs": 10}))
    assert setup.recipe == Setup.of(start, spec, {"epochs": 10}).recipe
    assert (setup.recipe.frozen_epochs, setup.recipe.augment) == (2, ("crop=4", "flip"))
    held = Setup.of(start, spec, recipe_for("finetune_held_norm", {"learning_rate": 0.1})).recipe
    assert (held.freeze_norm, held.learning_rate, held.augment) == (True, 0.1, ("crop=4", "flip"))
    assert recipe_for("mnist", {"epochs": 3}) == named_recipe("mnist", epochs=3)
    with pytest.raises(ValueError, match="a recipe has no rate; it may have epochs"):
        recipe_for("finetune", {"rate": 1})
