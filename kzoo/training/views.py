"""How images reach a network, in training and in evaluation."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kzoo.applications._family import Family
from kzoo.data import DataSpec, Resize
from kzoo.training.recipe import Recipe
from kzoo.weights.tags import Preprocessing

# Stages of a training whose images grow, and the multiple that their sizes are rounded to.
_STAGES, _MULTIPLE = 4, 8


@dataclass(frozen=True)
class Views:
    """How images are brought to their size; signals have none of this.

    Attributes:
        training: scaling in training; `None` where images have their size, and another would be
            brought to it by `Resize(size)`.
        evaluation: scaling in validation, test and prediction, likewise.
        sizes: function from an epoch to height and width in it, where training grows them.
        has_one_size: whether the network sees one size only.
    """

    training: Resize | None = None
    evaluation: Resize | None = None
    sizes: Callable[[int], tuple[int, int]] | None = None
    has_one_size: bool = True


def choose_views(
    model_name: str,
    family: Family,
    spec: DataSpec,
    recipe: Recipe,
    trained_on: Preprocessing | None,
    say,
    stem: str = "published",
) -> Views:
    """Return how the images of a data set are to reach a model.

    Args:
        model_name: name of the model.
        family: its family.
        spec: the data set.
        recipe: the recipe; what it leaves open is that of the weights, or else the data's own.
        trained_on: the inputs that the initial weights expect, where that is known.
        say: function that takes each line worth telling.
        stem: the model's, which decides how small images may be.

    Raises:
        ValueError: model and data are of different kinds, or a size is too small.
    """
    _check_kind(model_name, family, spec, recipe)
    if spec.kind == "signal":
        return Views()
    smallest = family.min_size_of(model_name, stem)
    for name in ("image_size", "test_size"):
        side = getattr(recipe, name)
        if side is not None and side < smallest:
            raise ValueError(
                f"{name} must be at least {smallest} for {model_name}; received {side}."
            )
    own = spec.shape[:2]
    default = trained_on.size if trained_on else family.shape_of(model_name, stem)[:2]
    keep = trained_on is None and None not in own
    size = _size(model_name, own, recipe.image_size, None if keep else default, smallest, say)
    test_size = (recipe.test_size,) * 2 if recipe.test_size else size
    interpolation = trained_on.interpolation if trained_on else "bilinear"
    resize = functools.partial(
        Resize,
        interpolation=recipe.interpolation or interpolation,
        mode=trained_on.crop_mode if trained_on else "center",
    )
    crop = recipe.test_crop or (trained_on.crop if trained_on and test_size != own else 1.0)
    training, evaluation = resize(size), resize(test_size, crop=crop)
    return Views(
        training=None if size == own and training == Resize(size) else training,
        evaluation=None if test_size == own and evaluation == Resize(test_size) else evaluation,
        sizes=_growing(recipe, size, smallest) if recipe.progressive else None,
        has_one_size=size == test_size and not recipe.progressive,
    )


def _size(model_name, own, asked, expected, smallest, say):
    """Return the height and width of training images, and say where they are not the data's.

    `expected` is the model's, or `None` where the data's will do.
    """
    if asked is not None:
        return (asked, asked)
    if expected is not None and own != expected:
        say(
            f"images {'differ in size' if None in own else f'are {own[0]} x {own[1]}'}; resizing "
            f"them to {expected[0]} x {expected[1]}, as {model_name} expects; image_size gives "
            "another size"
        )
        return expected
    if min(own) < smallest:
        say(
            f"images of {own[0]} x {own[1]} are too small; resizing them to {smallest} x "
            f"{smallest}, the smallest that {model_name} takes"
        )
        return (smallest, smallest)
    return own


def _growing(recipe, size, smallest):
    """Return the function from an epoch to its height and width, which grow in equal stages."""
    stages = min(_STAGES, recipe.epochs)  # the last ones

    def size_of(epoch):
        stage = min(_STAGES - 1, _STAGES - stages + epoch * stages // recipe.epochs)
        if stage == _STAGES - 1:
            return size
        share = recipe.progressive + (1 - recipe.progressive) * stage / (_STAGES - 1)
        rounded = [max(round(share * side / _MULTIPLE), 1) * _MULTIPLE for side in size]
        return tuple(max(smallest, min(pair)) for pair in zip(size, rounded))

    return size_of


def _check_kind(model_name, family, spec, recipe):
    wanted = "image" if family.rank == 2 else "signal"
    if spec.kind != wanted:
        images = spec.kind == "signal" and len(spec.shape) == 3
        raise ValueError(
            f"{model_name} takes {wanted}s and {spec.name} has {spec.kind}s; choose a model from "
            f"kzoo.list_models(task='{spec.kind}_classification')"
            f"{', or give images as uint8 from 0 to 255' if images else ''}."
        )
    if spec.kind == "signal":
        for name in ("image_size", "test_size", "progressive"):
            if getattr(recipe, name) is not None:
                raise ValueError(f"{name} is for images; {spec.name} has signals, leave it out.")


def view_config(views: Views) -> dict[str, Any] | None:
    """Return the view of evaluation as plain data that JSON can hold."""
    return None if views.evaluation is None else dataclasses.asdict(views.evaluation)


def view_of(config: dict[str, Any] | None) -> Resize | None:
    """Return the view that `view_config` gave."""
    if config is None:
        return None
    return Resize(**config | {name: tuple(config[name]) for name in ("size", "fill")})
