"""What the attentions over channels share: a mean over space, a weight per channel, a product."""

import keras
from keras import ops

from kzoo.layers import _args

HALF = ("float16", "bfloat16")


def spatial_axes(rank, data_format):
    """Return the axes between batch and channels, for maps of any number of dimensions."""
    return tuple(range(1, rank - 1)) if data_format == "channels_last" else tuple(range(2, rank))


def spatial_mean(x, data_format):
    """Return the mean of each channel, (batch, channels), in at least float32.

    A sum over space in float16 overflows from maps of 256 x 256 ones on.
    """
    if keras.backend.standardize_dtype(x.dtype) in HALF:
        x = ops.cast(x, "float32")
    return ops.mean(x, axis=spatial_axes(len(x.shape), data_format))


def over_space(weights, rank, data_format):
    """Give `weights`, (batch, channels), axes of size 1 to multiply maps of `rank` with."""
    ones = (1,) * (rank - 2)
    channels = weights.shape[-1]
    shape = (-1, *ones, channels) if data_format == "channels_last" else (-1, channels, *ones)
    return ops.reshape(weights, shape)


def known_channels(input_shape, data_format):
    """Return the number of channels of maps of `input_shape`, or refuse them."""
    axis = -1 if data_format == "channels_last" else 1
    if len(input_shape) < 3 or input_shape[axis] is None:
        raise ValueError(
            "the input must have a batch, at least one spatial axis and a known number of channels "
            f"in {data_format}; received an input of shape {tuple(input_shape)}."
        )
    return input_shape[axis]


class BaseChannelAttention(keras.layers.Layer):
    """Multiplies each channel by a weight in 0..1 that depends on the means of the channels.

    A subclass makes its `sublayers` in `build` and says in `scores` what they do.
    """

    def __init__(self, gate, data_format, **kwargs):
        super().__init__(**kwargs)
        self.gate = keras.activations.get(gate)
        self.data_format = _args.data_format(data_format)

    @property
    def sublayers(self):
        """The layers inside this one that hold its variables, in the order of the calls."""
        raise NotImplementedError

    def scores(self, means):
        """Return what the gate makes weights of, (batch, channels), like `means`."""
        raise NotImplementedError

    def read_channels(self, input_shape):
        """Return the number of channels, and have Keras refuse inputs with another."""
        channels = known_channels(input_shape, self.data_format)
        axis = -1 if self.data_format == "channels_last" else 1
        self.input_spec = keras.layers.InputSpec(ndim=len(input_shape), axes={axis: channels})
        return channels

    def call(self, inputs):
        weights = self.gate(self.scores(spatial_mean(inputs, self.data_format)))
        return inputs * over_space(weights, len(inputs.shape), self.data_format)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "gate": keras.activations.serialize(self.gate),
            "data_format": self.data_format,
        }
