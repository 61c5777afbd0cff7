"""Magnitudes of the responses to circular harmonics, with the contract of `Conv2D`.

Worrall, Garbin, Turmukhambetov and Brostow, "Harmonic Networks: Deep Translation and Rotation
Equivariance", CVPR 2017 (https://arxiv.org/abs/1612.04642).
"""

import keras
from keras import ops

from kzoo.layers._harmonic_conv import BaseHarmonicConv2D
from kzoo.layers._harmonic_map import magnitude, order_axis


@keras.saving.register_keras_serializable(package="kzoo")
class HarmonicMagnitudeConv2D(BaseHarmonicConv2D):
    """Correlates maps with circular harmonics, and averages the magnitudes over the orders.

    Each filter gives one complex number for each order 0, 1, ..., `max_order`, as in
    `HarmonicConv2D`; the output is the mean of their magnitudes, plus a bias. Where the input is
    rotated by a multiple of 90 degrees, so is the output, and nothing else changes. It thus makes
    an ordinary network invariant to the rotation of every patch, and loses how the patches were
    turned to each other; a network of `HarmonicConv2D` keeps that.

    Args:
        filters: number of output channels.
        kernel_size: integer, side of the square kernel; odd or even.
        max_order: highest order whose magnitudes count.
        num_rings: number of rings of each filter, evenly spaced up to the edge of the kernel;
            default (kernel_size + 1) // 2.
        strides: integer, step between the sampled positions.
        padding: "valid", "same", "full", or an amount for all sides.
        data_format: "channels_last" or "channels_first"; default Keras's setting.
        dilation_rate: integer, step between the weights of the kernel.
        activation: activation function; default none.
        use_phase: whether filters have phases; without them beta is 0.
        use_bias: whether to add a bias to the magnitudes.
        kernel_initializer: initial values of the radial profiles.
        phase_initializer: initial values of the phases; default uniform over the circle.
        bias_initializer: initial values of the bias.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: constraints of radial profiles and bias.

    Input shape:
        `(batch, height, width, channels)` or `(batch, channels, height, width)`; or maps of
        orders, as `HarmonicConv2D` returns.

    Output shape:
        `(batch, new_height, new_width, filters)`, or `(batch, filters, new_height, new_width)`.

    Raises:
        ValueError: an argument, or an input shape, that the layer does not allow; also an order
            too high for the kernel.
        TypeError: an argument of the wrong type.

    Example:

    >>> kzoo.layers.HarmonicMagnitudeConv2D(8, 5)(keras.ops.ones((2, 28, 28, 1))).shape
    (2, 24, 24, 8)

    Reference:
        [Worrall et al., 2017](https://arxiv.org/abs/1612.04642).
    """

    def __init__(
        self,
        filters,
        kernel_size=5,
        max_order=1,
        num_rings=None,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        activation=None,
        use_phase=True,
        use_bias=True,
        kernel_initializer="he_normal",
        phase_initializer=None,
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(
            filters,
            kernel_size,
            max_order,
            num_rings,
            use_phase,
            phase_initializer,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )

    def build(self, input_shape):
        self.build_filters(*self.read_planes(input_shape))
        self.add_bias((self.filters,))
        self.built = True

    def call(self, inputs):
        # In half precision squares overflow, and their roots have few digits.
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        parts = [ops.cast(part, dtype) for part in self.correlate(inputs)]
        y = self.as_orders(magnitude(*parts))
        y = ops.cast(ops.mean(y, axis=order_axis(self.data_format)), self.compute_dtype)
        if self.bias is not None:
            is_last = self.data_format == "channels_last"
            y = y + (self.bias if is_last else ops.reshape(self.bias, (-1, 1, 1)))
        return self.activation(y)

    def compute_output_shape(self, input_shape):
        sizes = self.output_sizes(self.spatial_sizes(input_shape))
        if self.data_format == "channels_first":
            return (input_shape[0], self.filters, *sizes)
        return (input_shape[0], *sizes, self.filters)
