"""Split attention: each channel chooses between several convolutions of its group.

Zhang, Wu, Zhang, Zhu, Lin, Zhang, Sun, He, Mueller, Manmatha, Li and Smola, ResNeSt:
split-attention networks (CVPR workshops 2022).
"""

import keras
from keras import ops

from kzoo.layers import _args
from kzoo.layers._base_attention_conv import BaseAttentionConv2D, check_divides
from kzoo.layers._base_channel_attention import over_space, spatial_mean
from kzoo.layers._divisible import make_divisible
from kzoo.layers._grouped import check_strides, grouped_convolution, grouped_product

SMALLEST_REDUCTION = 32


def split_weights(scores, groups, radix):
    """Return the softmax of the scores over the splits, or their sigmoid where there is one split.

    Args:
        scores: (batch, groups * radix * width), in this order.
        groups: number of groups.
        radix: number of splits of each group.

    Returns:
        Weights, (batch, radix * groups * width), in this order.
    """
    if radix == 1:
        return ops.sigmoid(scores)
    channels = scores.shape[-1]
    scores = ops.reshape(scores, (-1, groups, radix, channels // (groups * radix)))
    weights = ops.softmax(ops.transpose(scores, (0, 2, 1, 3)), axis=1)
    return ops.reshape(weights, (-1, channels))


def sum_of_splits(x, radix):
    """Add the `radix` parts of the last axis of `x`."""
    *sizes, channels = ops.shape(x)
    return ops.sum(ops.reshape(x, (*sizes, radix, channels // radix)), axis=-2)


@keras.saving.register_keras_serializable(package="kzoo")
class SplitAttention(BaseAttentionConv2D):
    """Convolves to `radix` splits of the filters, and adds them with weights per channel.

    The convolution has `groups * radix` groups. The splits, normalised and activated, are added and
    averaged over space; two dense layers, in `groups` groups, turn the averages into the weights: a
    softmax over the splits for each channel. A radix of 1 gives one split, weighted by a sigmoid,
    as in squeeze-and-excitation.

    Args:
        filters: number of output channels.
        kernel_size: kernel height and width, odd, one integer or two.
        strides: distance between neighbouring outputs, one integer or two.
        dilation_rate: distance between the taps of a kernel; the strides must divide it where both
            are above 1.
        groups: number of groups of the filters (the cardinality).
        radix: number of splits.
        ratio: number of channels between the dense layers as part of input channels times `radix`,
            before it is rounded to a multiple of `divisor` that is at least 32.
        reduced_channels: the number itself, instead of `ratio` and `divisor`.
        divisor: what the number of channels between the dense layers is a multiple of.
        activation: activation after both normalisations.
        use_bias: whether the convolution has a bias; the dense layers always do.
        kernel_initializer: initializer of the three kernels, which get different values.
        momentum: momentum of both batch normalisations.
        epsilon: epsilon of both batch normalisations.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps.
        training: whether the batch normalisations use the statistics of the batch.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`.

    Output shape:
        `(batch, ceil(height / strides), ceil(width / strides), filters)`, or channels first. Zeros
        pad the input alike on both sides.

    Raises:
        ValueError: an argument outside its range, an even kernel, strides that do not divide a
            dilation, or channels that the groups do not divide.
        TypeError: an argument that is not a number or integer where it must be.

    Example:

    >>> layer = kzoo.layers.SplitAttention(64)
    >>> keras.ops.shape(layer(keras.ops.ones((1, 8, 8, 64))))
    (1, 8, 8, 64)
    >>> [sublayer.name for sublayer in layer.sublayers]
    ['conv', 'bn0', 'fc1', 'bn1', 'fc2']

    Reference:
        Zhang et al. (2022), section 3.1 and, for the order of the channels, its appendix on the
        radix-major implementation.
    """

    def __init__(
        self,
        filters,
        kernel_size=3,
        strides=1,
        dilation_rate=1,
        groups=1,
        radix=2,
        ratio=0.25,
        reduced_channels=None,
        divisor=8,
        activation="relu",
        use_bias=False,
        kernel_initializer="glorot_uniform",
        momentum=0.9,
        epsilon=1e-5,
        data_format=None,
        **kwargs,
    ):
        super().__init__(
            filters,
            strides,
            groups,
            ratio,
            reduced_channels,
            divisor,
            activation,
            kernel_initializer,
            momentum,
            epsilon,
            data_format,
            **kwargs,
        )
        self.kernel_size = _args.integers(kernel_size, "kernel_size", 2)
        self.dilation_rate = _args.integers(dilation_rate, "dilation_rate", 2)
        self.radix = _args.integer(radix, "radix")
        self.use_bias = bool(use_bias)
        if any(size % 2 == 0 for size in self.kernel_size):
            raise ValueError(f"kernel_size must be odd; received {kernel_size}.")
        check_strides(self.strides, self.dilation_rate)

    @property
    def sublayers(self):
        return self.conv, self.bn0, self.fc1, self.bn1, self.fc2

    def build_sublayers(self, channels):
        splits, groups = self.groups * self.radix, self.groups
        check_divides("groups times radix", splits, "input channels", channels)
        reduced = self.reduced_channels
        if reduced is None:
            reduced = make_divisible(
                channels * self.radix * self.ratio, self.divisor, SMALLEST_REDUCTION
            )
        check_divides("groups", groups, "reduced channels", reduced)
        filters, wide = self.filters, self.filters * self.radix
        self.conv = self.new_conv(
            "conv", 0, channels, wide, self.kernel_size, splits, self.use_bias
        )
        self.bn0 = self.new_norm("bn0", wide, rank=4)
        self.fc1 = self.new_conv("fc1", 1, filters, reduced, 1, groups, use_bias=True)
        self.bn1 = self.new_norm("bn1", reduced, rank=2)
        self.fc2 = self.new_conv("fc2", 2, reduced, wide, 1, groups, use_bias=True)

    def attend(self, x, training):
        x = grouped_convolution(
            x, self.conv.kernel, self.conv.groups, self.strides, self.dilation_rate
        )
        x = x + self.conv.bias if self.use_bias else x
        x = self.activation(self.bn0(x, training=training))
        means = sum_of_splits(spatial_mean(x, "channels_last"), self.radix)
        reduced = self._dense(self.fc1, ops.cast(means, self.compute_dtype))
        reduced = self.activation(self.bn1(reduced, training=training))
        weights = split_weights(self._dense(self.fc2, reduced), self.groups, self.radix)
        return sum_of_splits(x * over_space(weights, 4, "channels_last"), self.radix)

    def _dense(self, layer, x):
        return grouped_product(x, layer.kernel, self.groups) + layer.bias

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "dilation_rate": self.dilation_rate,
            "radix": self.radix,
            "use_bias": self.use_bias,
        }
