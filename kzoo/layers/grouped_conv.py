"""Grouped convolution: each part of the filters sees a part of the channels of its own.

Krizhevsky, Sutskever and Hinton, ImageNet classification with deep convolutional neural networks
(NeurIPS 2012), section 3.5; Xie et al., Aggregated residual transformations for deep neural
networks (CVPR 2017).
"""

import math

import keras
import numpy as np
from keras import ops

from kzoo.layers._channel_groups import ChannelGroupsConv
from kzoo.layers._window import extent, pad_maps

# Block by block, narrow groups waste vector registers, wide ones multiply zeros. Train step on two
# CPU cores in TensorFlow, ms, with blocks of 8, 16, 32, 64 channels (torch: interleaved with it):
#   32x32x32x64, 8 groups:   33, 25, 41, 67   (torch 55, Keras's grouped convolution 1863)
#   8x56x56x128, 32 groups:  22, 20, 26, 40   (torch 18; one convolution per group 30)
#   8x28x28x256, 32 groups:  19, 14, 18, 29   (torch 7 to 16)
# and 16 as geometric mean of inputs and outputs: 256 -> 64, 16 groups, 40 with blocks 16 -> 4, 17
# with 32 -> 8. JAX on a CPU: 67 with blocks, 2700 with its own grouped convolution.
BLOCK = 16


def grouped_conv2d(x, kernel, groups, strides, padding, dilation_rate=(1, 1)):
    """Convolve maps in groups of channels.

    Args:
        x: maps, (batch, height, width, in).
        kernel: (kh, kw, in / groups, out); the filters of the first group come first.
        groups: number of groups.
        strides: pair of integers.
        padding: pair of paddings, as in `_window`.
        dilation_rate: pair of integers.

    Returns:
        Maps, (batch, output height, output width, out).
    """
    x, padding = pad_maps(x, kernel.shape[:2], strides, padding, dilation_rate)
    if padding == "same" and max(dilation_rate) > 1:
        # tf2onnx gets this padding wrong after a split, for maps of unknown size.
        spans = [extent(k, d) - 1 for k, d in zip(kernel.shape, dilation_rate)]
        amounts = [(span // 2, span - span // 2) for span in spans]
        x, padding = ops.pad(x, [(0, 0), *amounts, (0, 0)]), "valid"
    options = (padding, "channels_last", dilation_rate)
    has_one_pixel = padding == "valid" and max(dilation_rate) == 1 or kernel.shape[:2] == (1, 1)
    if groups == 1 and has_one_pixel and x.shape[1:3] == kernel.shape[:2]:
        return _product(x, kernel)
    # Keras's own grouped convolution is slow on a CPU, except on PyTorch.
    if groups == 1 or keras.backend.backend() == "torch":
        return ops.conv(x, kernel, strides, *options)
    if kernel.shape[:2] == (1, 1) and max(strides) == 1:
        return _products(x, kernel, groups)
    if _runs_depthwise(kernel, strides):
        kernel = ops.reshape(kernel, (*kernel.shape[:2], groups, kernel.shape[3] // groups))
        return ops.depthwise_conv(x, kernel, strides, *options)
    blocks, kernel = _block_diagonal(kernel, groups)
    parts = zip(ops.split(x, blocks, axis=-1), ops.split(kernel, blocks, axis=-1), strict=True)
    maps = [ops.conv(part, block, strides, *options) for part, block in parts]
    return ops.concatenate(maps, axis=-1) if blocks > 1 else maps[0]


def _runs_depthwise(kernel, strides):
    """Return whether the depthwise convolution is the fastest: 6 ms for 25 with blocks.

    TensorFlow's takes equal strides only, and under XLA on a CPU is slow itself, as is JAX's: 86 ms
    for 29 with blocks.
    """
    one_channel = kernel.shape[2] == 1 and strides[0] == strides[1]
    return one_channel and keras.backend.backend() == "tensorflow"


def _products(x, kernel, groups):
    """Convolve with a kernel of one pixel: one matrix product per group."""
    inputs, filters = kernel.shape[2:]
    pixels = ops.transpose(ops.reshape(x, (-1, groups, inputs)), (1, 0, 2))
    matrices = ops.reshape(kernel, (inputs, groups, filters // groups))
    y = ops.transpose(pixels @ ops.transpose(matrices, (1, 0, 2)), (1, 0, 2))
    return ops.reshape(y, (*ops.shape(x)[:3], filters))


def _product(x, kernel):
    """Convolve with a kernel as large as the maps: one matrix product.

    Forward and backward on two CPU cores in TensorFlow, 8 maps to 4096 filters: from 7x7x512, 350
    ms for 2100 of the convolution; from 1x1x4096, 30 for 470.
    """
    inputs, filters = math.prod(kernel.shape[:3]), kernel.shape[3]
    # Not `ops.matmul`, which is float32 for float64 on PyTorch.
    y = ops.reshape(x, (-1, inputs)) @ ops.reshape(kernel, (inputs, filters))
    return ops.reshape(y, (-1, 1, 1, filters))


def _block_diagonal(kernel, groups):
    """Merge neighbouring groups into blocks of about `BLOCK` channels, with zeros off the diagonal.

    Inputs that are not finite therefore spread to the other groups of their block.

    Args:
        kernel: (kh, kw, in / groups, out).
        groups: number of groups.

    Returns:
        The number of blocks, and a kernel (kh, kw, in / blocks, out).
    """
    inputs, outputs = kernel.shape[2], kernel.shape[3] // groups
    fitting = [
        merged
        for merged in range(1, groups + 1)
        if groups % merged == 0 and merged**2 * inputs * outputs <= BLOCK**2
    ]
    merged = max(fitting, default=1)
    if merged > 1:
        diagonal = np.kron(np.eye(merged), np.ones((inputs, outputs)))
        diagonal = np.tile(diagonal, (1, groups // merged))
        diagonal = ops.convert_to_tensor(diagonal, dtype=kernel.dtype)
        kernel = ops.tile(kernel, (1, 1, merged, 1)) * diagonal
    return groups // merged, kernel


class _GroupedConv(ChannelGroupsConv):
    def correlate(self, x, kernel, strides, padding, dilation_rate):
        return grouped_conv2d(x, kernel, self.groups, strides, padding, dilation_rate)


@keras.saving.register_keras_serializable(package="kzoo")
class GroupedConv1D(_GroupedConv):
    """`keras.layers.Conv1D` with groups that train fast on a CPU.

    Args and everything else are those of `GroupedConv2D`, for one spatial axis: the kernel is
    (k, in / groups, out), and `padding` may also be `"causal"`, as much before the signal as lets
    no output see a later input.

    Input shape:
        `(batch, length, channels)`, or `(batch, channels, length)` in `channels_first`.

    Output shape:
        `(batch, output length, filters)`, or `(batch, filters, output length)`.

    Example:

    >>> layer = kzoo.layers.GroupedConv1D(8, 3, groups=2)
    >>> keras.ops.shape(layer(keras.ops.ones((1, 10, 4))))
    (1, 8, 8)
    """

    rank = 1


@keras.saving.register_keras_serializable(package="kzoo")
class GroupedConv2D(_GroupedConv):
    """`keras.layers.Conv2D` with groups that train fast on a CPU.

    It has the arguments, the variables and the results of Keras's layer, so that weights can be
    exchanged. Keras itself sends grouped convolutions through XLA in TensorFlow, which takes some
    70 times as long for a train step on a CPU. Without groups, a kernel as large as the maps is
    computed as a matrix product, in a sixth of the time or less. Under `jit_compile=True`, on a
    CPU, a depthwise convolution (as many groups as channels) is slow here too.

    Args:
        filters: number of output channels, a multiple of `groups`.
        kernel_size: kernel height and width, one integer or two.
        strides: distance between neighbouring outputs, one integer or two.
        padding: `"valid"`, `"same"`, `"full"` (as much as lets every window touch the input), an
            amount for all sides, or ((top, bottom), (left, right)).
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        dilation_rate: distance between the taps of a kernel; not together with strides above 1.
        groups: number of groups; filter j sees the channels of group j // (filters / groups).
        activation: activation, or None.
        use_bias: whether a bias is added, one per filter.
        kernel_initializer: initializer of the kernel.
        bias_initializer: initializer of the bias.
        kernel_regularizer: regularizer of the kernel, (kh, kw, in / groups, out).
        bias_regularizer: regularizer of the bias.
        activity_regularizer: regularizer of the output.
        kernel_constraint: constraint on the kernel, (kh, kw, in / groups, out).
        bias_constraint: constraint on the bias.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps with a number of channels that is a multiple of `groups`.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`.

    Output shape:
        `(batch, output height, output width, filters)`, or `(batch, filters, output height,
        output width)`, with the sizes of `Conv2D`.

    Raises:
        ValueError: filters or input channels that are not a multiple of `groups`, an argument
            outside its range, strides with dilation, an input that is too small or has an unknown
            number of channels.
        TypeError: an argument that is not an integer where it must be.

    Example:

    >>> layer = kzoo.layers.GroupedConv2D(16, 3, groups=4, padding="same")
    >>> keras.ops.shape(layer(keras.ops.ones((1, 7, 7, 8))))
    (1, 7, 7, 16)
    >>> keras.ops.shape(layer.kernel)
    (3, 3, 2, 16)

    References:
        Krizhevsky et al. (2012), section 3.5.
        Xie et al. (2017), section 3.3.
    """
