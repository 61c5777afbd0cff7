"""Parameter-free shortcut of a residual block that strides and widens.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, section 3.3,
option A (https://arxiv.org/abs/1512.03385).
"""

import keras
from keras import ops

from kzoo.layers._args import data_format as standard_data_format
from kzoo.layers._args import integer, integers


@keras.saving.register_keras_serializable(package="kzoo")
class IdentityShortcut2D(keras.layers.Layer):
    """Takes every `strides`-th pixel and pads the channels with zeros up to `filters`.

    Half of the new channels go before the old ones and half after; an odd one goes after.

    Args:
        filters: number of output channels, at least that of the input.
        strides: integer or pair, step between the pixels taken.
        data_format: "channels_last" or "channels_first"; default Keras's setting.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)`.

    Output shape:
        `(batch, ceil(height / strides), ceil(width / strides), filters)`, or channels first.

    Example:

    >>> kzoo.layers.IdentityShortcut2D(32, strides=2)(keras.ops.ones((1, 8, 8, 16))).shape
    (1, 4, 4, 32)

    Reference:
        [He et al., 2016](https://arxiv.org/abs/1512.03385), section 3.3, option A.
    """

    def __init__(self, filters, strides=2, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = integer(filters, "filters")
        self.strides = integers(strides, "strides", 2)
        self.data_format = standard_data_format(data_format)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    @property
    def _channel_axis(self):
        return 3 if self.data_format == "channels_last" else 1

    def build(self, input_shape):
        channels = input_shape[self._channel_axis]
        if channels is None:
            raise ValueError(
                "IdentityShortcut2D needs a known number of input channels; received an input of "
                f"shape {tuple(input_shape)} with data_format={self.data_format!r}."
            )
        if channels > self.filters:
            raise ValueError(
                f"filters must be at least the input's {channels} channels, which the shortcut "
                f"keeps; received filters={self.filters}."
            )
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={self._channel_axis: channels})
        self.built = True

    def call(self, inputs):
        x = ops.max_pool(
            inputs, 1, strides=self.strides, padding="valid", data_format=self.data_format
        )
        extra = self.filters - inputs.shape[self._channel_axis]
        padding = [[0, 0]] * 4
        padding[self._channel_axis] = [extra // 2, extra - extra // 2]
        return ops.pad(x, padding)

    def compute_output_shape(self, input_shape):
        shape = list(input_shape)
        axes = (1, 2) if self.data_format == "channels_last" else (2, 3)
        for axis, stride in zip(axes, self.strides):
            if shape[axis] is not None:
                shape[axis] = -(-shape[axis] // stride)
        shape[self._channel_axis] = self.filters
        return tuple(shape)

    def get_config(self):
        config = super().get_config()
        config.update(filters=self.filters, strides=self.strides, data_format=self.data_format)
        return config
