"""Average pooling that brings maps up to a smallest size, and leaves larger ones as they are."""

import keras
from keras import ops

from kzoo.layers import _args


def averaging_matrix(size, output_size):
    """Return the matrix that averages `size` elements down, or up, to `output_size` of them.

    Output i is the mean of the elements from floor(i * size / output_size) up to, and without,
    ceil((i + 1) * size / output_size), which are PyTorch's windows.

    Args:
        size: number of elements, an int or a scalar tensor.
        output_size: number of outputs, an int or a scalar tensor.

    Returns:
        Matrix (output_size, size) in float32 whose rows sum to 1.
    """
    output = ops.expand_dims(ops.arange(output_size, dtype="int32"), 1)
    element = ops.expand_dims(ops.arange(size, dtype="int32"), 0)
    start = output * size // output_size
    end = ((output + 1) * size + output_size - 1) // output_size
    inside = ops.logical_and(element >= start, element < end)
    return ops.cast(inside, "float32") / ops.cast(end - start, "float32")


@keras.saving.register_keras_serializable(package="kzoo")
class MinimumSizePooling2D(keras.layers.Layer):
    """Adaptive average pooling to `size`, only along the axes on which the map is smaller.

    A network whose last convolution needs 7 x 7 elements takes smaller images with this before it.

    Args:
        size: smallest height and width of the output, one integer or two.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps of any size, which may be unknown until the call.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`.

    Output shape:
        The same with max(height, size) and max(width, size).

    Raises:
        ValueError: a size below 1.
        TypeError: a size that is not an integer.

    Example:

    >>> layer = kzoo.layers.MinimumSizePooling2D(7)
    >>> keras.ops.shape(layer(keras.ops.ones((1, 3, 9, 2))))
    (1, 7, 9, 2)
    """

    def __init__(self, size, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.size = _args.integers(size, "size", 2)
        self.data_format = _args.data_format(data_format)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):
        y = inputs
        axes = (1, 2) if self.data_format == "channels_last" else (2, 3)
        for axis, least in zip(axes, self.size):
            y = self._raise_axis(y, axis, least)
        return y

    def _raise_axis(self, x, axis, least):
        size = ops.shape(x)[axis]
        if isinstance(size, int):
            if size >= least:
                return x
            target = least
        else:
            target = ops.maximum(size, least)
        matrix = ops.cast(averaging_matrix(size, target), x.dtype)
        axes = "abcd"[: len(x.shape)]
        result = axes.replace(axes[axis], "z")
        return ops.einsum(f"z{axes[axis]},{axes}->{result}", matrix, x)

    def compute_output_shape(self, input_shape):
        shape = list(input_shape)
        first = 1 if self.data_format == "channels_last" else 2
        for axis, least in zip((first, first + 1), self.size):
            if shape[axis] is not None:
                shape[axis] = max(shape[axis], least)
        return tuple(shape)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "data_format": self.data_format}
