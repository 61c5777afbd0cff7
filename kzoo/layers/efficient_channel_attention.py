"""Efficient channel attention: each channel weighted by its neighbours' means.

Wang, Wu, Zhu, Li, Zuo and Hu, ECA-Net: efficient channel attention for deep convolutional neural
networks (CVPR 2020).
"""

import math

import keras
from keras import ops

from kzoo.layers._args import integer
from kzoo.layers._base_channel_attention import BaseChannelAttention


def adaptive_kernel_size(channels):
    """Return the odd kernel size for a number of channels: |log2(channels) / 2 + 1 / 2|, odd.

    Section 3.2.3 of the paper with its gamma = 2 and b = 1. Its published code takes the whole part
    and, where that is even, the next number; as in timm the least is 3, not 1, below 8 channels.
    """
    size = int((math.log2(channels) + 1) / 2)
    return max(size if size % 2 else size + 1, 3)


@keras.saving.register_keras_serializable(package="kzoo")
class EfficientChannelAttention(BaseChannelAttention):
    """Weights channels by a short convolution over the row of the channels' means.

    Args:
        kernel_size: how many neighbouring channels weigh in, an odd number; None for the paper's
            function of the number of channels.
        gate: activation of the weights.
        kernel_initializer: initializer of the kernel, (kernel_size, 1, 1).
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps or signals of any size.

    Input shape:
        `(batch, ..., channels)`, or `(batch, channels, ...)` in `channels_first`.

    Output shape:
        The same.

    Raises:
        ValueError: a kernel size that is even or below 1, or an input without spatial axes or with
            an unknown number of channels.
        TypeError: a kernel size that is not an integer.

    Example:

    >>> layer = kzoo.layers.EfficientChannelAttention()
    >>> keras.ops.shape(layer(keras.ops.ones((1, 7, 7, 256))))
    (1, 7, 7, 256)
    >>> layer.count_params()
    5

    Reference:
        Wang et al. (2020), sections 3.2.2 and 3.2.3.
    """

    def __init__(
        self,
        kernel_size=None,
        gate="sigmoid",
        kernel_initializer="glorot_uniform",
        data_format=None,
        **kwargs,
    ):
        super().__init__(gate, data_format, **kwargs)
        self.kernel_size = None if kernel_size is None else integer(kernel_size, "kernel_size")
        if self.kernel_size is not None and self.kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd; received {kernel_size}.")
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    @property
    def sublayers(self):
        return (self.conv,)

    def build(self, input_shape):
        channels = self.read_channels(input_shape)
        self.conv = keras.layers.Conv1D(
            1,
            self.kernel_size or adaptive_kernel_size(channels),
            padding="same",
            data_format="channels_last",
            use_bias=False,
            kernel_initializer=self.kernel_initializer,
            dtype=self.dtype_policy,
            name="conv",
        )
        self.conv.build((None, channels, 1))

    def scores(self, means):
        return ops.squeeze(self.conv(ops.expand_dims(means, -1)), -1)

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
