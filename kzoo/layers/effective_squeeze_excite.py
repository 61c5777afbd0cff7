"""Effective squeeze-and-excitation: the same with one dense layer, which loses no channels.

Lee and Park, CenterMask: real-time anchor-free instance segmentation (CVPR 2020).
"""

import keras

from kzoo.layers._base_channel_attention import BaseChannelAttention


@keras.saving.register_keras_serializable(package="kzoo")
class EffectiveSqueezeExcite(BaseChannelAttention):
    """Weights channels by one dense layer on the channels' means: x * gate(W mean(x) + b).

    Args:
        gate: activation of the weights.
        kernel_initializer: initializer of the kernel, (channels, channels).
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps or signals of any size.

    Input shape:
        `(batch, ..., channels)`, or `(batch, channels, ...)` in `channels_first`.

    Output shape:
        The same.

    Raises:
        ValueError: an input without spatial axes or with an unknown number of channels.

    Example:

    >>> layer = kzoo.layers.EffectiveSqueezeExcite()
    >>> keras.ops.shape(layer(keras.ops.ones((1, 7, 7, 64))))
    (1, 7, 7, 64)
    >>> layer.count_params()  # 64 x 64 + 64
    4160

    Reference:
        Lee and Park (2020), the attention of VoVNetV2.
    """

    def __init__(
        self,
        gate="hard_sigmoid",
        kernel_initializer="glorot_uniform",
        data_format=None,
        **kwargs,
    ):
        super().__init__(gate, data_format, **kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    @property
    def sublayers(self):
        return (self.dense,)

    def build(self, input_shape):
        channels = self.read_channels(input_shape)
        self.dense = keras.layers.Dense(
            channels,
            kernel_initializer=self.kernel_initializer,
            dtype=self.dtype_policy,
            name="fc",
        )
        self.dense.build((None, channels))

    def scores(self, means):
        return self.dense(means)

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
