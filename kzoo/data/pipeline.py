"""From a source to batches: shuffled, cached, augmented, prefetched, reproducible."""

import dataclasses
import functools
import itertools
import math
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from kzoo.data.augment import Augmentation, Augmentations, augment, parse_augment
from kzoo.data.catalog import open_source
from kzoo.data.images import check_channels
from kzoo.data.spec import DataSpec, Source
from kzoo.data.splits import resolve
from kzoo.layers._args import integer, integers

# A split is held in memory, decoded and resized, up to this many bytes.
MEMORY_LIMIT = 2 * 1024**3
_LAST_EPOCH = np.iinfo(np.int64).max
_CHUNK = 256


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """Batches of a split of a data set, for one epoch or endlessly.

    What epoch e holds, its order and every augmentation, depends on the `seed` and on e only: not
    on the number of threads, on earlier epochs, nor on any global seed.

    Args:
        source: An opened data set, from `open_source`.
        split: A split or a slice of it, such as "train", "train[:90%]", "test[:200]". Slices are
            taken from a fixed random order.
        batch_size: Examples in a batch.
        image_size: Height and width, or one number for both; images are scaled to cover it and
            cropped at the centre. None keeps their size.
        channels: 1 converts images to grey, 3 to colour. None keeps what they have.
        augment: See `parse_augment`.
        shuffle: Whether every epoch has another order. None: for "train" and slices of it.
        seed: Not negative.
        drop_remainder: Whether to leave out a last batch that is not full.
        cache: Whether to hold the split in memory, decoded and resized. None: if it takes no more
            than `MEMORY_LIMIT`, 2 GiB. Otherwise examples are read and decoded in every epoch.

    Raises:
        ValueError, TypeError: an argument is not accepted; the message says what is.
    """

    source: Source
    split: str = "train"
    _: dataclasses.KW_ONLY
    batch_size: int = 32
    image_size: int | tuple[int, int] | None = None
    channels: int | None = None
    augment: Augmentations = ()
    shuffle: bool | None = None
    seed: int = 0
    drop_remainder: bool = False
    cache: bool | None = None

    def __post_init__(self):
        integer(self.batch_size, "batch_size")
        integer(self.seed, "seed", minimum=0)
        _ = self.shape, self.augmentations
        if self.steps == 0:
            raise ValueError(
                f"batch_size must be at most {self.examples}, the examples of {self.split!r}, "
                f"with drop_remainder; received {self.batch_size}."
            )

    @property
    def spec(self) -> DataSpec:
        """Description of the data set."""
        return self.source.spec

    @functools.cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape of one example: (height, width, channels) or (length, channels)."""
        return _example_shape(self.spec, self.image_size, self.channels)

    @property
    def examples(self) -> int:
        """Number of examples in the split or slice."""
        return len(self._chosen[1])

    @functools.cached_property
    def augmentations(self) -> tuple[Augmentation, ...]:
        """What `augment` names, with every strength."""
        return parse_augment(self.augment, self.spec.kind)

    @property
    def shuffled(self) -> bool:
        """Whether every epoch has another order."""
        return self._chosen[0] == "train" if self.shuffle is None else self.shuffle

    @functools.cached_property
    def _chosen(self) -> tuple[str, np.ndarray]:
        """Name of the whole split, and the indices in it."""
        return resolve(self.spec, self.split)

    @property
    def steps(self) -> int:
        """Number of batches in an epoch."""
        if self.drop_remainder:
            return self.examples // self.batch_size
        return math.ceil(self.examples / self.batch_size)

    def labels(self) -> np.ndarray:
        """Return the labels of the split or slice, int64, in its order without shuffling."""
        base, indices = self._chosen
        return self.source.labels(base)[indices]

    def dataset(self) -> tf.data.Dataset:
        """Return the batches of one epoch; iterated again, they are those of the next epoch."""
        if not (self.shuffled or self.augmentations):
            epochs = tf.data.Dataset.range(1)
        else:
            epochs = tf.data.Dataset.range(1).map(_counter())
        batches = self._batches(epochs)
        return batches.apply(tf.data.experimental.assert_cardinality(self.steps))

    def stream(self, first_epoch: int = 0) -> tf.data.Dataset:
        """Return the batches of `first_epoch`, `first_epoch` + 1 and so on without end."""
        integer(first_epoch, "first_epoch", minimum=0)
        batches = self._batches(tf.data.Dataset.range(first_epoch, _LAST_EPOCH))
        endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return batches.apply(endless)

    def _batches(self, epochs: tf.data.Dataset) -> tf.data.Dataset:
        """Return (inputs, labels) of the given epochs, batch by batch."""
        read = self._reader()

        def make(epoch, step_and_places):
            step, places = step_and_places
            inputs, labels = read(places)
            if self.augmentations:
                shape = inputs.shape
                arguments = (inputs, epoch, step)
                inputs = tf.numpy_function(self._augment, arguments, inputs.dtype, stateful=False)
                inputs.set_shape(shape)
            return inputs, labels

        batches = epochs.flat_map(self._epoch)
        batches = batches.map(make, tf.data.AUTOTUNE, deterministic=True)
        return batches.prefetch(tf.data.AUTOTUNE)

    def _augment(self, inputs: np.ndarray, epoch: int, step: int) -> np.ndarray:
        rng = np.random.default_rng((self.seed, int(epoch), int(step)))
        return augment(inputs, self.augmentations, self.spec.kind, rng)

    @property
    def _seed(self) -> tf.Tensor:
        return tf.constant(self.seed, tf.int64)

    def _epoch(self, epoch) -> tf.data.Dataset:
        """Return (epoch, (step, places in the split)) for every batch of an epoch."""
        places = tf.range(self.examples, dtype=tf.int64)
        if self.shuffled:
            seed = tf.stack([self._seed, epoch])
            places = tf.random.experimental.stateless_shuffle(places, seed)
        whole = self.drop_remainder or self.examples % self.batch_size == 0
        batches = tf.data.Dataset.from_tensor_slices(places).batch(self.batch_size, whole)
        repeated = tf.data.Dataset.from_tensors(epoch).repeat()
        return tf.data.Dataset.zip((repeated, batches.enumerate()))

    def _reader(self):
        """Return a function from places in the split, (batch,), to inputs and labels."""
        dtype = np.dtype(np.uint8 if self.spec.kind == "image" else np.float32)
        needed = self.examples * math.prod(self.shape) * dtype.itemsize
        cached = needed <= MEMORY_LIMIT if self.cache is None else self.cache
        if cached:
            inputs, labels = self._in_memory
            return lambda places: (tf.gather(inputs, places), tf.gather(labels, places))

        def read(places):
            inputs, labels = tf.numpy_function(
                self._read, [places], [dtype, np.int64], stateful=False
            )
            return (
                tf.ensure_shape(inputs, (places.shape[0], *self.shape)),
                tf.ensure_shape(labels, places.shape),
            )

        return read

    def _read(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        base, indices = self._chosen
        height, width = self.shape[:2]
        size = None if self.image_size is None else (height, width)
        inputs, labels = self.source.read(base, indices[places], size, self.channels)
        if labels.min() < 0:
            raise ValueError(f"The split {base} of {self.spec.name} has no labels.")
        return inputs, labels

    @functools.cached_property
    def _in_memory(self) -> tuple[tf.Tensor, tf.Tensor]:
        """All inputs and labels of the split or slice, on the CPU."""
        places = np.arange(self.examples)
        chunks = np.split(places, range(_CHUNK, self.examples, _CHUNK))
        dtype = np.uint8 if self.spec.kind == "image" else np.float32
        inputs = np.empty((self.examples, *self.shape), dtype)
        labels = np.empty(self.examples, np.int64)

        def fill(chunk):
            inputs[chunk], labels[chunk] = self._read(chunk)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(fill, chunks))
        with tf.device("CPU:0"):
            return tf.constant(inputs), tf.constant(labels)


def _counter():
    """Return a function for `map` that gives 0, 1, 2, ... over all iterations of a data set."""
    count = itertools.count()

    def number(_):
        epoch = tf.numpy_function(lambda: np.int64(next(count)), [], tf.int64)
        return tf.ensure_shape(epoch, ())

    return number


def _example_shape(spec: DataSpec, image_size, channels) -> tuple[int, ...]:
    """Return the shape of every example, or refuse what leaves it unknown."""
    if spec.kind == "signal":
        if image_size is not None or channels is not None:
            raise ValueError(f"image_size and channels are for images; {spec.name} holds signals.")
        shape, differ = spec.shape, "length: bring them to one"
    else:
        size = spec.shape[:2] if image_size is None else integers(image_size, "image_size", 2)
        shape = (*size, check_channels(channels) or spec.shape[2])
        differ = "size or channels: give image_size and channels"
    known = tuple(number for number in shape if number is not None)
    if len(known) < len(shape):
        raise ValueError(f"The {spec.kind}s of {spec.name} differ in {differ}.")
    return known


def load(
    name_or_folder: str | os.PathLike,
    split: str = "train",
    *,
    image_size: int | tuple[int, int] | None = None,
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
) -> tf.data.Dataset:
    """Return a split of a data set as batches of (inputs, labels).

    Images are uint8 (batch, height, width, channels), signals float32 (batch, length, channels),
    labels int64. Iterated again, a shuffled or augmented data set gives the next epoch.

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
        channels=channels,
        augment=augment,
        shuffle=shuffle,
        seed=seed,
        drop_remainder=drop_remainder,
        cache=cache,
    ).dataset()
