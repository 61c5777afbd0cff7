"""Padding with a constant, such as the minus infinity that a padded maximum needs.

Keras pads with zeros only, which is wrong before max pooling where a map has negative values.
"""

import keras
from keras import ops

from kzoo.layers._args import data_format as standard_data_format


@keras.saving.register_keras_serializable(package="kzoo")
class ConstantPadding2D(keras.layers.ZeroPadding2D):
    """Pads height and width with `value`.

    Args:
        padding: integer, pair, or pair of pairs `((top, bottom), (left, right))`.
        value: number that the new pixels have; infinities too.
        data_format: "channels_last" or "channels_first"; default Keras's setting.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)`.

    Output shape:
        The same, with the padding added to height and width.

    Example:

    >>> padded = kzoo.layers.ConstantPadding2D(1, float("-inf"))(keras.ops.ones((1, 4, 4, 2)))
    >>> keras.layers.MaxPooling2D(3, strides=2)(padded).shape
    (1, 2, 2, 2)

    Reference:
        [PyTorch, MaxPool2d](https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html),
        "implicit negative infinity padding".
    """

    def __init__(self, padding=1, value=0.0, data_format=None, **kwargs):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"value must be a number; received {value!r}.")
        super().__init__(padding, data_format=standard_data_format(data_format), **kwargs)
        self.value = float(value)

    def call(self, inputs):
        around = ((0, 0),)
        if self.data_format == "channels_last":
            widths = (*around, *self.padding, *around)
        else:
            widths = (*around, *around, *self.padding)
        return ops.pad(inputs, widths, constant_values=self.value)

    def get_config(self):
        return super().get_config() | {"value": self.value}
