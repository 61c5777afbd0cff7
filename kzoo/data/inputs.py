"""Reading one input from a file, exactly as the pipelines read it."""

import os

import numpy as np

from kzoo.data.images import read_image
from kzoo.data.resize import Resize
from kzoo.data.spec import Shape


def read_signal(path: str | os.PathLike) -> np.ndarray:
    """Read a `.npy` file of shape (length,) or (length, channels) as float32 (length, channels).

    Raises:
        ValueError: the file is missing, damaged, of another shape or not finite numbers.
    """
    name = os.fspath(path)
    try:
        array = np.load(name, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{name} cannot be read as a .npy signal: {error}.") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise ValueError(f"{name} must hold one array of real numbers to be a signal.")
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(
            f"{name} must be of shape (length,) or (length, channels) to be a signal; "
            f"it is {array.shape}."
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not finite.")
    return np.reshape(array, (len(array), -1)).astype(np.float32)


def read_input(
    path: str | os.PathLike, kind: str, shape: Shape, resize: Resize | None = None
) -> np.ndarray:
    """Read a file as one example of a pipeline, for instance to classify it.

    Args:
        path: An image, or a `.npy` file of a signal.
        kind: `"image"` or `"signal"`, as in `DataSpec.kind`.
        shape: `Pipeline.shape` of the data the model was trained on: (height, width, channels) or
            (length, channels). Images are converted, scaled and cropped to it; where height and
            width are None they keep their size.
        resize: How images are scaled and cropped, as `Pipeline.resize`; None: `Resize(size)`.

    Returns:
        uint8 image or float32 signal of that shape.

    Raises:
        ValueError: the file cannot be read, or a signal has another shape.
    """
    if kind == "image":
        height, width, channels = shape
        if resize is None and height is not None and width is not None:
            resize = Resize((height, width))
        return read_image(path, channels, resize)
    if kind != "signal":
        raise ValueError(f"kind must be 'image' or 'signal'; received {kind!r}.")
    signal = read_signal(path)
    if any(want not in (None, have) for want, have in zip(shape, signal.shape)):
        raise ValueError(
            f"{os.fspath(path)} must be a signal of shape {tuple(shape)}; it is {signal.shape}."
        )
    return signal
