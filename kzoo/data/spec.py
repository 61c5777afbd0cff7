"""What a data set is: its description, and how examples are read from it."""

import abc
import dataclasses

import numpy as np

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
    """

    spec: DataSpec
    skipped: tuple[str, ...] = ()

    @abc.abstractmethod
    def read(
        self,
        split: str,
        indices: np.ndarray,
        size: tuple[int, int] | None = None,
        channels: int | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read some examples of a whole split (no slice), in the order of `indices`.

        Args:
            split: Name of a split in `spec.splits`.
            indices: Integers, shape (n,).
            size: Height and width to bring images to; None keeps theirs.
            channels: 1 or 3 to convert images; None keeps theirs.

        Returns:
            Inputs, uint8 (n, height, width, channels) or float32 (n, length, channels), and
            labels, int64 (n,).
        """

    @abc.abstractmethod
    def labels(self, split: str) -> np.ndarray:
        """Return the labels of a whole split, int64, in its order."""
