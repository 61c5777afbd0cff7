"""The list of families, and the functions that look a model up by name."""

import difflib
import fnmatch
import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import keras

from kzoo.applications import FAMILIES
from kzoo.applications._family import Family


def by_model_name(families: Iterable[Family]) -> Mapping[str, Family]:
    """Return a read-only mapping from model name to its family; a name given twice is refused."""
    found: dict[str, Family] = {}
    for family in families:
        for name in family.variants:
            if name in found:
                raise ValueError(
                    f"model {name!r} is in two families, {found[name].name} and {family.name}."
                )
            found[name] = family
    return MappingProxyType(found)


MODELS = by_model_name(FAMILIES)


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What is known of a model.

    Attributes:
        name: model name.
        family: name of its family.
        paper: where it was published.
        task: "image_classification" or "signal_classification".
        input_shape: default shape of one input, channels last.
        classes: default number of classes.
        parameters: trainable parameters of the default model.
        multiply_adds: of one default input, normalisation left out.
        weights: tags of the pretrained weights.
    """

    name: str
    family: str
    paper: str
    task: str
    input_shape: tuple[int, ...]
    classes: int
    parameters: int
    multiply_adds: int
    weights: tuple[str, ...]


def list_models(
    pattern: str = "*",
    *,
    family: str | None = None,
    pretrained: bool = False,
    task: str | None = None,
) -> list[str]:
    """Return the names of the models, sorted with numbers in their order.

    Args:
        pattern: shell wildcards, such as `"resnet*"`.
        family: only this family.
        pretrained: only models with pretrained weights.
        task: only models for this task, "image_classification" or "signal_classification".

    Raises:
        ValueError: there is no such family or task.
    """
    _known(family, "family", {entry.name for entry in FAMILIES})
    _known(task, "task", {entry.task for entry in FAMILIES})
    names = [
        name
        for name, entry in MODELS.items()
        if fnmatch.fnmatchcase(name, pattern)
        and family in (None, entry.name)
        and task in (None, entry.task)
        and (not pretrained or entry.weights)
    ]
    return sorted(names, key=_natural_order)


def find_family(name: str) -> Family:
    """Return the family of a model; an unknown name is refused with the nearest ones."""
    if not isinstance(name, str):
        raise TypeError(f"a model is named by a string; received {name!r}.")
    if name not in MODELS:
        near = difflib.get_close_matches(name.lower(), MODELS, n=3, cutoff=0.5)
        hint = (
            f"did you mean {' or '.join(near)}?" if near else "kzoo.list_models() lists them all."
        )
        raise ValueError(f"there is no model {name!r}; {hint}")
    return MODELS[name]


def create_model(name: str, **options) -> keras.Model:
    """Build a model by name; `options` are the arguments of its named builder.

    Example:

    >>> kzoo.create_model("resnet18", classes=10, input_shape=(64, 64, 3)).output_shape
    (None, 10)

    Raises:
        ValueError: there is no such model, or an option has a value that it does not allow.
        TypeError: it has no such option.
    """
    return find_family(name).create(name, **options)


@functools.cache
def model_info(name: str) -> ModelInfo:
    """Return what is known of a model; the counts are taken from the default model, built once."""
    from kzoo.analysis import count_multiply_adds, count_parameters

    family = find_family(name)
    model = family.create(name)
    return ModelInfo(
        name=name,
        family=family.name,
        paper=family.paper,
        task=family.task,
        input_shape=family.shape_of(name),
        classes=family.classes,
        parameters=count_parameters(model),
        multiply_adds=count_multiply_adds(model),
        weights=family.weights,
    )


def _known(value, argument, choices):
    if value is not None and value not in choices:
        raise ValueError(
            f"there is no {argument} {value!r}; there are {', '.join(sorted(choices))}."
        )


def _natural_order(name):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
