"""What a data set is: its description, and how examples are read from it."""

import abc
import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

# From a Pillow image and its position in a batch to the image at the size of the batch.
BatchView = Callable[[Any, int], Any]
Shape = tuple[int | None, ...]


@dataclasses.dataclass(frozen=True)
class DataSpec:
    """Description of a data set.

    Args:
        name: Name it was opened by, or the folder.
        kind: `"image"` or `"signal"`.
        shape: `(height, width, channels)` of an image or `(length, channels)` of a signal;
            None where the examples differ.
        class_names: Name of every class, in the order of the labels.
        splits: Number of examples of every split, by name.
    """

    name: str
    kind: str
    shape: Shape
    class_names: tuple[str, ...]
    splits: dict[str, int]

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)


class Source(abc.ABC):
    """Random access to the examples of a data set.

    The order of a split is fixed, so an index always means the same example.

    Attributes:
        spec: The `DataSpec`.
        skipped: Files that were left out because they could not be read.
        location: The folder or file it was opened from, if it was opened by that.
        digests: What tells the examples of a whole split from others, where it was.
    """

    spec: DataSpec
    skipped: tuple[str, ...] = ()
    location: Path | None = None
    digests: Mapping[str, str] = MappingProxyType({})

    @abc.abstractmethod
    def read(
        self,
        split: str,
        indices: np.ndarray,
        channels: int | None = None,
        view: BatchView | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read some examples of a whole split (no slice), in the order of `indices`.

        Args:
            split: Name of a split in `spec.splits`.
            indices: Integers, shape (n,).
            channels: 1 or 3 to convert images; None keeps theirs.
            view: What brings each image to its size; None keeps theirs.

        Returns:
            Inputs, uint8 (n, height, width, channels) or float32 (n, length, channels), and
            labels, int64 (n,).
        """

    @abc.abstractmethod
    def labels(self, split: str) -> np.ndarray:
        """Return the labels of a whole split, int64, in its order."""

    def is_labelled(self, split: str) -> bool:
        """Return whether a split has labels; an example without one has a negative number."""
        return bool(self.labels(split).min() >= 0)

    def arrays(self, split: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Return inputs and labels of a whole split where they are in memory, else None."""
        return None

    def encoded(self, split: str) -> Iterable[bytes] | None:
        """Return the images of a whole split as they are stored in files, if they are."""
        return None


def at_position(view: BatchView | None, position: int) -> Callable[[Any], Any] | None:
    """Return the view of the image at one position of a batch."""
    return None if view is None else lambda image: view(image, position)
