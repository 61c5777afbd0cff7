"""Input shapes and the normalisation inside the graph."""

import numbers

import keras
import numpy as np


class PreprocessingError(ValueError):
    """Statistics were given to a model that does not normalise."""

    def __init__(self, model, statistics):
        why = (
            f"{model} takes raw values"
            if statistics is None
            else "include_preprocessing=False leaves the normalisation out"
        )
        super().__init__(f"mean and std have no use here: {why}; leave them out.")


def standard_shape(input_shape, *, default, min_size, fixed_size, include_top, model):
    """Return the shape of one input, checked, in Keras's image data format.

    Args:
        input_shape: what the user gave, or `None`.
        default: the family's `(height, width, channels)` or `(length, channels)`.
        min_size: smallest size that the network allows.
        fixed_size: whether the network refuses unknown sizes.
        include_top: where it is false and the network allows it, unknown sizes are the default.
        model: name for the messages.
    """
    channels_first = keras.config.image_data_format() == "channels_first" and len(default) == 3
    if input_shape is None:
        free = not include_top and not fixed_size
        defaults = [None if free else size for size in default[:-1]]
        return (default[-1], *defaults) if channels_first else (*defaults, default[-1])
    form = "(channels, height, width)" if channels_first else "(height, width, channels)"
    form = form if len(default) == 3 else "(length, channels)"
    if not isinstance(input_shape, (tuple, list)) or len(input_shape) != len(default):
        raise ValueError(f"input_shape must be {form}; received {input_shape!r}.")
    shape = tuple(input_shape)
    channels, sizes = (shape[0], shape[1:]) if channels_first else (shape[-1], shape[:-1])
    if not isinstance(channels, numbers.Integral) or channels < 1:
        raise ValueError(f"input_shape {shape} must name at least one channel, as {form}.")
    for size in sizes:
        if size is None and fixed_size:
            raise ValueError(
                f"{model} needs a known input size; received input_shape {shape}, give numbers."
            )
        if size is not None and (not isinstance(size, numbers.Integral) or size < min_size):
            raise ValueError(
                f"{model} needs an input of at least {' x '.join([str(min_size)] * len(sizes))}; "
                f"received input_shape {shape}."
            )
    return tuple(None if size is None else int(size) for size in shape)


def normalise(x, known, mean, std, axis, dtype):
    """Subtract the mean and divide by the standard deviation, both per channel, from 0..255.

    They are those of `known`, a `kzoo.constants.Statistics`, or `mean` and `std`. One channel takes
    the average of the known ones; any other number of channels than theirs needs `mean` and `std`.
    Colour images are then brought to the order of the channels that `known` names.
    """
    channels = x.shape[axis]
    if (mean is None) != (std is None):
        raise ValueError("mean and std go together: give both, or neither.")
    if mean is None:
        mean, std = np.array(known.mean), np.array(known.std)
        if channels == 1:
            mean, std = mean.mean(keepdims=True), std.mean(keepdims=True)
        elif len(mean) == 1:
            mean, std = np.repeat(mean, channels), np.repeat(std, channels)
        elif channels != len(mean):
            raise ValueError(
                f"the known statistics have {len(mean)} channels and the input {channels}: give "
                "mean= and std=, or include_preprocessing=False."
            )
    mean, std = np.asarray(mean, "float64"), np.asarray(std, "float64")
    if mean.shape != (channels,) or std.shape != (channels,):
        raise ValueError(
            f"mean and std must have one number per channel ({channels}); received shapes "
            f"{mean.shape} and {std.shape}."
        )
    if not (np.all(np.isfinite(mean)) and np.all(np.isfinite(std)) and np.all(std > 0)):
        raise ValueError(f"std must be positive and mean finite; received {std} and {mean}.")
    x = keras.layers.Normalization(
        axis=axis,
        # As arrays: Keras would round the numbers of a list to float32, under float64 too.
        mean=255 * mean,
        variance=(255 * std) ** 2,
        dtype=dtype,
        name="preprocessing",
    )(x)
    return keras.ops.flip(x, axis) if known.is_bgr and channels == 3 else x


def keras_tensor(tensor, input_shape):
    """Return a Keras tensor to build upon, or refuse what is none or contradicts `input_shape`."""
    if not keras.backend.is_keras_tensor(tensor):
        raise TypeError(
            f"input_tensor must be a Keras tensor, such as keras.Input gives; received {tensor!r}."
        )
    if input_shape is not None and tuple(tensor.shape[1:]) != tuple(input_shape):
        raise ValueError(
            f"input_shape {tuple(input_shape)} contradicts input_tensor, whose shape is "
            f"{tuple(tensor.shape[1:])}; give one of the two."
        )
    return tensor
