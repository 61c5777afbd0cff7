"""Layer scale: one learned factor per channel at the end of a residual branch.

Touvron, Cord, Sablayrolles, Synnaeve and Jegou, Going deeper with image transformers (ICCV 2021).
"""

import numbers

import keras
from keras import ops

from kzoo.layers._args import integer


@keras.saving.register_keras_serializable(package="kzoo")
class LayerScale(keras.layers.Layer):
    """Multiplies each channel by a learned factor that starts near 0.

    Args:
        initial_value: what every factor starts from.
        axis: axis of the channels, not that of the batch.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: output of a residual branch.

    Input shape:
        `(batch, ...)`, with a known number of channels at `axis`.

    Output shape:
        The same.

    Raises:
        ValueError: an axis that the input does not have, or of unknown size.
        TypeError: an initial value that is not a number, or an axis that is not an integer.

    Example:

    >>> layer = kzoo.layers.LayerScale(0.25)
    >>> float(layer(keras.ops.ones((1, 2, 2, 3)))[0, 0, 0, 0])
    0.25

    Reference:
        Touvron et al. (2021), section 2.
    """

    def __init__(self, initial_value=1e-5, axis=-1, **kwargs):
        super().__init__(**kwargs)
        if isinstance(initial_value, bool) or not isinstance(initial_value, numbers.Real):
            raise TypeError(f"initial_value must be a number; received {initial_value!r}.")
        self.initial_value = float(initial_value)
        self.axis = integer(axis, "axis", minimum=-8)
        if self.axis == 0:
            raise ValueError("axis must not be 0, which is the batch; received 0.")

    def build(self, input_shape):
        rank = len(input_shape)
        if not -rank < self.axis < rank:
            raise ValueError(
                f"axis={self.axis} is not an axis of the channels of an input of rank {rank}; use "
                f"one from 1 to {rank - 1}, or -1."
            )
        channels = input_shape[self.axis]
        if channels is None:
            raise ValueError(
                f"the input must have a known size at axis={self.axis}, that of the channels; "
                f"received an input of shape {tuple(input_shape)}."
            )
        self.gamma = self.add_weight(
            name="gamma",
            shape=(channels,),
            initializer=keras.initializers.Constant(self.initial_value),
        )
        self.input_spec = keras.layers.InputSpec(ndim=rank, axes={self.axis: channels})

    def call(self, inputs):
        shape = [1] * len(inputs.shape)
        shape[self.axis] = -1
        return inputs * ops.reshape(self.gamma, shape)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "initial_value": self.initial_value, "axis": self.axis}
