"""Fitting weights to another number of input channels or of classes."""

import keras
import numpy as np

from kzoo.graph import upstream

_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)


def adapt_input_channels(kernel: np.ndarray, channels: int) -> np.ndarray:
    """Fit a kernel for colour images, `(*size, 3, filters)`, to another number of channels.

    One channel takes the sum over the three, so that a grey image gives what it gives in colour; N
    channels repeat the three and are scaled by 3 / N, so that the sum stays about the same. This is
    timm's `adapt_input_conv`.
    """
    if channels == 1:
        return kernel.sum(axis=-2, keepdims=True)
    indices = np.arange(channels) % 3
    return kernel[..., indices, :] * np.float32(3 / channels)


def is_stem(layer) -> bool:
    """Whether a layer convolves the image itself, only preprocessed and padded."""
    if isinstance(layer, _DEPTHWISE):
        return False
    for operation in upstream(layer.input):
        if isinstance(operation, keras.layers.InputLayer):
            return True
        if getattr(operation, "weights", ()):
            return False
    return False


def other_channels(value: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether an array is a kernel of that shape but for three input channels."""
    return (
        value.ndim == len(shape) > 2
        and value.shape[-2] == 3 != shape[-2]
        and value.shape[:-2] == shape[:-2]
        and value.shape[-1] == shape[-1]
    )


def other_classes(layer_entries, values) -> bool:
    """Whether the arrays are those of the same classifier for another number of classes."""
    shapes = [
        (value.shape, tuple(entry.variable.shape)) for entry, value in zip(layer_entries, values)
    ]
    return all(ours[:-1] == theirs[:-1] and ours[-1] != theirs[-1] for theirs, ours in shapes)
