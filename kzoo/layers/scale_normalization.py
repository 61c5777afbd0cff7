"""Normalisation of scale alone: channels divided by their root mean square, or their deviation.

Zhang and Sennrich, Root mean square layer normalization (NeurIPS 2019).
"""

import keras
from keras import ops

from kzoo.layers import _args
from kzoo.layers._base_channel_attention import HALF


def squared_scale(x, divisor, axis):
    """Return the mean square along `axis`, or the unbiased variance, with that axis kept at 1.

    Args:
        x: numbers in float32 or float64.
        divisor: `"rms"` or `"std"`.
        axis: axis of the channels.

    Returns:
        Numbers of the shape of `x` but for 1 at `axis`.
    """
    if divisor == "rms":
        return ops.mean(ops.square(x), axis=axis, keepdims=True)
    channels = x.shape[axis]
    centred = x - ops.mean(x, axis=axis, keepdims=True)
    return ops.sum(ops.square(centred), axis=axis, keepdims=True) / (channels - 1)


@keras.saving.register_keras_serializable(package="kzoo")
class ScaleNormalization(keras.layers.Layer):
    """Divides the channels of each position by their scale, and multiplies by gamma.

    The mean is not subtracted. Of `keras.layers.RMSNormalization` it differs in that the channels
    may be any axis, and in the choice of the divisor.

    Args:
        divisor: `"rms"`, the root mean square, or `"std"`, the unbiased standard deviation.
        epsilon: what is added to the divisor's square.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: vectors, signals or maps of any size.

    Input shape:
        `(batch, ..., channels)`, or `(batch, channels, ...)` in `channels_first`.

    Output shape:
        The same.

    Raises:
        ValueError: an unknown divisor, an epsilon that is not positive and finite, or an input with
            an unknown number of channels, or with one channel, which has no deviation.
        TypeError: an epsilon that is not a number.

    Example:

    >>> layer = kzoo.layers.ScaleNormalization()
    >>> y = layer(keras.ops.array([[3.0, -3.0]]))
    >>> [round(number, 4) for number in keras.ops.convert_to_numpy(y)[0].tolist()]
    [1.0, -1.0]

    Reference:
        Zhang and Sennrich (2019), equation 4; the deviation is that of timm's SimpleNorm.
    """

    def __init__(self, divisor="rms", epsilon=1e-6, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.divisor = _args.one_of(divisor, "divisor", ("rms", "std"))
        self.epsilon = _args.positive(epsilon, "epsilon")
        self.data_format = _args.data_format(data_format)

    def build(self, input_shape):
        axis = self._axis(len(input_shape))
        channels = input_shape[axis]
        if channels is None or (self.divisor == "std" and channels == 1):
            raise ValueError(
                "the input needs a known number of channels, of at least 2 where divisor='std'; "
                f"received an input of shape {tuple(input_shape)}."
            )
        # float32 under mixed precision, like the scale that it follows.
        self.gamma = self.add_weight(
            name="gamma", shape=(channels,), initializer="ones", autocast=False
        )
        self.input_spec = keras.layers.InputSpec(ndim=len(input_shape), axes={axis: channels})

    def _axis(self, rank):
        return rank - 1 if self.data_format == "channels_last" else 1

    def call(self, inputs):
        x = ops.cast(inputs, "float32") if self.compute_dtype in HALF else inputs
        axis = self._axis(len(inputs.shape))
        shape = [1] * len(inputs.shape)
        shape[axis] = -1
        scale = ops.rsqrt(squared_scale(x, self.divisor, axis) + self.epsilon)
        gamma = ops.reshape(ops.cast(self.gamma, x.dtype), shape)
        return ops.cast(x * scale * gamma, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "divisor": self.divisor,
            "epsilon": self.epsilon,
            "data_format": self.data_format,
        }
