"""From a map of orders to an ordinary map, which turns with the image and changes no value.

Worrall, Garbin, Turmukhambetov and Brostow, "Harmonic Networks: Deep Translation and Rotation
Equivariance", CVPR 2017 (https://arxiv.org/abs/1612.04642).
"""

import keras
from keras import ops

from kzoo.layers._args import one_of
from kzoo.layers._harmonic_map import BaseHarmonicLayer

MODES = ("sum", "mean", "stack")


@keras.saving.register_keras_serializable(package="kzoo")
class HarmonicMagnitude(BaseHarmonicLayer):
    """Returns the magnitudes |z| of a map of orders, whose phases alone tell rotations apart.

    Where a network's input is rotated, the magnitudes rotate as a planar map does.

    Args:
        mode: "sum" or "mean" over the orders of each channel, or "stack", which makes them
            channels: all of order 0 first.
        data_format: "channels_last" or "channels_first"; default Keras's setting.

    Input shape:
        `(batch, height, width, orders, 2, channels)`, or
        `(batch, orders, 2, channels, height, width)`.

    Output shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)`, with
        `orders * channels` in place of `channels` where the orders are stacked.

    Raises:
        ValueError: an argument, or an input shape, that the layer does not allow.

    Example:

    >>> kzoo.layers.HarmonicMagnitude("stack")(keras.ops.ones((2, 24, 24, 2, 2, 8))).shape
    (2, 24, 24, 16)

    Reference:
        [Worrall et al., 2017](https://arxiv.org/abs/1612.04642).
    """

    def __init__(self, mode="sum", data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.mode = one_of(mode, "mode", MODES)

    def build(self, input_shape):
        self.read_input_shape(input_shape)
        self.built = True

    def call(self, inputs):
        axis = self.order_axis
        size = self.magnitude(inputs)
        if self.mode == "stack":
            shape = ops.shape(size)
            stacked = shape[axis] * shape[axis + 1]
            size = ops.reshape(size, (-1, *shape[1:axis], stacked, *shape[axis + 2 :]))
        else:
            size = {"sum": ops.sum, "mean": ops.mean}[self.mode](size, axis=axis)
        return ops.cast(size, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        axis = self.order_axis
        orders, _, channels = input_shape[axis : axis + 3]
        channels *= orders if self.mode == "stack" else 1
        return (*input_shape[:axis], channels, *input_shape[axis + 3 :])

    def get_config(self):
        return {**super().get_config(), "mode": self.mode}
