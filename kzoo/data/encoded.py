"""Images in memory as they are stored in files: JPEG, PNG and so on."""

from collections.abc import Mapping

import numpy as np

from kzoo.data.images import decode_image
from kzoo.data.spec import DataSpec, Source, at_position

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
        inputs = [
            decode_image(
                files[index],
                f"Example {index} of {self.spec.name}, split {split},",
                channels or self.spec.shape[-1],
                at_position(view, position),
            )
            for position, index in enumerate(indices)
        ]
        return np.stack(inputs), labels[indices]

    def labels(self, split):
        """See `Source.labels`."""
        return self._splits[split][1]

    def encoded(self, split):
        """See `Source.encoded`."""
        return self._splits[split][0]
