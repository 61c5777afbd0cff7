"""From a source to batches: shuffled, held in memory, augmented, reproducible."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kzoo.data.arrays import Arrays
from kzoo.data.augment import Augmentation, Augmentations, augment, check_inputs, parse_augment
from kzoo.data.images import check_channels
from kzoo.data.mixing import mix
from kzoo.data.order import batch_generator, epoch_order
from kzoo.data.pipeline_checks import check_division, check_mixing, check_switches
from kzoo.data.random_crop import TRIES, choose_box, cut_and_scale
from kzoo.data.reader import Reader
from kzoo.data.resize import Resize
from kzoo.data.spec import BatchView, DataSpec, Shape, Source
from kzoo.data.splits import resolve
from kzoo.layers._args import integer, integers

if TYPE_CHECKING:
    import tensorflow as tf

# A split is held in memory, decoded and resized, up to this many bytes.
MEMORY_LIMIT = 2 * 1024**3


class ArraySpec(NamedTuple):
    """Shape, None where it varies, and type of the arrays of a batch."""

    shape: Shape
    dtype: np.dtype


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """Batches of a split of a data set, for one epoch or endlessly.

    What step s of epoch e holds, its examples and every augmentation, depends on the `seed`, e and
    s only: not on the number of threads, on what was asked for before, nor on any global seed.

    Args:
        source: An opened data set, from `open_source`, or an `ArraySource`.
        split: A split or a slice of it, such as "train", "train[:90%]", "test[:200]". Slices are
            taken from a fixed random order.
        batch_size: Examples in a batch.
        image_size: Height and width, or one number for both, short for `Resize(image_size)`. None
            keeps their size.
        resize: How images are brought to a size, instead of `image_size`.
        channels: 1 converts images to grey, 3 to colour. None keeps what they have.
        augment: See `parse_augment`. `resized_crop` comes before the others, takes the place of
            `resize` when an image is decoded, and keeps its size and interpolation.
        mixup: Parameter of the Beta distribution of mixup; 0 leaves it out. See `mixing.mix`.
        cutmix: The same for CutMix.
        repeats: How many times in a row each example comes, every time augmented anew; an epoch
            keeps its number of batches and has as many examples fewer. Needs `shuffle`.
        sizes: Function from an epoch to the image size in it, for progressive resizing; the other
            settings are those of `resize`.
        shuffle: Whether every epoch has another order. None: for "train" and slices of it.
        seed: Not negative.
        drop_remainder: Whether to leave out a last batch that is not full.
        cache: Whether to hold the split in memory, decoded and, unless epochs differ in that,
            resized. None: if it takes no more than `MEMORY_LIMIT`, 2 GiB. Otherwise examples are
            read and decoded in every epoch.
        shard: (index, count): make only the rows index, index + count, ... of every batch, for one
            of `count` processes. `batch_size`, a multiple of count, stays that of all of them. A
            last batch is cut to a multiple of count, so that all have as many steps and rows; the
            random numbers of augmentation are each process's own.
        multiple: A last batch is cut to a multiple of it, for devices that divide every batch;
            `batch_size` is one.

    Raises:
        ValueError, TypeError: an argument is not accepted; the message says what is.
    """

    source: Source
    split: str = "train"
    _: dataclasses.KW_ONLY
    batch_size: int = 32
    image_size: int | tuple[int, int] | None = None
    resize: Resize | None = None
    channels: int | None = None
    augment: Augmentations = ()
    mixup: float = 0.0
    cutmix: float = 0.0
    repeats: int = 1
    sizes: Callable[[int], int | tuple[int, int]] | None = None
    shuffle: bool | None = None
    seed: int = 0
    drop_remainder: bool = False
    cache: bool | None = None
    shard: tuple[int, int] = (0, 1)
    multiple: int = 1

    def __post_init__(self):
        integer(self.batch_size, "batch_size")
        integer(self.seed, "seed", minimum=0)
        integer(self.repeats, "repeats")
        integer(self.multiple, "multiple")
        if not (self.sizes is None or callable(self.sizes)):
            raise TypeError(
                f"sizes must be a function from epoch to image size; received {self.sizes!r}."
            )
        check_switches(self)
        _ = self.resizing, self.shape, self.augmentations
        if self._later_augmentations:
            check_inputs(self._later_augmentations, self.spec.kind, self.shape, self._reader.dtype)
        check_mixing(self)
        check_division(self)
        if self.repeats > 1 and not self.shuffled:
            raise ValueError(
                f"repeats above 1 leaves examples out of an epoch, other ones each time, and needs "
                f"shuffle=True; received {self.repeats}."
            )
        if self.cache and self._reader.shape is None:
            raise ValueError(
                f"cache=True cannot hold images that differ in size before they are cropped; leave "
                f"it out for {self.spec.name}."
            )

    @property
    def spec(self) -> DataSpec:
        """Description of the data set."""
        return self.source.spec

    @functools.cached_property
    def shape(self) -> Shape:
        """Shape of one example: (height, width, channels) or (length, channels).

        Height and width are None where `sizes` changes them from epoch to epoch.
        """
        if self.spec.kind == "signal":
            return _signal_shape(self)
        if self.sizes is not None:
            size: Shape = (None, None)
        else:
            size = self.resizing.height_and_width if self.resizing else self.spec.shape[:2]
        channels = check_channels(self.channels) or self.spec.shape[2]
        if channels is None or (self.sizes is None and None in size):
            raise ValueError(
                f"The images of {self.spec.name} differ in size or channels: give image_size and "
                "channels."
            )
        return (*size, channels)

    @functools.cached_property
    def resizing(self) -> Resize | None:
        """How images are brought to their size at evaluation; None where they have it."""
        for name, other in {"resize": self.resize, "sizes": self.sizes}.items():
            if self.image_size is not None and other is not None:
                raise ValueError(
                    f"image_size and {name} exclude each other; received {self.image_size!r} and "
                    f"{other!r}."
                )
        if not isinstance(self.resize, Resize | None):
            raise TypeError(f"resize must be a kzoo.data.Resize; received {self.resize!r}.")
        return self.resize if self.image_size is None else _named_resize(self.image_size)

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

    @property
    def mixes(self) -> bool:
        """Whether labels are float32 (batch, classes) rather than int64 (batch,)."""
        return self.mixup > 0 or self.cutmix > 0

    @property
    def changes(self) -> bool:
        """Whether epochs differ."""
        return bool(self.shuffled or self.augmentations or self.mixes or self.sizes)

    @property
    def gathers_only(self) -> bool:
        """Whether to make a batch is no more than to gather its rows from memory."""
        return self._reader.held is not None and not (
            self.augmentations or self.mixes or self.sizes
        )

    @functools.cached_property
    def _chosen(self) -> tuple[str, np.ndarray]:
        """Name of the whole split, and the indices in it."""
        return resolve(self.spec, self.split)

    @functools.cached_property
    def steps(self) -> int:
        """Number of batches in an epoch."""
        whole, rest = divmod(self.examples, self.batch_size)
        return whole + (rest >= self._unit and not self.drop_remainder)

    @property
    def batch_spec(self) -> tuple[ArraySpec, ArraySpec]:
        """Shapes and types of the inputs and labels of every batch."""
        full = self.drop_remainder or self.steps == self.examples / self.batch_size
        rows = self.batch_size // self.shard[1] if full else None
        labels = ArraySpec((rows,), np.dtype(np.int64))
        if self.mixes:
            labels = ArraySpec((rows, self.spec.classes), np.dtype(np.float32))
        return ArraySpec((rows, *self.shape), self._reader.dtype), labels

    def labels(self) -> np.ndarray:
        """Return the labels of the split or slice, int64, in its order without shuffling."""
        base, indices = self._chosen
        return self.source.labels(base)[indices]

    def arrays(self) -> Arrays:
        """Return all inputs and labels of the split or slice in its order, not augmented.

        Images have the size of evaluation, where they are cropped or grow in training.
        """
        reader = self._reader
        if self._views_differ:
            resize, shape = self.resizing, reader.shape
            if resize is not None:
                shape = (*resize.height_and_width, self.shape[-1] or 0)
            reader = dataclasses.replace(reader, resize=resize, shape=shape)
        return reader.arrays()

    def batch(self, epoch: int, step: int) -> Arrays:
        """Return inputs and labels of one batch; any thread may ask for any.

        Args:
            epoch: From 0.
            step: From 0 to `steps` - 1.

        Returns:
            Images uint8 (batch, height, width, channels) or signals float32 (batch, length,
            channels); labels int64 (batch,), or float32 (batch, classes) with mixup or CutMix.
        """
        integer(epoch, "epoch", minimum=0)
        if not 0 <= step < self.steps:
            raise ValueError(f"step must be from 0 to {self.steps - 1}; received {step}.")
        places = self._places(int(epoch), int(step))
        random = batch_generator(self.seed, int(epoch), int(step), self.shard[0])
        view = self._view(int(epoch), len(places), random)
        inputs, labels = self._reader.read(places, view)
        if self._later_augmentations:
            inputs = augment(inputs, self._later_augmentations, self.spec.kind, random)
        if self.mixes:
            classes = self.spec.classes
            inputs, labels = mix(inputs, labels, classes, self.mixup, self.cutmix, random)
        return inputs, labels

    def dataset(self) -> "tf.data.Dataset":
        """Return the batches of one epoch; iterated again, they are those of the next epoch."""
        from kzoo.data.tf_data import epoch_by_epoch

        self.prepare()
        return epoch_by_epoch(self)

    def stream(self, first_epoch: int = 0, first_step: int = 0) -> "tf.data.Dataset":
        """Return the batches of `first_epoch`, `first_epoch` + 1 and so on without end.

        `first_step` is where it begins in `first_epoch`.
        """
        from kzoo.data.tf_data import endless

        integer(first_epoch, "first_epoch", minimum=0)
        integer(first_step, "first_step", minimum=0)
        self.prepare()
        return endless(self, first_epoch, first_step)

    def prepare(self) -> None:
        """Read now what is held in memory, before threads ask for batches."""
        _ = self._reader.held

    def _places(self, epoch: int, step: int) -> np.ndarray:
        """Return the places in the split of the examples of one batch."""
        order = epoch_order(self.examples, self.seed, epoch, self.shuffled, self.repeats)
        index, count = self.shard
        places = order[step * self.batch_size : (step + 1) * self.batch_size]
        return places[index : len(places) // self._unit * self._unit : count]

    @property
    def _unit(self) -> int:
        """What the number of examples in a batch is a multiple of, over all processes."""
        return math.lcm(self.shard[1], self.multiple)

    @functools.cached_property
    def _smallest_crop(self) -> float:
        """Least share of an image's area that `resized_crop` keeps; 0 without it."""
        return next((a.strength for a in self.augmentations if a.name == "resized_crop"), 0.0)

    @functools.cached_property
    def _later_augmentations(self) -> tuple[Augmentation, ...]:
        return tuple(a for a in self.augmentations if a.name != "resized_crop")

    @property
    def _views_differ(self) -> bool:
        """Whether an image is cropped or resized in another way in every epoch."""
        return self.sizes is not None or self._smallest_crop > 0

    def _view(self, epoch: int, count: int, random: np.random.Generator) -> BatchView | None:
        """Return what brings the `count` images of a batch to their size in this epoch.

        None where it is the same in every epoch.
        """
        if not self._views_differ:
            return None
        resize = self.resizing
        if self.sizes is not None:
            size = _named_resize(self.sizes(epoch), "sizes(epoch)").height_and_width
            resize = Resize(size) if resize is None else dataclasses.replace(resize, size=size)
        if self._smallest_crop == 0 and resize is not None:
            return lambda image, position: resize(image)
        draws = random.random((count, TRIES, 4))
        height, width = self.shape[:2] if resize is None else resize.height_and_width
        target = int(height or 0), int(width or 0)
        interpolation = "bilinear" if resize is None else resize.interpolation

        def crop(image, position):
            box = choose_box(image.height, image.width, self._smallest_crop, draws[position])
            return cut_and_scale(image, box, target, interpolation)

        return crop

    @functools.cached_property
    def _reader(self) -> Reader:
        """What reads the examples; images that change from epoch to epoch are held as they are."""
        base, indices = self._chosen
        shape: Shape = self.shape
        if self._views_differ:
            shape = (*self.spec.shape[:2], shape[2])
        known = tuple(side for side in shape if side is not None)
        limit = {None: MEMORY_LIMIT, True: math.inf, False: 0}[self.cache]
        return Reader(
            self.source,
            base,
            indices,
            self.channels,
            resize=None if self._views_differ else self.resizing,
            shape=known if len(known) == len(shape) else None,
            limit=limit,
        )


def _named_resize(size, name: str = "image_size") -> Resize:
    """Return `Resize(size)`, or refuse the size by the name it was given by."""
    return Resize(integers(size, name, 2))  # type: ignore[arg-type]


def _signal_shape(pipeline: Pipeline) -> Shape:
    """Return the shape of every signal, or refuse what is for images."""
    name, shape = pipeline.spec.name, pipeline.spec.shape
    for option in ("image_size", "channels", "resize", "sizes"):
        if getattr(pipeline, option) is not None:
            raise ValueError(f"{option} is for images; {name} holds signals.")
    if None in shape:
        raise ValueError(f"The signals of {name} differ in length: bring them to one.")
    return shape
