"""Cropping of maps to the size of others, which an enlarged map may exceed by a few pixels."""

import keras
from keras import ops

from kzoo.layers import _args


@keras.saving.register_keras_serializable(package="kzoo")
class CropLike2D(keras.layers.Layer):
    """Cuts maps at their bottom and right to the height and width of a reference.

    A map that was halved and doubled again is one pixel too large where its size was odd.

    Args:
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: list of the maps to cut and the reference, of the same rank.

    Input shape:
        Two of `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`; the sizes may be unknown until the call.

    Output shape:
        That of the first, with height and width of the second.

    Raises:
        ValueError: inputs that are not two, or maps that are known to be smaller than the
            reference.

    Example:

    >>> layer = kzoo.layers.CropLike2D()
    >>> keras.ops.shape(layer([keras.ops.ones((1, 8, 8, 4)), keras.ops.ones((1, 7, 7, 2))]))
    (1, 7, 7, 4)
    """

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = _args.data_format(data_format)

    def _axes(self):
        return (1, 2) if self.data_format == "channels_last" else (2, 3)

    def build(self, input_shape):
        if len(input_shape) != 2 or not isinstance(input_shape[0], (tuple, list)):
            raise ValueError(
                "CropLike2D takes a list of two maps, one to cut and the reference; received "
                f"inputs of shape {input_shape}."
            )
        maps, reference = input_shape
        for axis in self._axes():
            if None not in (maps[axis], reference[axis]) and maps[axis] < reference[axis]:
                raise ValueError(
                    "the maps to cut must be at least as large as the reference; received shapes "
                    f"{tuple(maps)} and {tuple(reference)}."
                )

    def call(self, inputs):
        x, reference = inputs
        axes = self._axes()
        known, wanted = ([tensor.shape[axis] for axis in axes] for tensor in inputs)
        if None not in known and known == wanted:
            return x
        shape, size = list(ops.shape(x)), ops.shape(reference)
        for axis in axes:
            shape[axis] = size[axis]
        return ops.slice(x, (0, 0, 0, 0), shape)

    def compute_output_shape(self, input_shape):
        maps, reference = input_shape
        shape = list(maps)
        for axis in self._axes():
            shape[axis] = reference[axis]
        return tuple(shape)

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format}
