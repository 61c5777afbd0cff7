"""Selective kernels: each channel chooses between convolutions of several sizes.

Li, Wang, Hu and Yang, Selective kernel networks (CVPR 2019).
"""

import keras
from keras import ops

from kzoo.layers import _args
from kzoo.layers._base_attention_conv import BaseAttentionConv2D, check_divides
from kzoo.layers._base_channel_attention import over_space, spatial_mean
from kzoo.layers._divisible import make_divisible
from kzoo.layers._grouped import check_strides, grouped_convolution


def weighted_sum(maps, scores):
    """Add maps with the softmax of their scores, for each channel.

    Args:
        maps: list of maps, each (batch, height, width, channels).
        scores: (batch, maps * channels), in this order.
    """
    channels = maps[0].shape[-1]
    weights = ops.softmax(ops.reshape(scores, (-1, len(maps), channels)), axis=1)
    return sum(
        x * over_space(w, 4, "channels_last")
        for x, w in zip(maps, ops.unstack(weights, len(maps), axis=1), strict=True)
    )


@keras.saving.register_keras_serializable(package="kzoo")
class SelectiveKernel(BaseAttentionConv2D):
    """Convolves with kernels of several sizes, and adds the results with weights per channel.

    Each path is a convolution, a batch normalisation and an activation. The paths are added and
    averaged over space; a bottleneck of two dense layers turns the averages into the weights, a
    softmax over the paths for each channel.

    Args:
        filters: number of output channels.
        kernel_sizes: size of the kernel of each path, odd and at least 3.
        strides: distance between neighbouring outputs, one integer or two.
        groups: number of groups of every convolution.
        ratio: number of channels between the dense layers as part of `filters`, before it is
            rounded to a multiple of `divisor`.
        reduced_channels: the number itself, instead of `ratio` and `divisor`.
        divisor: what the number of channels between the dense layers is a multiple of.
        keep_3x3: whether kernels above 3 are kernels of 3 with as wide a dilation, as in the paper.
        split_input: whether each path sees its own part of the input channels, instead of all; not
            in the paper.
        activation: activation after every normalisation.
        kernel_initializer: initializer of all kernels, which get different values.
        momentum: momentum of the batch normalisations.
        epsilon: epsilon of the batch normalisations.
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
        ValueError: an argument outside its range, strides that do not divide a dilation, or
            channels that the paths or groups do not divide.
        TypeError: an argument that is not a number or integer where it must be.

    Example:

    >>> layer = kzoo.layers.SelectiveKernel(64, groups=32)
    >>> keras.ops.shape(layer(keras.ops.ones((1, 8, 8, 64))))
    (1, 8, 8, 64)
    >>> [sublayer.name for sublayer in layer.sublayers if sublayer.name.endswith("conv")]
    ['paths.0.conv', 'paths.1.conv']

    Reference:
        Li et al. (2019), section 3.1.
    """

    def __init__(
        self,
        filters,
        kernel_sizes=(3, 5),
        strides=1,
        groups=1,
        ratio=1 / 16,
        reduced_channels=None,
        divisor=8,
        keep_3x3=True,
        split_input=False,
        activation="relu",
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
        self.kernel_sizes = tuple(_args.integer(k, "kernel_sizes", 3) for k in kernel_sizes)
        self.keep_3x3 = bool(keep_3x3)
        self.split_input = bool(split_input)
        if len(self.kernel_sizes) < 2 or any(k % 2 == 0 for k in self.kernel_sizes):
            raise ValueError(
                f"kernel_sizes must be at least two odd numbers; received {self.kernel_sizes}."
            )
        for _, dilation in self.windows:
            check_strides(self.strides, (dilation, dilation))

    @property
    def windows(self):
        """Kernel size and dilation of each path."""
        if self.keep_3x3:
            return tuple((3, (size - 1) // 2) for size in self.kernel_sizes)
        return tuple((size, 1) for size in self.kernel_sizes)

    @property
    def sublayers(self):
        paths = [layer for path in zip(self.convs, self.norms) for layer in path]
        return (*paths, self.fc_reduce, self.reduced_norm, self.fc_select)

    def build_sublayers(self, channels):
        count, filters = len(self.windows), self.filters
        if self.split_input:
            check_divides("the number of paths", count, "input channels", channels)
            channels = channels // count
        check_divides("groups", self.groups, "input channels of a path", channels)
        reduced = self.reduced_channels
        if reduced is None:
            reduced = make_divisible(filters * self.ratio, self.divisor)
        self.convs = [
            self.new_conv(
                f"paths.{i}.conv", i, channels, filters, size, self.groups, use_bias=False
            )
            for i, (size, _) in enumerate(self.windows)
        ]
        self.norms = [self.new_norm(f"paths.{i}.bn", filters, rank=4) for i in range(count)]
        self.fc_reduce = self.new_dense("attn.fc_reduce", count, filters, reduced)
        self.reduced_norm = self.new_norm("attn.bn", reduced, rank=2)
        self.fc_select = self.new_dense("attn.fc_select", count + 1, reduced, count * filters)

    def attend(self, x, training):
        count = len(self.windows)
        parts = ops.split(x, count, axis=-1) if self.split_input else [x] * count
        maps = []
        for part, conv, norm, (_, dilation) in zip(parts, self.convs, self.norms, self.windows):
            y = grouped_convolution(
                part, conv.kernel, self.groups, self.strides, (dilation, dilation)
            )
            maps.append(self.activation(norm(y, training=training)))
        means = sum(spatial_mean(y, "channels_last") for y in maps)
        reduced = self.reduced_norm(self.fc_reduce(means), training=training)
        return weighted_sum(maps, self.fc_select(self.activation(reduced)))

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_sizes": self.kernel_sizes,
            "keep_3x3": self.keep_3x3,
            "split_input": self.split_input,
        }
