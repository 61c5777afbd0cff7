"""Maps of orders: what the layers of harmonic networks take and return.

A map of orders is a tensor `(batch, height, width, orders, 2, channels)`, or `(batch, orders, 2,
channels, height, width)` in channels_first: for each order 0, 1, ... and each channel a complex
number, as its real and its imaginary part.
"""

import keras
from keras import ops

from kzoo.layers._args import data_format as standard_data_format

# The square of the smallest magnitude that is told from 0: its root has a finite gradient.
TINY = 1e-30
# Smallest magnitude that the phase e^(i phi) = z / |z| is taken of.
EPSILON = 1e-3


class BaseHarmonicLayer(keras.layers.Layer):
    """A layer that acts on the complex numbers of a map of orders."""

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = standard_data_format(data_format)

    @property
    def order_axis(self):
        """Return the axis of the orders; the parts and the channels follow."""
        return order_axis(self.data_format)

    def read_input_shape(self, input_shape):
        """Return the numbers of orders and channels, and refuse what is no map of orders."""
        check_map(input_shape, self.data_format, type(self).__name__)
        orders, _, channels = input_shape[self.order_axis : self.order_axis + 3]
        axes = dict(enumerate((orders, 2, channels), start=self.order_axis))
        self.input_spec = keras.layers.InputSpec(ndim=6, axes=axes)
        return orders, channels

    def magnitude(self, x, smallest=TINY**0.5):
        """Return the magnitudes of a map of orders, in float32 where `x` has half precision.

        Squares overflow there, and their roots have few digits.
        """
        x = x if self.compute_dtype == "float64" else ops.cast(x, "float32")
        return magnitude(*split_parts(x, self.data_format), smallest)

    def scale(self, x, factor):
        """Multiply both parts of a map of orders by a real factor for each complex number."""
        factor = ops.expand_dims(factor, self.order_axis + 1)
        return x * ops.cast(factor, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format}


def order_axis(data_format):
    """Return the axis of the orders in a map of orders."""
    return 3 if data_format == "channels_last" else 1


def check_map(shape, data_format, layer_name):
    """Refuse a shape that is not that of a map of orders with known orders and channels."""
    axis = order_axis(data_format)
    if len(shape) != 6 or shape[axis + 1] != 2 or None in shape[axis : axis + 3]:
        raise ValueError(
            f"{layer_name} takes a map of orders, of rank 6 with a known number of orders, 2 parts "
            f"and a known number of channels from axis {axis} on; received input shape "
            f"{tuple(shape)}. Turn images into one by HarmonicConv2D."
        )


def split_parts(x, data_format):
    """Return real and imaginary part of a map of orders."""
    return ops.unstack(x, 2, order_axis(data_format) + 1)


def magnitude(real, imaginary, smallest=TINY**0.5):
    """Return the magnitudes of complex numbers.

    Those below `smallest` are returned as `smallest`, and have a gradient of 0.
    """
    return ops.sqrt(ops.maximum(real * real + imaginary * imaginary, smallest**2))
