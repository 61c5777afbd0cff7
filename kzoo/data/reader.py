"""The examples of a split or slice, from memory or from their source."""

import dataclasses
import functools
import math
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from kzoo.data.arrays import Arrays, view_batch
from kzoo.data.resize import Resize
from kzoo.data.spec import BatchView, Source

_CHUNK = 256


@dataclasses.dataclass(frozen=True)
class Reader:
    """Random access to the examples of a split or slice, by their places in it.

    Args:
        source: The data set.
        split: Name of a whole split.
        indices: The examples of the split, int64.
        channels: 1 or 3 to convert images, None to keep theirs.
        resize: How images are brought to a size in memory; None keeps theirs.
        shape: Shape of one example in memory; None where images differ in size.
        limit: Bytes that may be held in memory.
    """

    source: Source
    split: str
    indices: np.ndarray
    channels: int | None
    resize: Resize | None
    shape: tuple[int, ...] | None
    limit: float

    @functools.cached_property
    def dtype(self) -> np.dtype:
        """Type of the inputs."""
        arrays = self.source.arrays(self.split)
        if arrays is not None:
            return arrays[0].dtype
        return np.dtype(np.uint8 if self.source.spec.kind == "image" else np.float32)

    @functools.cached_property
    def held(self) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Inputs and labels in memory and the rows of the places in them; None if they are not.

        Arrays of the source that have the shape already are used where they are.
        """
        if self.shape is None or self.limit == 0:
            return None
        arrays = self.source.arrays(self.split)
        whole = self.resize is None or self.resize.crop == 1
        if whole and arrays is not None and arrays[0].shape[1:] == self.shape:
            return (*self._labelled(arrays), self.indices)
        needed = len(self.indices) * math.prod(self.shape) * self.dtype.itemsize
        return None if needed > self.limit else self._load(self.shape)

    def read(self, places: np.ndarray, view: BatchView | None) -> Arrays:
        """Return inputs and labels of some examples.

        Args:
            places: Integers, shape (n,).
            view: What brings an image to its size, from file or from memory; None: `resize`.
        """
        if self.held is None:
            view = view or self._resize
            chosen = self.indices[places]
            return self._labelled(self.source.read(self.split, chosen, self.channels, view))
        inputs, labels, rows = self.held
        chosen = rows[places]
        return view_batch(inputs[chosen], None, view), labels[chosen]

    def arrays(self) -> Arrays:
        """Return all inputs and labels, in the order of the places."""
        if self.held is not None:
            inputs, labels, rows = self.held
        elif self.shape is not None:
            inputs, labels, rows = self._load(self.shape)
        else:
            raise ValueError(
                f"The images of {self.source.spec.name} differ in size: give image_size."
            )
        return inputs[rows], labels[rows]

    @property
    def _resize(self) -> BatchView | None:
        resize = self.resize
        return None if resize is None else lambda image, position: resize(image)

    def _load(self, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Read all examples, on all cores."""
        rows = np.arange(len(self.indices))
        inputs = np.empty((len(rows), *shape), self.dtype)
        labels = np.empty(len(rows), np.int64)

        def fill(chunk):
            batch = self.source.read(self.split, self.indices[chunk], self.channels, self._resize)
            inputs[chunk], labels[chunk] = self._labelled(batch)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(fill, np.split(rows, range(_CHUNK, len(rows), _CHUNK))))
        return inputs, labels, rows

    def _labelled(self, examples: Arrays) -> Arrays:
        """Return inputs and labels, or refuse examples without labels."""
        if examples[1].min() < 0:
            whole = f"The split {self.split} of {self.source.spec.name}"
            if examples[1].max() < 0:
                raise ValueError(f"{whole} has no labels.")
            raise ValueError(f"{whole} has examples without a label: leave them out.")
        return examples
