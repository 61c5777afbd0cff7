"""Spatial pyramid pooling: a vector of fixed length out of a map of any size.

He, Zhang, Ren and Sun, Spatial pyramid pooling in deep convolutional networks for visual
recognition (ECCV 2014).
"""

import keras
from keras import ops

from kzoo.layers import _args
from kzoo.layers._window import cut_axis

MODES = {"max": ops.max, "average": ops.mean}


def pool_bins(x, axis, count, mode):
    """Reduce an axis to `count` bins.

    Bin i has the elements from floor(i * size / count) up to, and without,
    ceil((i + 1) * size / count), which are PyTorch's windows: the bins cover the axis, they overlap
    where its size is no multiple of `count`, and none is empty.

    Args:
        x: maps; the size of `axis` may be unknown until the call.
        axis: axis to reduce.
        count: number of bins.
        mode: `"max"` or `"average"`.

    Returns:
        Maps of the same rank with `count` elements along `axis`.
    """
    size, bins = ops.shape(x)[axis], []
    for i in range(count):
        start = i * size // count
        end = -(-(i + 1) * size // count)
        bins.append(MODES[mode](cut_axis(x, axis, start, end - start), axis=axis))
    return ops.stack(bins, axis=axis)


@keras.saving.register_keras_serializable(package="kzoo")
class SpatialPyramidPooling2D(keras.layers.Layer):
    """Pools a map over the cells of several grids, and lays all results into one vector.

    A level l divides the map into l x l cells, whatever its size, so that a dense layer can follow
    a network that takes images of any size.

    Args:
        levels: tuple of the numbers of cells along each side, coarse to fine or in any order.
        mode: `"max"`, as in the paper, or `"average"`.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps of any size, which may be unknown until the call.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`.

    Output shape:
        `(batch, sum(l * l) * channels)`: level after level in the order of `levels`, the cells of
        each row after row, and the channels of a cell together. It is the same in both data
        formats.

    Raises:
        ValueError: no level, a level below 1, or an unknown `mode`.
        TypeError: `levels` that are not a tuple or list of integers.

    Example:

    >>> layer = kzoo.layers.SpatialPyramidPooling2D(levels=(1, 2, 4))
    >>> keras.ops.shape(layer(keras.ops.ones((1, 13, 10, 256))))
    (1, 5376)

    Reference:
        He, Zhang, Ren and Sun (2014), section 2.2.
    """

    def __init__(self, levels=(1, 2, 4), mode="max", data_format=None, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(levels, (tuple, list)):
            raise TypeError(f"levels must be a tuple of integers; received {levels!r}.")
        if not levels:
            raise ValueError("levels must have at least one number; received none.")
        self.levels = _args.integers(levels, "levels", len(levels))
        self.mode = _args.one_of(mode, "mode", tuple(MODES))
        self.data_format = _args.data_format(data_format)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):
        x = inputs if self.data_format == "channels_last" else ops.moveaxis(inputs, 1, -1)
        pooled = []
        for level in self.levels:
            y = pool_bins(pool_bins(x, 1, level, self.mode), 2, level, self.mode)
            pooled.append(ops.reshape(y, (-1, level * level * ops.shape(x)[3])))
        return ops.concatenate(pooled, axis=-1)

    def compute_output_shape(self, input_shape):
        channels = input_shape[3 if self.data_format == "channels_last" else 1]
        cells = sum(level * level for level in self.levels)
        return (input_shape[0], None if channels is None else cells * channels)

    def get_config(self):
        return {
            **super().get_config(),
            "levels": self.levels,
            "mode": self.mode,
            "data_format": self.data_format,
        }
