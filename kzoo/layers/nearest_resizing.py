"""Resizing of maps to the size of others by nearest neighbours."""

import keras
from keras import ops

from kzoo.layers import _args


def nearest_indices(size, output_size):
    """Return the element that each output takes: floor(i * size / output_size) for output i.

    This is PyTorch's mode "nearest", where each element's position is its beginning; TensorFlow and
    Keras compare centres, which differs where the sizes are no multiples.

    Args:
        size, output_size: integers or scalar tensors.
    """
    return ops.arange(output_size, dtype="int32") * size // output_size


@keras.saving.register_keras_serializable(package="kzoo")
class NearestResizing2D(keras.layers.Layer):
    """Resizes maps to the height and width of a reference by repeating or leaving out pixels.

    Args:
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: list of the maps to resize and the reference.

    Input shape:
        Two of `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`; the sizes may be unknown until the call.

    Output shape:
        That of the first, with height and width of the second.

    Raises:
        ValueError: inputs that are not two maps.

    Example:

    >>> layer = kzoo.layers.NearestResizing2D()
    >>> keras.ops.shape(layer([keras.ops.ones((1, 3, 3, 4)), keras.ops.ones((1, 7, 6, 2))]))
    (1, 7, 6, 4)

    Reference:
        [PyTorch, interpolate](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html),
        mode "nearest".
    """

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = _args.data_format(data_format)

    @property
    def _axes(self):
        return (1, 2) if self.data_format == "channels_last" else (2, 3)

    def build(self, input_shape):
        shapes = input_shape if isinstance(input_shape[0], (tuple, list)) else [input_shape]
        if [len(shape) for shape in shapes] != [4, 4]:
            raise ValueError(
                "NearestResizing2D takes a list of two maps, one to resize and the reference; "
                f"received inputs of shape {input_shape}."
            )

    def call(self, inputs):
        x, reference = inputs
        sizes, targets = ops.shape(x), ops.shape(reference)
        for axis in self._axes:
            x = ops.take(x, nearest_indices(sizes[axis], targets[axis]), axis=axis)
        return x

    def compute_output_shape(self, input_shape):
        shape, reference = list(input_shape[0]), input_shape[1]
        for axis in self._axes:
            shape[axis] = reference[axis]
        return tuple(shape)

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format}
