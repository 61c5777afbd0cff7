"""The recipe by which a model is trained on a data set where nothing else is said."""

from collections.abc import Mapping
from typing import Any

from kzoo.applications._family import Family
from kzoo.data.spec import DataSpec
from kzoo.training.recipe import Recipe


def default_recipe(
    family: Family, spec: DataSpec, image_size: int | None, given: Mapping[str, Any]
) -> Recipe:
    """Return the recipe for a family and a data set.

    `image_size` is what images are brought to, `None` for their own size; `given` are the fields
    that are not to be the defaults.

    Adam and AdamW start from the family's learning rate. Colour images are flipped, and padded by
    an eighth of their size and cropped back (He et al. 2016, section 4.2); others are left alone,
    because a digit or a signal need not mean the same when it is mirrored.
    """
    defaults: dict[str, Any] = {}
    if given.get("optimizer", Recipe().optimizer) != "sgd":
        defaults["learning_rate"] = family.learning_rate
    if spec.kind == "image" and spec.shape[2] == 3:
        side = image_size or min(side for side in spec.shape[:2] if side is not None)
        defaults["augment"] = ("flip", f"crop={side // 8}")
    return Recipe(**defaults | dict(given))
