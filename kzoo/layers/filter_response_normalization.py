"""Filter response normalisation with a learned threshold for its activation.

Singh and Krishnan, Filter response normalization layer: eliminating batch dependence in the
training of deep neural networks (CVPR 2020, https://arxiv.org/abs/1911.09737).
"""

import keras
from keras import ops

from kzoo.layers import _args
from kzoo.layers._base_channel_attention import (
    HALF,
    known_channels,
    over_space,
    spatial_mean,
)


@keras.saving.register_keras_serializable(package="kzoo")
class FilterResponseNormalization(keras.layers.Layer):
    """Computes max(x / sqrt(mean(x^2) + epsilon) * gamma + beta, tau).

    The mean is over space, of each channel by itself; gamma, beta and tau, the threshold, are
    learned, one each per channel. It takes the place of a normalisation and the ReLU after it, and
    does not depend on the other inputs of a batch.

    Args:
        epsilon: what is added to the mean of the squares.
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

    >>> layer = kzoo.layers.FilterResponseNormalization()
    >>> keras.ops.shape(layer(keras.ops.ones((1, 7, 7, 64))))
    (1, 7, 7, 64)
    >>> layer.count_params()
    192

    Reference:
        Singh and Krishnan (2020), equations 1 to 4.
    """

    def __init__(self, epsilon=1e-6, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = _args.positive(epsilon, "epsilon")
        self.data_format = _args.data_format(data_format)

    def build(self, input_shape):
        channels = known_channels(input_shape, self.data_format)
        # float32 under mixed precision, like the means.
        options = {"shape": (channels,), "autocast": False}
        self.gamma = self.add_weight(name="gamma", initializer="ones", **options)
        self.beta = self.add_weight(name="beta", initializer="zeros", **options)
        self.tau = self.add_weight(name="tau", initializer="zeros", **options)
        axis = -1 if self.data_format == "channels_last" else 1
        self.input_spec = keras.layers.InputSpec(ndim=len(input_shape), axes={axis: channels})

    def call(self, inputs):
        rank = len(inputs.shape)

        def per_channel(values):
            values = values if len(values.shape) == 2 else ops.expand_dims(values, 0)
            return ops.cast(over_space(values, rank, self.data_format), self.compute_dtype)

        x = ops.cast(inputs, "float32") if self.compute_dtype in HALF else inputs
        squares = spatial_mean(ops.square(x), self.data_format)
        scale = per_channel(self.gamma * ops.rsqrt(squares + self.epsilon))
        return ops.maximum(inputs * scale + per_channel(self.beta), per_channel(self.tau))

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon, "data_format": self.data_format}
