"""Named recipes: each can be made, and overridden."""

import re

import numpy as np
import pytest

from kzoo.data import DataSpec, parse_augment
from kzoo.training import NAMED_RECIPES, Recipe, named_recipe
from kzoo.training.recipes import recipe_for
from kzoo.training.schedules import learning_rate_schedule
from kzoo.training.setup import Setup, Start
from kzoo.training.train import given_recipe


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


@pytest.mark.parametrize(("epochs", "batch_size"), [(600, 1024), (90, 1024), (300, 512)])
def test_the_moving_average_is_as_long_as_torchvision_has_it(epochs, batch_size):
    # references/classification/train.py: --model-ema-decay 0.99998 --model-ema-steps 32.
    recipe = named_recipe("torchvision_v2", epochs=epochs, batch_size=batch_size)
    alpha = (1 - 0.99998) * batch_size * 32 / epochs
    assert 1 - recipe.ema == pytest.approx(alpha / 32, rel=0.01)
    assert named_recipe("torchvision_v2", epochs=epochs, ema=0.9).ema == 0.9


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
    given = given_recipe({"name": "finetune_held_norm", "learning_rate": 0.1})
    assert Setup.of(start, spec, given).recipe == held
    assert given_recipe({"epochs": 3}) == {"epochs": 3}


@pytest.mark.parametrize(
    ("model", "fields", "message"),
    [
        ("lenet5", {"progressive": 0.5}, "lenet5 is built for images of one size: leave out prog"),
        ("lenet5", {"test_size": 40}, "lenet5 is built for images of one size: .* give a test_siz"),
        ("resnet20_cifar", {"drop_path_rate": 0.1}, "drop_path_rate is 0.1, and resnet20_cifar ha"),
    ],
)
def test_what_a_network_cannot_have_is_refused_by_its_name_in_the_recipe(model, fields, message):
    spec = DataSpec("colour", "image", (32, 32, 3), ("a", "b"), {"train": 10})
    with pytest.raises(ValueError, match=message):
        Setup.of(Start.of(model), spec, fields)


def test_one_class_is_refused():
    spec = DataSpec("photographs", "image", (32, 32, 3), ("flowers",), {"train": 10})
    with pytest.raises(ValueError, match="two classes or more; photographs has one, 'flowers': of"):
        Setup.of(Start.of("lenet5"), spec, {})
