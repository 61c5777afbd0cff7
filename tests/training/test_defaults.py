import pytest

from kzoo.data import DataSpec
from kzoo.registry import find_family
from kzoo.training.defaults import default_recipe

COLOUR = DataSpec("colour", "image", (32, 40, 3), ("a", "b"), {"train": 10})
GREY = DataSpec("grey", "image", (8, 8, 1), ("a", "b"), {"train": 10})
SIGNAL = DataSpec("signal", "signal", (40, 1), ("a", "b"), {"train": 10})


def default(name, spec, size=None, **given):
    return default_recipe(find_family(name), spec, size, given)


def test_colour_images_are_flipped_and_cropped_by_an_eighth():
    assert default("resnet18", COLOUR).augment == ("flip", "crop=4")
    assert default("resnet18", COLOUR, 64).augment == ("flip", "crop=8")


@pytest.mark.parametrize(("name", "spec"), [("lenet5", GREY), ("udl_dense", SIGNAL)])
def test_others_are_left_alone(name, spec):
    assert default(name, spec).augment == ()


def test_the_learning_rate_is_the_familys_except_for_sgd():
    assert default("resnet18", GREY).learning_rate == 3e-3
    assert default("vgg11", GREY, optimizer="adam").learning_rate == 1e-4
    assert default("vgg11", GREY, optimizer="sgd").learning_rate == 0.01


def test_what_is_given_wins():
    recipe = default("resnet18", COLOUR, learning_rate=0.5, augment=(), epochs=3)
    assert (recipe.learning_rate, recipe.augment, recipe.epochs) == (0.5, (), 3)
