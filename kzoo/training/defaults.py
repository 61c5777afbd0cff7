"""The recipe by which a model is trained on a data set where nothing else is said."""

from collections.abc import Mapping
from typing import Any

from kzoo.applications._family import Family
from kzoo.data import DataSpec
from kzoo.training.recipe import Recipe
from kzoo.training.recipes import fields_of

# Images up to this size are cropped where they are, after padding, and networks keep their
# resolution; larger ones are scaled.
_SMALL = 64


def default_recipe(
    family: Family,
    spec: DataSpec,
    has_weights: bool,
    given: Mapping[str, Any],
    *,
    weights_size: tuple[int, ...] = (),
) -> Recipe:
    """Return the recipe for a family and a data set.

    `has_weights` says whether the network starts from weights; then the recipe is "finetune", with
    the same share of frozen epochs where their number is given.
    `given` are the fields that are not to be the defaults. `weights_size` is the size of the images
    that the weights expect, to which images are scaled where `given` has no other.

    Optimisers other than SGD start from the family's learning rate. Colour images are flipped;
    small ones are also padded by an eighth of their size and cropped back (He et al. 2016, section
    4.2), others cropped at random to a quarter of their area at least. Grey images and signals are
    left alone, because a digit or a signal need not mean the same when it is mirrored.
    """
    defaults: dict[str, Any] = {}
    if has_weights:
        defaults |= fields_of("finetune", given)
    if given.get("optimizer", Recipe().optimizer) != "sgd":
        defaults["learning_rate"] = family.learning_rate
    if spec.kind == "image" and spec.shape[2] == 3:
        size = _small_size(spec, given.get("image_size"), *weights_size)
        crop = f"crop={size // 8}" if size else "resized_crop=0.25"
        defaults["augment"] = (crop, "flip")
    return Recipe(**defaults | dict(given))


def suits_small_stem(family: Family, spec: DataSpec, recipe: Recipe, has_weights: bool) -> bool:
    """Whether a network has a small stem and is to learn from small images from scratch."""
    is_small = spec.kind == "image" and _small_size(spec, recipe.image_size) is not None
    return family.has_small_stem and is_small and not has_weights


def _small_size(spec, image_size, *sides):
    """Return the shorter side of images, or of what they are scaled to, if both are small.

    `sides` are those that images are scaled to where `image_size` is not given.
    """
    size = image_size or max(min((side or _SMALL + 1) for side in spec.shape[:2]), 0, *sides)
    return size if size <= _SMALL else None
