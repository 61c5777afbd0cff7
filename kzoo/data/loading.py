"""A data set by name as `tf.data`, in one call."""

import os
from typing import TYPE_CHECKING

from kzoo.data.augment import Augmentations
from kzoo.data.catalog import open_source
from kzoo.data.pipeline import Pipeline
from kzoo.data.resize import Resize

if TYPE_CHECKING:
    import tensorflow as tf


def load(
    name_or_folder: str | os.PathLike,
    split: str = "train",
    *,
    image_size: int | tuple[int, int] | None = None,
    resize: Resize | None = None,
    batch_size: int = 32,
    channels: int | None = None,
    augment: Augmentations = (),
    shuffle: bool | None = None,
    seed: int = 0,
    download: bool = False,
    skip_unreadable: bool = False,
    data_dir: str | os.PathLike | None = None,
    cache: bool | None = None,
    drop_remainder: bool = False,
) -> "tf.data.Dataset":
    """Return a split of a data set as batches of (inputs, labels).

    Images are uint8 (batch, height, width, channels) in 0..255; signals are float32 (batch,
    length, channels); labels are int64. Iterated again, a shuffled or augmented data set gives the
    next epoch. `Pipeline` has more options, and batches without TensorFlow.

    Args: those of `open_source` and of `Pipeline`.

    Example:
        >>> train = kzoo.data.load("digits", "train", batch_size=64, augment="crop=1")
        >>> test = kzoo.data.load("digits", "test")
    """
    source = open_source(
        name_or_folder, download=download, skip_unreadable=skip_unreadable, data_dir=data_dir
    )
    return Pipeline(
        source,
        split,
        batch_size=batch_size,
        image_size=image_size,
        resize=resize,
        channels=channels,
        augment=augment,
        shuffle=shuffle,
        seed=seed,
        drop_remainder=drop_remainder,
        cache=cache,
    ).dataset()
