"""What architectures are made of, with the conventions of the frameworks they were published in.

`padding` of a convolution or pooling is "symmetric" (PyTorch's: as many pixels before as after),
"same" (TensorFlow's: where the total is odd, the one pixel more comes after), "valid", or the
number of pixels on either side. The two agree where the stride is 1 and the kernel odd.
"""

import math

import keras
import numpy as np

from kzoo import layers
from kzoo.applications._family import channel_axis


def convolve(
    x,
    options,
    filters,
    kernel_size,
    *,
    strides=1,
    dilation_rate=1,
    groups=1,
    padding="symmetric",
    use_bias=False,
    name,
):
    """Convolve, by the layer that the kernel and the groups call for.

    A kernel larger than 1 with one group is made by `options.conv`, which `conv=` may replace.

    Args:
        kernel_size: integer or pair.
        groups: as many as input channels make the convolution depthwise.
        padding: see the module; an integer, or a pair for height and width.
        name: name of the layer; a padding before it is called `name.pad`.
    """
    kernel_size = _pair(kernel_size)
    x, padding = _pad(x, kernel_size, strides, dilation_rate, padding, name)
    kwargs = {
        "strides": strides,
        "padding": padding,
        "dilation_rate": dilation_rate,
        "use_bias": use_bias,
        "name": name,
    }
    channels = x.shape[channel_axis()]
    if groups > 1 and groups == channels:
        multiplier = filters // channels
        # Keras counts all channels as inputs of each filter; this is He's rule for the one it has.
        he_uniform = keras.initializers.VarianceScaling(
            2.0 * multiplier, mode="fan_out", distribution="uniform"
        )
        return keras.layers.DepthwiseConv2D(
            kernel_size, depth_multiplier=multiplier, depthwise_initializer=he_uniform, **kwargs
        )(x)
    if groups > 1:
        return layers.GroupedConv2D(
            filters,
            kernel_size,
            groups=groups,
            kernel_initializer=options.kernel_initializer,
            **kwargs,
        )(x)
    conv = options.plain_conv if kernel_size == (1, 1) else options.conv
    return conv(filters, kernel_size, **kwargs)(x)


def fully_connected(x, options, units, name, *, kernel_size=1, use_bias=True):
    """Apply a dense layer that is a convolution where it was published.

    The maps are as large as its kernel at the published input size; there it is one matrix product.
    """
    return layers.GroupedConv2D(
        units,
        kernel_size,
        use_bias=use_bias,
        kernel_initializer=options.kernel_initializer,
        name=name,
    )(x)


def batch_norm(x, name, *, momentum=0.9, epsilon=1e-5, scale=True, gamma_initializer="ones"):
    """Batch normalisation; the defaults are PyTorch's (whose momentum 0.1 is Keras's 0.9)."""
    return layers.BatchNormalization(
        axis=channel_axis(),
        momentum=momentum,
        epsilon=epsilon,
        scale=scale,
        gamma_initializer=gamma_initializer,
        name=name,
    )(x)


def group_norm(x, name, *, groups=32, width=None, epsilon=1e-5):
    """Group normalisation over `groups`, or groups of `width` channels, as far as they divide."""
    axis = channel_axis()
    channels = x.shape[axis]
    groups = channels // math.gcd(width, channels) if width else math.gcd(groups, channels)
    return keras.layers.GroupNormalization(groups, axis=axis, epsilon=epsilon, name=name)(x)


def layer_norm(x, name, *, epsilon=1e-6):
    """Normalise the channels of each pixel."""
    return keras.layers.LayerNormalization(axis=channel_axis(), epsilon=epsilon, name=name)(x)


def activation(x, kind, name):
    """Apply an activation by its Keras name; `None` leaves `x` as it is."""
    return x if kind is None else keras.layers.Activation(kind, name=name)(x)


def max_pool(x, size, strides, name, *, padding=0, ceil=False):
    """Take the maximum over `size` pixels, padded by minus infinity as in PyTorch.

    Args:
        padding: pixels before and after, or "same".
        ceil: whether a last window that overlaps the end counts too (PyTorch's `ceil_mode`).
    """
    if padding == "same":
        return keras.layers.MaxPooling2D(size, strides, padding="same", name=name)(x)
    after = padding + (strides - 1 if ceil else 0)
    if after:
        widths = ((padding, after), (padding, after))
        x = layers.ConstantPadding2D(widths, float("-inf"), name=f"{name}.pad")(x)
    return keras.layers.MaxPooling2D(size, strides, name=name)(x)


def average_pool(x, size, strides, name, *, padding=0, count_padding=True):
    """Take the mean over `size` pixels.

    Args:
        padding: pixels of zeros before and after, or "same", which leaves out what it pads.
        count_padding: whether the zeros count (PyTorch's `count_include_pad`); without them the
            stride must be 1 and `padding` half the size.
    """
    if padding == "same" or (padding and not count_padding):
        if padding != "same" and (strides != 1 or size != 2 * padding + 1):
            raise ValueError(
                "average pooling that leaves out its padding needs strides of 1 and a size of "
                f"2 * padding + 1; received size {size}, strides {strides}, padding {padding}."
            )
        return keras.layers.AveragePooling2D(size, strides, padding="same", name=name)(x)
    if padding:
        x = keras.layers.ZeroPadding2D(padding, name=f"{name}.pad")(x)
    return keras.layers.AveragePooling2D(size, strides, name=name)(x)


def add(x, shortcut, name):
    """Add a shortcut.

    Keras walks a graph from the first input on, and by recursion: the short way comes first, or
    networks of some hundred blocks exceed Python's limit.
    """
    return keras.layers.Add(name=name)([shortcut, x])


def rescale(x, factor, name):
    """Multiply by a constant, which Keras would round to float32 if it were a plain float."""
    return keras.layers.Rescaling(np.float64(factor), name=name)(x)


def drop_path(x, rate, name):
    """Stochastic depth of a residual branch; a rate of 0 leaves it as it is."""
    return layers.StochasticDepth(rate, name=name)(x) if rate else x


def drop_path_rates(rate, blocks):
    """Return rates that grow linearly from 0 to `rate` over all blocks, as one list per stage."""
    rates = np.linspace(0, rate, sum(blocks)).tolist()
    ends = np.cumsum(blocks)
    return [rates[end - count : end] for count, end in zip(blocks, ends)]


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def _pad(x, kernel_size, strides, dilation_rate, padding, name):
    """Return `x`, padded where Keras cannot do it within the convolution, and what is left."""
    if padding in ("same", "valid"):
        return x, padding
    if padding == "symmetric":
        padding = tuple(d * (size - 1) // 2 for size, d in zip(kernel_size, _pair(dilation_rate)))
    padding = _pair(padding)
    full = tuple(d * (size - 1) for size, d in zip(kernel_size, _pair(dilation_rate)))
    if not any(padding):
        return x, "valid"
    if _pair(strides) == (1, 1) and tuple(2 * amount for amount in padding) == full:
        return x, "same"
    return keras.layers.ZeroPadding2D(padding, name=f"{name}.pad")(x), "valid"
