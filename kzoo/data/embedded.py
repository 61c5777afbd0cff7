"""The data sets that kzoo makes itself: what they are, and how each is prepared."""

import dataclasses
import functools
import importlib
from collections.abc import Callable
from pathlib import Path

from kzoo.data.cache import prepare_once
from kzoo.data.spec import DataSpec, Source

_DIGITS = tuple(str(digit) for digit in range(10))


@dataclasses.dataclass(frozen=True)
class Embedded:
    """A data set that kzoo makes.

    Args:
        spec: Its description.
        place: "name/version" of its builder.
        builder: "module:class" of its builder, in `kzoo.data.builders`.
        made_from: Name of the TFDS set it is made from, if any.
    """

    spec: DataSpec
    place: str
    builder: str
    made_from: str | None = None

    def prepare(self, original: Source | None = None) -> Path:
        """Make the data set, from the `original` if it needs one, and return its folder."""

        def make(data_dir: str):
            module, name = self.builder.split(":")
            builder: Callable = getattr(
                importlib.import_module(f"kzoo.data.builders.{module}"), name
            )
            if original is not None:
                builder = functools.partial(builder, **{str(self.made_from): original})
            return builder(data_dir=data_dir)

        return prepare_once(self.place, make)


EMBEDDED = {
    row.spec.name: row
    for row in (
        Embedded(
            DataSpec(
                "digits",
                "image",
                (8, 8, 1),
                _DIGITS,
                {"train": 1400, "validation": 147, "test": 250},
            ),
            "kzoo_digits/1.0.0",
            "digits:KzooDigits",
        ),
        Embedded(
            DataSpec("mnist1d", "signal", (40, 1), _DIGITS, {"train": 4000, "test": 1000}),
            "kzoo_mnist1d/1.0.0",
            "mnist1d:KzooMnist1d",
        ),
        Embedded(
            DataSpec("mnist1d_shuffled", "signal", (40, 1), _DIGITS, {"train": 4000, "test": 1000}),
            "kzoo_mnist1d_shuffled/1.0.0",
            "mnist1d:KzooMnist1dShuffled",
        ),
        Embedded(
            DataSpec(
                "rotated_mnist", "image", (28, 28, 1), _DIGITS, {"train": 12_000, "test": 50_000}
            ),
            "kzoo_rotated_mnist/1.0.0",
            "rotated_mnist:KzooRotatedMnist",
            made_from="mnist",
        ),
    )
}
