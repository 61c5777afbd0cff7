"""The residual blocks that Darknet and the cross-stage partial networks share."""

import math

import keras

from kzoo.applications._conv_norm import conv_norm
from kzoo.applications._family import channel_axis
from kzoo.applications._parts import add, drop_path
from kzoo.layers import SqueezeExcite


def activate(x, kind, name):
    """Apply an activation by its name; "leaky_relu" has PyTorch's slope of 0.01."""
    layer = _leaky_relu(name) if kind == "leaky_relu" else keras.layers.Activation(kind, name=name)
    return layer(x)


def _leaky_relu(name=None):
    return keras.layers.LeakyReLU(0.01, name=name)


def unit(x, options, filters, kernel_size, name, kind, *, strides=1, groups=1, padding="symmetric"):
    """Convolution, batch normalisation and the activation `kind`, None for none.

    Where `groups` does not divide the channels of a scaled network, as many groups as do.
    """
    groups = math.gcd(groups, filters, x.shape[channel_axis()])
    shape = {"strides": strides, "groups": groups, "padding": padding}
    x = conv_norm(x, options, filters, kernel_size, name, **shape)
    return x if kind is None else activate(x, kind, f"{name}.act")


def _squeeze_excite(x, ratio, kind, name):
    """Squeeze-and-excitation with the activation of the network; a ratio of 0 leaves it out."""
    if not ratio:
        return x
    squeeze_kind = _leaky_relu() if kind == "leaky_relu" else kind
    return SqueezeExcite(ratio, activation=squeeze_kind, name=name)(x)


def dark_block(x, options, filters, ratio, name, *, kind, groups=1, se_ratio=0.0, rate=0.0):
    """Residual 1x1 and 3x3 convolution, of which the first has `ratio` times the filters."""
    y = unit(x, options, round(filters * ratio), 1, f"{name}.conv1", kind)
    y = _squeeze_excite(y, se_ratio, kind, f"{name}.attn")
    y = unit(y, options, filters, 3, f"{name}.conv2", kind, groups=groups)
    return add(drop_path(y, rate, f"{name}.drop_path"), x, f"{name}.add")


def edge_block(x, options, filters, ratio, name, *, kind, groups=1, se_ratio=0.0, rate=0.0):
    """Residual 3x3 and 1x1 convolution, both activated."""
    y = unit(x, options, round(filters * ratio), 3, f"{name}.conv1", kind, groups=groups)
    y = _squeeze_excite(y, se_ratio, kind, f"{name}.attn")
    y = unit(y, options, filters, 1, f"{name}.conv2", kind)
    return add(drop_path(y, rate, f"{name}.drop_path"), x, f"{name}.add")


def bottleneck_block(x, options, filters, ratio, name, *, kind, groups=1, se_ratio=0.0, rate=0.0):
    """Residual 1x1, 3x3 and 1x1 convolution as in ResNeXt."""
    inner = round(filters * ratio)
    y = unit(x, options, inner, 1, f"{name}.conv1", kind)
    y = unit(y, options, inner, 3, f"{name}.conv2", kind, groups=groups)
    y = _squeeze_excite(y, se_ratio, kind, f"{name}.attn2")
    y = unit(y, options, filters, 1, f"{name}.conv3", None)
    y = add(drop_path(y, rate, f"{name}.drop_path"), x, f"{name}.add")
    return activate(y, kind, f"{name}.act3")
