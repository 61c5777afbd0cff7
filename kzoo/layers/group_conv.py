"""Convolutions that are equivariant to rotations by 90 degrees, and to reflections.

Cohen and Welling, "Group Equivariant Convolutional Networks", ICML 2016
(https://arxiv.org/abs/1602.07576), equations 10 and 11.
"""

import keras
from keras import ops

from kzoo.layers._group_conv import BaseGroupConv2D
from kzoo.layers._groups import group_index, lifting_index


@keras.saving.register_keras_serializable(package="kzoo")
class LiftingConv2D(BaseGroupConv2D):
    """Correlates an image with its kernel transformed by every element of the group.

    Where the input is rotated (or reflected, for p4m) by u, the output's planes are, and the plane
    of element h moves to that of u h. The elements are ordered as rotations by 0, 90, 180 and 270
    degrees counter-clockwise, then the same after a left-right flip.

    Args:
        filters: number of output channels for each element of the group.
        kernel_size: integer, side of the square kernel; odd or even.
        group: "p4" for the rotations by 90 degrees, "p4m" for them and the reflections.
        strides: integer, step between the sampled positions.
        padding: "valid", "same", "full", or an amount for all sides.
        data_format: "channels_last" or "channels_first"; default Keras's setting.
        dilation_rate: integer, step between the weights of the kernel.
        activation: activation function; default none.
        use_bias: whether to add a bias, one for each filter, the same for all of the group.
        kernel_initializer, bias_initializer: initial values of the weights.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: constraints of the weights.
        strict: what to do where strides or padding sample the input asymmetrically, which breaks
            exact equivariance: `False` warns, `True` refuses, `None` accepts it.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)`.

    Output shape:
        `(batch, new_height, new_width, |G|, filters)`, or
        `(batch, |G|, filters, new_height, new_width)`.

    Raises:
        ValueError: an argument, or an input shape, that the layer does not allow.
        TypeError: an argument of the wrong type.

    `get_kernel` and `set_kernel` speak the layout (kh, kw, channels, filters).

    Example:

    >>> kzoo.layers.LiftingConv2D(10, 3, group="p4")(keras.ops.ones((2, 28, 28, 1))).shape
    (2, 26, 26, 4, 10)

    Reference:
        [Cohen and Welling, 2016](https://arxiv.org/abs/1602.07576), equation 10.
    """

    def build(self, input_shape):
        if len(input_shape) != 4:
            raise ValueError(
                "LiftingConv2D takes images, of rank 4; received input shape "
                f"{tuple(input_shape)}. For a map on the group use GroupEquivariantConv2D."
            )
        axis = 3 if self.data_format == "channels_last" else 1
        self.build_weights(input_shape, axis, (), lifting_index(self.group, self.kernel_size[0]))

    def call(self, inputs):
        return self.convolve(inputs)


@keras.saving.register_keras_serializable(package="kzoo")
class GroupEquivariantConv2D(BaseGroupConv2D):
    """Correlates a map on the group with its kernel transformed by every element of the group.

    The output of element g is the sum over elements h and positions y of the input at (h, y) times
    the kernel at (g^-1 h, g^-1 y). Where the input comes from a rotated (or reflected) image, the
    output changes as that of `LiftingConv2D` does. `BatchNormalization` over the channel axis keeps
    this, and so do pointwise activations.

    Args:
        filters: number of output channels for each element of the group.
        kernel_size: integer, side of the square kernel; odd or even.
        group: "p4" for the rotations by 90 degrees, "p4m" for them and the reflections.
        strides: integer, step between the sampled positions.
        padding: "valid", "same", "full", or an amount for all sides.
        data_format: "channels_last" or "channels_first"; default Keras's setting.
        dilation_rate: integer, step between the weights of the kernel.
        activation: activation function; default none.
        use_bias: whether to add a bias, one for each filter, the same for all of the group.
        kernel_initializer, bias_initializer: initial values of the weights.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: constraints of the weights.
        strict: what to do where strides or padding sample the input asymmetrically, which breaks
            exact equivariance: `False` warns, `True` refuses, `None` accepts it.

    Input shape:
        `(batch, height, width, |G|, channels)`, or `(batch, |G|, channels, height, width)`.

    Output shape:
        `(batch, new_height, new_width, |G|, filters)`, or
        `(batch, |G|, filters, new_height, new_width)`.

    Raises:
        ValueError: an argument, or an input shape, that the layer does not allow.
        TypeError: an argument of the wrong type.

    `get_kernel` and `set_kernel` speak the layout (kh, kw, |G|, channels, filters).

    Example:

    >>> layer = kzoo.layers.GroupEquivariantConv2D(10, 3, group="p4")
    >>> layer(keras.ops.ones((2, 26, 26, 4, 10))).shape
    (2, 24, 24, 4, 10)

    Reference:
        [Cohen and Welling, 2016](https://arxiv.org/abs/1602.07576), equation 11.
    """

    def build(self, input_shape):
        group_axis, axis = (3, 4) if self.data_format == "channels_last" else (1, 2)
        if len(input_shape) != 5 or input_shape[group_axis] != self.order:
            raise ValueError(
                f"GroupEquivariantConv2D(group={self.group!r}) takes a map on the group, of rank 5 "
                f"with {self.order} planes on axis {group_axis}; received input shape "
                f"{tuple(input_shape)}. Turn images into one by LiftingConv2D with the same group."
            )
        index = group_index(self.group, self.kernel_size[0])
        self.build_weights(input_shape, axis, (self.order,), index)

    def call(self, inputs):
        shape = ops.shape(inputs)
        if self.data_format == "channels_last":
            planes = (*shape[1:3], shape[3] * shape[4])
        else:
            planes = (shape[1] * shape[2], *shape[3:])
        return self.convolve(ops.reshape(inputs, (-1, *planes)))
