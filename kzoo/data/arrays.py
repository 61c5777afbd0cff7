"""Data sets that are arrays in memory."""

from collections.abc import Mapping

import numpy as np

from kzoo.data.images import view_pixels
from kzoo.data.spec import BatchView, DataSpec, Source, at_position

Arrays = tuple[np.ndarray, np.ndarray]


class ArraySource(Source):
    """Inputs and labels by split, used where they are, without a copy.

    Args:
        splits: For each split its inputs, an array of one row per example, and its labels, an
            array of integers, (n,) or (n, 1). uint8 (n, height, width, channels) are images; all
            else is taken as signals.
        name: What to call it.
        class_names: Name of every class; None: their numbers, up to the largest label.

    Raises:
        TypeError, ValueError: no split, as many labels as examples are not there, inputs that are
            no finite numbers, or splits of different shapes or types.
    """

    def __init__(
        self,
        splits: Mapping[str, Arrays],
        name: str = "arrays",
        class_names: tuple[str, ...] | None = None,
    ):
        given = {
            split: labelled_arrays(f"the split {split} of {name}", *arrays)
            for split, arrays in splits.items()
        }
        for split, (x, _) in given.items():
            check_numbers(f"the split {split} of {name}", x, splits[split][0])
        rows = {(x.shape[1:], x.dtype) for x, _ in given.values()}
        if len(rows) != 1:
            listed = ", ".join(f"{dtype} {shape}" for shape, dtype in rows) or "none"
            raise ValueError(
                f"The splits of {name} must be of one shape and type; received {listed}."
            )
        self._splits = {split: (x, y.astype(np.int64)) for split, (x, y) in given.items()}
        shape, dtype = rows.pop()
        if class_names is None:
            largest = max(int(y.max(initial=-1)) for _, y in self._splits.values())
            class_names = tuple(str(number) for number in range(largest + 1))
        for split, (_, labels) in self._splits.items():
            if int(labels.max(initial=-1)) >= len(class_names):
                raise ValueError(
                    f"The split {split} of {name} has the label {labels.max()}; there are only "
                    f"{len(class_names)} class names, give one for each class."
                )
        self.spec = DataSpec(
            name=name,
            kind="image" if dtype == np.uint8 and len(shape) == 3 else "signal",
            shape=shape,
            class_names=class_names,
            splits={split: len(x) for split, (x, _) in self._splits.items()},
        )

    def read(self, split, indices, channels=None, view: BatchView | None = None):
        """See `Source.read`."""
        inputs, labels = self._splits[split]
        return view_batch(inputs[indices], channels, view), labels[indices]

    def labels(self, split):
        """See `Source.labels`."""
        return self._splits[split][1]

    def arrays(self, split):
        """See `Source.arrays`."""
        return self._splits[split]


def view_batch(images: np.ndarray, channels: int | None, view: BatchView | None) -> np.ndarray:
    """Return images (n, height, width, channels) in other channels and at another size.

    Arguments as of `Source.read`; images that need neither are returned as they are.
    """
    if view is None and channels in (None, images.shape[-1]):
        return images
    return np.stack(
        [
            view_pixels(image, channels, at_position(view, position))
            for position, image in enumerate(images)
        ]
    )


def labelled_arrays(what: str, inputs, labels) -> Arrays:
    """Return inputs and labels as arrays, labels of shape (examples,), or refuse them as `what`.

    Raises:
        TypeError, ValueError: labels are not integers of shape (examples,) or (examples, 1), not as
            many as the inputs, or none; inputs are of several shapes.
    """
    inputs, labels = _array(inputs, "inputs", what), _array(labels, "labels", what)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"The labels of {what} must be integers of shape (examples,), not one-hot; received "
            f"{labels.dtype} of shape {labels.shape}."
        )
    if len(inputs) != len(labels) or not len(inputs):
        raise ValueError(
            f"{what} must have as many labels as examples, one at least; received {len(inputs)} "
            f"examples and {len(labels)} labels."
        )
    return inputs, labels


def check_numbers(what: str, inputs: np.ndarray, given=None) -> None:
    """Refuse inputs that are no finite numbers, as those of `what`.

    An array in a file, if `given` is one, is not read for it.
    """
    if inputs.dtype.kind in "OSUMmc":
        raise TypeError(f"The inputs of {what} must be numbers; received {inputs.dtype}.")
    if inputs.dtype.kind != "f" or isinstance(given, np.memmap):
        return
    # A sum takes no memory, which to look at each would.
    with np.errstate(all="ignore"):
        if np.isfinite(inputs.sum(dtype=np.float64)):
            return
    finite = np.isfinite(inputs.reshape(len(inputs), -1)).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"The inputs of {what} must be finite; received NaN or infinity in example "
            f"{finite.argmin()}, leave it out."
        )


def _array(values, part: str, what: str) -> np.ndarray:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"The {part} of {what} must be an array, all examples of one shape ({error})."
        ) from error
    if array.ndim == 0:
        raise TypeError(f"The {part} of {what} must be an array; received {values!r}.")
    return array
