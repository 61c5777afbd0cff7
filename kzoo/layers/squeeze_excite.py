"""Squeeze-and-excitation: channels weighted by what the whole map holds.

Hu, Shen and Sun, Squeeze-and-excitation networks (CVPR 2018).
"""

import keras

from kzoo.layers._args import integer, positive
from kzoo.layers._base_channel_attention import BaseChannelAttention
from kzoo.layers._divisible import make_divisible
from kzoo.layers._initial_values import reseeded


@keras.saving.register_keras_serializable(package="kzoo")
class SqueezeExcite(BaseChannelAttention):
    """Weights channels by a bottleneck of two dense layers on the channels' means.

    The result is x * gate(W2 activation(W1 mean(x) + b1) + b2), where W1 reduces the number of
    channels and W2 restores it.

    Args:
        ratio: reduced number of channels as part of the input's, before it is rounded to the
            nearest multiple of `divisor`.
        reduced_channels: the reduced number itself, instead of `ratio` and `divisor`, for networks
            that compute it from other channels than the input's or round it otherwise.
        divisor: what the reduced number is a multiple of.
        activation: activation of the reduced channels.
        gate: activation of the weights, such as `"sigmoid"` or `"hard_sigmoid"`.
        use_bias: whether the dense layers have biases.
        kernel_initializer: initializer of both kernels, which get different values.
        sublayer_names: names of the dense layers: `("fc1", "fc2")`, or `("conv_reduce",
            "conv_expand")` in the networks of the EfficientNet family.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps or signals of any size.

    Input shape:
        `(batch, ..., channels)`, or `(batch, channels, ...)` in `channels_first`.

    Output shape:
        The same.

    Raises:
        ValueError: an argument outside its range, or an input without spatial axes or with an
            unknown number of channels.
        TypeError: an argument that is not a number or integer where it must be.

    Example:

    >>> layer = kzoo.layers.SqueezeExcite(ratio=0.25)
    >>> keras.ops.shape(layer(keras.ops.ones((1, 7, 7, 64))))
    (1, 7, 7, 64)
    >>> layer.count_params()  # 64 x 16 + 16 and 16 x 64 + 64
    2128

    Reference:
        Hu et al. (2018), equations 2 to 4.
    """

    def __init__(
        self,
        ratio=1 / 16,
        reduced_channels=None,
        divisor=8,
        activation="relu",
        gate="sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        sublayer_names=("fc1", "fc2"),
        data_format=None,
        **kwargs,
    ):
        super().__init__(gate, data_format, **kwargs)
        self.ratio = positive(ratio, "ratio")
        self.reduced_channels = (
            None if reduced_channels is None else integer(reduced_channels, "reduced_channels")
        )
        self.divisor = integer(divisor, "divisor")
        self.activation = keras.activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.sublayer_names = tuple(sublayer_names)
        if len(set(self.sublayer_names)) != 2:
            raise ValueError(
                f"sublayer_names must be two different names; received {sublayer_names!r}."
            )

    @property
    def sublayers(self):
        return self.reduce, self.expand

    def build(self, input_shape):
        channels = self.read_channels(input_shape)
        reduced = self.reduced_channels
        if reduced is None:
            reduced = make_divisible(channels * self.ratio, self.divisor, round_limit=0)
        self.reduce = self._dense(reduced, 0, activation=self.activation)
        self.expand = self._dense(channels, 1)
        self.reduce.build((None, channels))
        self.expand.build((None, reduced))

    def _dense(self, units, index, activation=None):
        return keras.layers.Dense(
            units,
            activation=activation,
            use_bias=self.use_bias,
            kernel_initializer=reseeded(self.kernel_initializer, index),
            dtype=self.dtype_policy,
            name=self.sublayer_names[index],
        )

    def scores(self, means):
        return self.expand(self.reduce(means))

    def get_config(self):
        return {
            **super().get_config(),
            "ratio": self.ratio,
            "reduced_channels": self.reduced_channels,
            "divisor": self.divisor,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "sublayer_names": self.sublayer_names,
        }
