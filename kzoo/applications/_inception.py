"""What the networks of the Inception families are made of."""

from functools import partial

import keras

from kzoo.applications import _conv_norm
from kzoo.applications._family import channel_axis
from kzoo.applications._parts import batch_norm

# Convolution, batch normalisation with epsilon 0.001, and ReLU.
conv_norm = partial(_conv_norm.conv_norm, kind="relu", norm=partial(batch_norm, epsilon=1e-3))


def reduce(x, options, filters, name):
    """Halve the map by a 3x3 convolution without padding."""
    return conv_norm(x, options, filters, 3, name, strides=2, padding="valid")


def chain(x, options, rows, name, start=0):
    """Convolve several times with stride 1.

    Args:
        rows: `(filters, kernel_size)` of each convolution.
        name: what the layers' names begin with; a number follows, which counts from `start`.
    """
    for index, (filters, kernel_size) in enumerate(rows, start):
        x = conv_norm(x, options, filters, kernel_size, f"{name}{index}")
    return x


def join(branches, name):
    """Concatenate the channels of the branches."""
    return keras.layers.Concatenate(axis=channel_axis(), name=f"{name}.concat")(branches)
