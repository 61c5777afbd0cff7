"""Channel shuffle: a fixed order of channels that mixes groups.

Zhang, Zhou, Lin and Sun, ShuffleNet: an extremely efficient convolutional neural network for mobile
devices (CVPR 2018).
"""

import keras
from keras import ops

from kzoo.layers import _args


@keras.saving.register_keras_serializable(package="kzoo")
class ChannelShuffle(keras.layers.Layer):
    """Takes the channels of several groups in turn: the first of each, the second of each, ...

    With g groups of n channels, output channel i * g + j is channel i of group j, input channel
    j * n + i. Grouped or split convolutions before and after it exchange information.

    Args:
        groups: number of groups, which divides the number of channels.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps or signals of any size.

    Input shape:
        `(batch, ..., channels)`, or `(batch, channels, ...)` in `channels_first`.

    Output shape:
        The same.

    Raises:
        ValueError: fewer than one group, or a number of channels that they do not divide.
        TypeError: `groups` that are not an integer.

    Example:

    >>> layer = kzoo.layers.ChannelShuffle(2)
    >>> keras.ops.convert_to_numpy(layer(keras.ops.array([[0.0, 1.0, 2.0, 3.0]]))).tolist()
    [[0.0, 2.0, 1.0, 3.0]]

    Reference:
        Zhang et al. (2018), section 3.1.
    """

    def __init__(self, groups, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.groups = _args.integer(groups, "groups")
        self.data_format = _args.data_format(data_format)

    def build(self, input_shape):
        channels = input_shape[self._axis(input_shape)]
        if channels is None or channels % self.groups:
            raise ValueError(
                "the number of input channels must be known and a multiple of groups; received an "
                f"input of shape {tuple(input_shape)} and groups={self.groups}."
            )

    def _axis(self, shape):
        return len(shape) - 1 if self.data_format == "channels_last" else 1

    def call(self, inputs):
        axis, shape = self._axis(inputs.shape), ops.shape(inputs)
        split = (*shape[:axis], self.groups, shape[axis] // self.groups, *shape[axis + 1 :])
        return ops.reshape(ops.swapaxes(ops.reshape(inputs, split), axis, axis + 1), shape)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "groups": self.groups, "data_format": self.data_format}
