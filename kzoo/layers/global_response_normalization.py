"""Global response normalisation: channels compete by their norms over the whole map.

Woo, Debnath, Hu, Chen, Liu, Kweon and Xie, ConvNeXt V2: co-designing and scaling ConvNets with
masked autoencoders (CVPR 2023).
"""

import keras
from keras import ops

from kzoo.layers import _args
from kzoo.layers._base_channel_attention import (
    HALF,
    known_channels,
    over_space,
    spatial_axes,
)


def relative_norms(x, epsilon, data_format):
    """Return each channel's Euclidean norm over space, divided by the mean of the channels' norms.

    The gradient is 0 at channels that are 0 everywhere.

    Args:
        x: maps in float32 or float64.
        epsilon: what is added to the mean.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        Relative norms, (batch, channels).
    """
    total = ops.sum(ops.square(x), axis=spatial_axes(len(x.shape), data_format))
    zero = total <= 0
    root = ops.sqrt(ops.where(zero, ops.ones_like(total), total))
    norms = ops.where(zero, ops.zeros_like(total), root)
    return norms / (ops.mean(norms, axis=-1, keepdims=True) + epsilon)


@keras.saving.register_keras_serializable(package="kzoo")
class GlobalResponseNormalization(keras.layers.Layer):
    """Adds to each channel its product with its relative norm: x + gamma * (x * n(x)) + beta.

    n(x) is the Euclidean norm of the channel over space divided by the mean of all channels' norms.
    gamma and beta start at 0, where the layer is the identity.

    Args:
        epsilon: what is added to the mean of the norms.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps or signals of any size.

    Input shape:
        `(batch, ..., channels)`, or `(batch, channels, ...)` in `channels_first`.

    Output shape:
        The same.

    Raises:
        ValueError: an epsilon that is not positive and finite, or an input without spatial axes
            or with an unknown number of channels.
        TypeError: an epsilon that is not a number.

    Example:

    >>> layer = kzoo.layers.GlobalResponseNormalization()
    >>> keras.ops.shape(layer(keras.ops.ones((1, 7, 7, 64))))
    (1, 7, 7, 64)
    >>> layer.count_params()
    128

    Reference:
        Woo et al. (2023), equations 1 to 3 and algorithm 1.
    """

    def __init__(self, epsilon=1e-6, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = _args.positive(epsilon, "epsilon")
        self.data_format = _args.data_format(data_format)

    def build(self, input_shape):
        channels = known_channels(input_shape, self.data_format)
        # float32 under mixed precision, like the norms that they multiply.
        options = {"shape": (channels,), "initializer": "zeros", "autocast": False}
        self.gamma = self.add_weight(name="gamma", **options)
        self.beta = self.add_weight(name="beta", **options)
        axis = -1 if self.data_format == "channels_last" else 1
        self.input_spec = keras.layers.InputSpec(ndim=len(input_shape), axes={axis: channels})

    def call(self, inputs):
        half = self.compute_dtype in HALF
        x = ops.cast(inputs, "float32") if half else inputs
        rank = len(inputs.shape)
        scale = 1 + self.gamma * relative_norms(x, self.epsilon, self.data_format)
        shift = over_space(ops.expand_dims(self.beta, 0), rank, self.data_format)
        return inputs * ops.cast(
            over_space(scale, rank, self.data_format), self.compute_dtype
        ) + ops.cast(shift, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon, "data_format": self.data_format}
