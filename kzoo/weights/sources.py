"""What `weights=` may name: a tag, a repository on the hub, a file, or the folder of a run."""

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from kzoo.weights import tags
from kzoo.weights.download import (
    check_digest,
    fetch_from_address,
    fetch_from_hub,
    hub_configuration,
    parse_hub,
)
from kzoo.weights.errors import WeightsError, listed
from kzoo.weights.files import SUFFIXES
from kzoo.weights.keras_files import read_statistics
from kzoo.weights.runs import run_record
from kzoo.weights.tags import WeightsInfo, records_of

_HUB = "hf-hub:"


@dataclass(frozen=True)
class Source:
    """Where weights come from, and what is known of them.

    Attributes:
        given: what the user named.
        place: "hf-hub:owner/repository[@revision]", an address, "shipped:file", "keras:function" of
            keras.applications, or a path.
        sha256: what is published of the digest.
        mean: statistics that the weights expect, on a 0..1 scale; `None` where they are not known.
        std: likewise.
        classes: number of classes, where it is known; 0 for weights without a classifier.
        options: arguments of the builder that the weights imply.
    """

    given: str
    place: str
    sha256: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    classes: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def is_file(self) -> bool:
        """Whether the user named a file, of which nothing is known."""
        return self.given == self.place and not self.place.startswith(_HUB)

    def fetch(self) -> Path:
        """Return the path of the file, downloaded and checked where need be."""
        if self.place.startswith(_HUB):
            return fetch_from_hub(*parse_hub(self.place))
        if self.place.startswith(("http://", "https://")):
            return fetch_from_address(self.place, self.sha256)
        if self.place.startswith("shipped:"):
            path = tags.SHIPPED / self.place.removeprefix("shipped:")
            check_digest(path, self.sha256, delete=False)
            return path
        return Path(self.place)

    def complete(self, arguments: dict[str, Any], scales: Iterable[str]):
        """Add what the weights imply to the arguments of a builder, where they are not given.

        Args:
            arguments: of the builder, by name; changed in place.
            scales: names of the options that are 1 at the size that was published.

        Raises:
            WeightsError: an argument contradicts the weights. Their number of classes and input
                shape are no more than defaults.
        """
        if self.classes:
            arguments.setdefault("classes", self.classes)
        # Of the size that was published, where nothing else is known; a file may have any.
        published = {} if self.is_file else {name: 1 for name in scales if name in arguments}
        for name, value in (published | dict(self.options)).items():
            if name == "input_shape":
                if arguments.get("input_tensor") is None and arguments.get(name) is None:
                    arguments[name] = _in_data_format(value)
            elif arguments.setdefault(name, value) != value:
                raise WeightsError(
                    f"the weights {self.given} are those of {name}={value!r}; received {name}="
                    f"{arguments[name]!r}, leave {name} out."
                )


def find_source(weights, name: str) -> Source:
    """Return the source that `weights` names for the model `name`.

    Nothing is downloaded, except the small `config.json` of a repository on the hub that kzoo has
    no record of.

    Raises:
        TypeError: `weights` is neither a string nor a path.
        WeightsError: there are no such weights for the model.
    """
    if not isinstance(weights, (str, os.PathLike)):
        raise TypeError(f"weights must be a tag, a source or a path; received {weights!r}.")
    text = os.fspath(weights)
    record = record_of(weights, name)
    if record is None and isinstance(weights, os.PathLike):
        return _file(text)
    if text.startswith(_HUB):
        return _hub_source(text, record)
    if record is not None:
        return _recorded(text, record)
    if text == "imagenet":
        raise WeightsError(
            f"no ImageNet weights are published for {name}: its tags are "
            f"{listed([record.tag for record in records_of(name)])}; leave weights=None, or give a "
            "file."
        )
    if text == "keras":
        raise _no_keras_weights(name)
    if text.endswith(SUFFIXES) or Path(text).is_file() or os.sep in text:
        return _file(text)
    raise unknown_tag(text, name)


def record_of(weights: str | os.PathLike, name: str) -> WeightsInfo | None:
    """Return what is known of weights for the model `name`, `None` where nothing is.

    Args:
        weights: a tag, bare or behind the model's name, "imagenet", a repository on the hub, or a
            run folder or the model in it. Another file that is there is none of them, be it called
            as one ("keras_vgg16.keras"), nor is a path that is no string.
        name: of the model.
    """
    if not isinstance(weights, str) or (weights.endswith(SUFFIXES) and Path(weights).is_file()):
        return run_record(weights, name)
    records = records_of(name)
    if weights.startswith(_HUB):
        place = f"{_HUB}{parse_hub(weights)[0]}"
        return next((record for record in records if record.source == place), None)
    if weights == "imagenet":
        return next((record for record in records if record.recommended), None)
    tag = weights.removeprefix(f"{name}.")
    known = next((record for record in records if record.tag == tag), None)
    return known or run_record(weights, name)


def _file(text):
    mean, std = read_statistics(text) if text.endswith(".keras") else ((), ())
    return Source(text, text, mean=mean or None, std=std or None)


def _recorded(text, record: WeightsInfo):
    mean, std = record.preprocessing.mean, record.preprocessing.std
    return Source(
        text,
        record.source,
        record.sha256,
        mean or None,
        std or None,
        record.classes,
        record.options,
    )


def written(options: Mapping[str, Any]) -> str:
    """Return options as they are written in Python."""
    return ", ".join(f"{name}={value!r}" for name, value in options.items())


def _in_data_format(shape):
    """Bring `(height, width, channels)` to Keras's image data format."""
    *sizes, channels = shape
    first = len(sizes) == 2 and keras.config.image_data_format() == "channels_first"
    return (channels, *sizes) if first else (*sizes, channels)


def _hub_source(text, record):
    if record is not None:
        known = _recorded(text, record)
        return Source(text, text, None, known.mean, known.std, known.classes)
    known = hub_configuration(*parse_hub(text))
    mean, std = known.get("mean"), known.get("std")
    return Source(
        text,
        text,
        mean=tuple(mean) if mean else None,
        std=tuple(std) if std else None,
        classes=known.get("num_classes"),
    )


def _no_keras_weights(name):
    from kzoo.applications.keras_applications import VARIANTS

    twins = [variant for variant, config in VARIANTS.items() if name in config.twins]
    if twins:
        return WeightsError(
            f"the graph of keras.applications differs from {name}: weights='keras' belong to the "
            f"model {' or '.join(twins)}."
        )
    return WeightsError(
        f"keras.applications publishes no weights that fit {name}; kzoo.list_models('keras_*') "
        "lists the models for which it does."
    )


def unknown_tag(text: str, name: str) -> WeightsError:
    """Return the error for a tag that the model `name` does not have."""
    from kzoo.registry import models

    records = {record.tag: record for record in records_of(name)}
    owner, dot, tag = text.partition(".")
    if dot and owner in models() and tag in {record.tag for record in records_of(owner)}:
        return WeightsError(f"the weights {text} are those of the model {owner}, not of {name}.")
    if name not in models():
        return WeightsError(
            f"weights {text!r} are no file, and a tag needs a model's name: this model is called "
            f"{name!r}; give the file, or name.tag."
        )
    near = difflib.get_close_matches(text, records, n=3, cutoff=0.5)
    rest = [tag for tag in records if tag not in near]
    return WeightsError(
        f"{name} has no weights {text!r}: its tags are {listed([*near, *rest], most=12)}; else "
        f"give a {' / '.join(SUFFIXES)} file, or hf-hub:owner/repository."
    )
