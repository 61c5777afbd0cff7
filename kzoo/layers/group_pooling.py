"""Pooling over the group axis: from a map on the group to an ordinary map of planes.

Cohen and Welling, "Group Equivariant Convolutional Networks", ICML 2016
(https://arxiv.org/abs/1602.07576), section 6.3.
"""

import keras
from keras import ops

from kzoo.layers._args import data_format as standard_data_format
from kzoo.layers._args import one_of

_REDUCTIONS = {"max": ops.max, "mean": ops.mean, "average": ops.mean}


@keras.saving.register_keras_serializable(package="kzoo")
class GroupPooling2D(keras.layers.Layer):
    """Pools a map on the group over the group axis.

    The output turns with the input, as a planar map does: where the network's input is transformed
    by an element of the group, each channel is transformed by it and no channel changes place.

    `GroupSpatialPooling2D` pools over space instead.

    Args:
        mode: "max", or "mean" (also called "average").
        data_format: "channels_last" or "channels_first"; default Keras's setting.

    Input shape:
        `(batch, height, width, |G|, channels)`, or `(batch, |G|, channels, height, width)`.

    Output shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)`.

    Raises:
        ValueError: an argument, or an input shape, that the layer does not allow.

    Example:

    >>> kzoo.layers.GroupPooling2D()(keras.ops.ones((2, 26, 26, 4, 10))).shape
    (2, 26, 26, 10)

    Reference:
        [Cohen and Welling, 2016](https://arxiv.org/abs/1602.07576), section 6.3.
    """

    def __init__(self, mode="max", data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.mode = one_of(mode, "mode", tuple(_REDUCTIONS))
        self.data_format = standard_data_format(data_format)

    def build(self, input_shape):
        if len(input_shape) != 5:
            raise ValueError(
                "GroupPooling2D takes a map on the group, of rank 5; received input shape "
                f"{tuple(input_shape)}. Apply LiftingConv2D first."
            )
        self.built = True

    def call(self, inputs):
        return _REDUCTIONS[self.mode](inputs, axis=self._group_axis())

    def _group_axis(self):
        return 3 if self.data_format == "channels_last" else 1

    def compute_output_shape(self, input_shape):
        axis = self._group_axis()
        return (*input_shape[:axis], *input_shape[axis + 1 :])

    def get_config(self):
        return {**super().get_config(), "mode": self.mode, "data_format": self.data_format}
