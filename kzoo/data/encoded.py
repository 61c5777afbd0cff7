"""Images in memory as they are stored in files: JPEG, PNG and so on."""

from collections.abc import Mapping, Sequence

import numpy as np

from kzoo.data.images import decode_image
from kzoo.data.spec import BatchView, DataSpec, Source, at_position

JPEG = b"\xff\xd8\xff"


class EncodedSource(Source):
    """Encoded images and labels by split, decoded when they are read.

    Args:
        spec: What they are.
        splits: For each split its files and their labels.
    """

    def __init__(self, spec: DataSpec, splits: Mapping[str, tuple[list[bytes], np.ndarray]]):
        self.spec = spec
        self._splits = splits

    def read(self, split, indices, channels=None, view=None):
        """See `Source.read`."""
        files, labels = self._splits[split]
        chosen = [files[index] for index in indices]
        inputs = decode_batch(chosen, indices, self.spec, split, channels, view)
        return inputs, labels[indices]

    def labels(self, split):
        """See `Source.labels`."""
        return self._splits[split][1]

    def encoded(self, split):
        """See `Source.encoded`."""
        return self._splits[split][0]


def decode_batch(
    files: Sequence[bytes],
    indices: np.ndarray,
    spec: DataSpec,
    split: str,
    channels: int | None,
    view: BatchView | None,
) -> np.ndarray:
    """Return the images of some examples of a split, decoded; arguments as of `Source.read`."""
    images = [
        decode_image(
            file,
            f"Example {index} of {spec.name}, split {split},",
            channels or spec.shape[-1],
            at_position(view, position),
        )
        for position, (file, index) in enumerate(zip(files, indices))
    ]
    return np.stack(images)
