"""EvoNorm-S0: normalisation and activation in one, found by evolution.

Liu, Brock, Simonyan and Le, Evolving normalization-activation layers (NeurIPS 2020,
https://arxiv.org/abs/2004.02967).
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


def group_variance(x, groups, data_format):
    """Return the variance over space and the channels of each group, one number per channel.

    Args:
        x: maps in float32 or float64.
        groups: number of groups of neighbouring channels.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        Variances, (batch, channels), the same throughout a group.
    """
    rank, channels = len(x.shape), x.shape[-1 if data_format == "channels_last" else 1]

    def mean(values):
        parts = ops.reshape(spatial_mean(values, data_format), (-1, groups, channels // groups))
        means = ops.mean(parts, axis=-1, keepdims=True)
        return ops.reshape(ops.broadcast_to(means, ops.shape(parts)), (-1, channels))

    return mean(ops.square(x - over_space(mean(x), rank, data_format)))


@keras.saving.register_keras_serializable(package="kzoo")
class EvoNormS0(keras.layers.Layer):
    """Computes x * sigmoid(v * x) / s(x) * gamma + beta.

    s(x) is the standard deviation over space and a group of channels, as in group normalisation;
    v, gamma and beta are learned, one each per channel. It takes the place of a normalisation and
    the activation after it, and does not depend on the other inputs of a batch.

    Args:
        groups: number of groups of channels.
        epsilon: what is added to the variance.
        gated: whether there is the factor sigmoid(v * x), the activation.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps or signals of any size.

    Input shape:
        `(batch, ..., channels)`, or `(batch, channels, ...)` in `channels_first`.

    Output shape:
        The same.

    Raises:
        ValueError: an epsilon that is not positive and finite, or an input without spatial axes,
            with an unknown number of channels or with one that is not a multiple of `groups`.
        TypeError: an epsilon that is not a number, or groups that are not an integer.

    Example:

    >>> layer = kzoo.layers.EvoNormS0(groups=8)
    >>> keras.ops.shape(layer(keras.ops.ones((1, 7, 7, 64))))
    (1, 7, 7, 64)
    >>> layer.count_params()
    192

    Reference:
        Liu et al. (2020), table 3.
    """

    def __init__(self, groups=32, epsilon=1e-5, gated=True, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.groups = _args.integer(groups, "groups")
        self.epsilon = _args.positive(epsilon, "epsilon")
        self.gated = bool(gated)
        self.data_format = _args.data_format(data_format)

    def build(self, input_shape):
        channels = known_channels(input_shape, self.data_format)
        if channels % self.groups:
            raise ValueError(
                "the number of input channels must be a multiple of groups; received an input of "
                f"shape {tuple(input_shape)} with {channels} channels and groups={self.groups}."
            )
        # float32 under mixed precision, like the deviations.
        options = {"shape": (channels,), "autocast": False}
        self.gamma = self.add_weight(name="gamma", initializer="ones", **options)
        self.beta = self.add_weight(name="beta", initializer="zeros", **options)
        if self.gated:
            self.v = self.add_weight(name="v", initializer="ones", **options)
        axis = -1 if self.data_format == "channels_last" else 1
        self.input_spec = keras.layers.InputSpec(ndim=len(input_shape), axes={axis: channels})

    def call(self, inputs):
        rank = len(inputs.shape)

        def per_channel(values):
            values = values if len(values.shape) == 2 else ops.expand_dims(values, 0)
            return ops.cast(over_space(values, rank, self.data_format), self.compute_dtype)

        x = ops.cast(inputs, "float32") if self.compute_dtype in HALF else inputs
        variance = group_variance(x, self.groups, self.data_format)
        scale = per_channel(self.gamma * ops.rsqrt(variance + self.epsilon))
        if self.gated:
            inputs = inputs * ops.sigmoid(inputs * per_channel(self.v))
        return inputs * scale + per_channel(self.beta)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "groups": self.groups,
            "epsilon": self.epsilon,
            "gated": self.gated,
            "data_format": self.data_format,
        }
