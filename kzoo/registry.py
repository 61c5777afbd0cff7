"""The list of families, and the functions that look a model up by name."""

import difflib
import fnmatch
import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import keras

from kzoo.applications import families
from kzoo.applications._family import Family
from kzoo.weights.sources import unknown_tag
from kzoo.weights.tags import WeightsInfo, records_of


def by_model_name(given: Iterable[Family]) -> Mapping[str, Family]:
    """Return a read-only mapping from model name to its family; a name given twice is refused."""
    found: dict[str, Family] = {}
    for family in given:
        for name in family.variants:
            if name in found:
                raise ValueError(
                    f"model {name!r} is in two families, {found[name].name} and {family.name}."
                )
            found[name] = family
    return MappingProxyType(found)


@functools.cache
def models() -> Mapping[str, Family]:
    """Return a read-only mapping from the name of every model to its family."""
    return by_model_name(families())


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
        weights: tags of the pretrained weights, the recommended one first.
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
    _known(family, "family", {entry.name for entry in families()})
    _known(task, "task", {entry.task for entry in families()})
    names = [
        name
        for name, entry in models().items()
        if fnmatch.fnmatchcase(name, pattern)
        and family in (None, entry.name)
        and task in (None, entry.task)
        and (not pretrained or records_of(name))
    ]
    return sorted(names, key=_natural_order)


def find_family(name: str) -> Family:
    """Return the family of a model; an unknown name is refused with the nearest ones."""
    if not isinstance(name, str):
        raise TypeError(f"a model is named by a string; received {name!r}.")
    model, dot, tag = name.partition(".")
    if dot and model in models():
        raise ValueError(
            f"{name!r} is the model {model!r} with the weights {tag!r}; here goes the model alone."
        )
    if name not in models():
        near = nearest(name, models())
        hint = (
            f"did you mean {' or '.join(near)}?" if near else "kzoo.list_models() lists them all."
        )
        raise ValueError(f"there is no model {name!r}; {hint}")
    return models()[name]


def nearest(name: str, names: Iterable[str], cutoff: float = 0.5) -> list[str]:
    """Return up to three of `names`: those that begin with `name`, then those spelt like it."""
    name = name.lower()
    longer = sorted(
        (other for other in names if name and other.startswith(name)),
        key=lambda other: (not other.startswith(f"{name}_"), len(other)),
    )
    alike = difflib.get_close_matches(name, names, n=3, cutoff=cutoff)
    return list(dict.fromkeys([*longer, *alike]))[:3]


def without_tag(name: str, weights=None):
    """Return a model's name without the tag it may carry, and the tag or else `weights`."""
    model, dot, tag = name.partition(".") if isinstance(name, str) else (name, "", "")
    if dot and weights is not None:
        raise ValueError(
            f"{name!r} names its weights, and weights={weights!r} names others; give one of the "
            "two."
        )
    return model, tag if dot else weights


def create_model(name: str, **options) -> keras.Model:
    """Build a model by name; `options` are the arguments of its named builder.

    The name may carry the tag of its weights: "resnet50.a1_in1k" is "resnet50" with
    `weights="a1_in1k"`.

    Example:

    >>> kzoo.create_model("resnet18", classes=10, input_shape=(64, 64, 3)).output_shape
    (None, 10)

    Raises:
        ValueError: there is no such model, or an option has a value that it does not allow.
        TypeError: it has no such option.
    """
    model, weights = without_tag(name, options.get("weights"))
    family = find_family(model)
    if model != name:
        if weights not in {record.tag for record in records_of(model)}:
            raise unknown_tag(weights, model)
        options["weights"] = weights
    return family.create(model, **options)


def list_weights(name: str) -> tuple[WeightsInfo, ...]:
    """Return what is published of each of a model's weights, the recommended ones first.

    Example:

    >>> kzoo.list_weights("resnet50")[0].tag
    'a1_in1k'

    Raises:
        ValueError: there is no such model.
    """
    find_family(name)
    return records_of(name)


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
        weights=tuple(record.tag for record in records_of(name)),
    )


def _known(value, argument, choices):
    if value is not None and value not in choices:
        raise ValueError(
            f"there is no {argument} {value!r}; there are {', '.join(sorted(choices))}."
        )


def _natural_order(name):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
