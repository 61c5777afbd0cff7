import pytest

from kzoo.data import DataSpec
from kzoo.registry import find_family
from kzoo.training.defaults import default_recipe, suits_small_stem
from kzoo.training.recipe import Recipe

COLOUR = DataSpec("colour", "image", (32, 40, 3), ("a", "b"), {"train": 10})
PHOTOGRAPHS = DataSpec("photographs", "image", (None, None, 3), ("a", "b"), {"train": 10})
GREY = DataSpec("grey", "image", (8, 8, 1), ("a", "b"), {"train": 10})
SIGNAL = DataSpec("signal", "signal", (40, 1), ("a", "b"), {"train": 10})


def default(name, spec, has_weights=False, weights_size=(), **given):
    return default_recipe(find_family(name), spec, has_weights, given, weights_size=weights_size)


def test_colour_images_are_cropped_and_flipped():
    assert default("resnet18", COLOUR).augment == ("crop=4", "flip")
    assert default("resnet18", COLOUR, image_size=64).augment == ("crop=8", "flip")
    assert default("resnet18", PHOTOGRAPHS).augment == ("resized_crop=0.25", "flip")


@pytest.mark.parametrize(
    ("spec", "weights_size", "given", "crop"),
    [
        (COLOUR, (224, 224), {}, "resized_crop=0.25"),
        (COLOUR, (36, 36), {}, "crop=4"),
        (COLOUR, (224, 224), {"image_size": 40}, "crop=5"),
        (PHOTOGRAPHS, (32, 32), {}, "resized_crop=0.25"),
    ],
)
def test_images_that_weights_want_larger_are_cropped_as_large_ones(spec, weights_size, given, crop):
    recipe = default("resnet18", spec, has_weights=True, weights_size=weights_size, **given)
    assert recipe.augment == (crop, "flip")


@pytest.mark.parametrize(("name", "spec"), [("lenet5", GREY), ("udl_dense", SIGNAL)])
def test_others_are_left_alone(name, spec):
    assert default(name, spec).augment == ()


def test_the_learning_rate_is_the_familys_except_for_sgd():
    assert default("resnet18", GREY).learning_rate == 3e-3
    assert default("vgg11", GREY, optimizer="adam").learning_rate == 1e-4
    assert default("vgg11", GREY, optimizer="sgd").learning_rate == 0.01


def test_weights_are_fine_tuned():
    recipe = default("resnet18", PHOTOGRAPHS, has_weights=True)
    assert 0 < recipe.frozen_epochs < recipe.epochs
    assert recipe.layer_decay < 1
    assert not recipe.freeze_norm
    assert recipe.learning_rate == 3e-3
    for epochs, frozen in [(3, 0), (10, 2), (100, 20)]:
        given = default("resnet18", PHOTOGRAPHS, has_weights=True, epochs=epochs)
        assert given.frozen_epochs == frozen


def test_what_is_given_wins():
    recipe = default("resnet18", COLOUR, learning_rate=0.5, augment=(), epochs=3)
    assert (recipe.learning_rate, recipe.augment, recipe.epochs) == (0.5, (), 3)


@pytest.mark.parametrize(
    ("name", "spec", "image_size", "has_weights", "suits"),
    [
        ("resnet18", COLOUR, None, False, True),
        ("resnet18", GREY, None, False, True),
        ("resnet18", COLOUR, 64, False, True),
        ("resnet18", PHOTOGRAPHS, 64, False, True),
        ("resnet18", COLOUR, 65, False, False),
        ("resnet18", PHOTOGRAPHS, None, False, False),
        ("resnet18", COLOUR, None, True, False),
        ("resnet20_cifar", COLOUR, None, False, False),
        ("udl_dense", SIGNAL, None, False, False),
    ],
)
def test_small_images_without_weights_get_a_small_stem(name, spec, image_size, has_weights, suits):
    recipe = Recipe(image_size=image_size)
    assert suits_small_stem(find_family(name), spec, recipe, has_weights) is suits
