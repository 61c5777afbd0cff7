"""Convolution that is equivariant to all rotations: its filters are circular harmonics.

Worrall, Garbin, Turmukhambetov and Brostow, "Harmonic Networks: Deep Translation and Rotation
Equivariance", CVPR 2017 (https://arxiv.org/abs/1612.04642).
"""

import keras
from keras import ops

from kzoo.layers._args import one_of
from kzoo.layers._base_conv import refuse_conv_options
from kzoo.layers._harmonic_conv import BaseHarmonicConv2D
from kzoo.layers._harmonic_map import order_axis
from kzoo.layers._symmetry import check_symmetry
from kzoo.layers._window import extent


@keras.saving.register_keras_serializable(package="kzoo")
class HarmonicConv2D(BaseHarmonicConv2D):
    """Correlates an image, or a map of orders, with circular harmonics, to a map of orders.

    A filter of order m is W_m(r, phi) = R(r) e^(i (m phi + beta)), with phi counted
    counter-clockwise; its radial profile R, one number for each of `num_rings` rings, and its phase
    beta are trained. Order k of the output is the sum over the orders n of the input of their
    correlations with filters of order k - n. Where the image is rotated counter-clockwise by t,
    order k of the output rotates with it and is multiplied by e^(i k t): exactly (to rounding) for
    multiples of 90 degrees, and for others as well as the grid of pixels allows.

    There is neither bias nor activation, which would break this: `HarmonicActivation` and
    `HarmonicBatchNormalization` act on magnitudes, which do not change with rotations.

    Args:
        filters: number of output channels for each order.
        kernel_size: integer, side of the square kernel; odd or even.
        max_order: the output has the orders 0, 1, ..., `max_order`.
        num_rings: number of rings of each filter, evenly spaced up to the edge of the kernel;
            default (kernel_size + 1) // 2.
        strides: integer, step between the sampled positions.
        padding: "valid", "same", "full", or an amount for all sides.
        data_format: "channels_last" or "channels_first"; default Keras's setting.
        dilation_rate: integer, step between the weights of the kernel.
        use_phase: whether filters have phases; without them beta is 0.
        kernel_initializer: initial values of the radial profiles.
        phase_initializer: initial values of the phases; default uniform over the circle.
        kernel_regularizer, activity_regularizer: penalties.
        kernel_constraint: constraint of the radial profiles.
        strict: what to do where strides or padding sample the input asymmetrically, which breaks
            exact equivariance: `False` warns, `True` refuses, `None` accepts it.

    Input shape:
        Images `(batch, height, width, channels)` or `(batch, channels, height, width)`; or maps of
        orders `(batch, height, width, orders, 2, channels)` or
        `(batch, orders, 2, channels, height, width)`, where the axis of size 2 holds real and
        imaginary parts.

    Output shape:
        `(batch, new_height, new_width, max_order + 1, 2, filters)`, or
        `(batch, max_order + 1, 2, filters, new_height, new_width)`.

    Raises:
        ValueError: an argument, or an input shape, that the layer does not allow; also an order
            too high for the kernel.
        TypeError: an argument of the wrong type.

    The weights are `radial_profile` (filter orders, rings, channels, filters) and `phase` (filter
    orders, channels, filters), from order 1 - orders to `max_order`; each order has its own.
    `get_filters` returns the filters W_m on the grid, a complex array
    (filter orders, kh, kw, channels, filters).

    Example:

    >>> kzoo.layers.HarmonicConv2D(8, 5)(keras.ops.ones((2, 28, 28, 1))).shape
    (2, 24, 24, 2, 2, 8)

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
        use_phase=True,
        kernel_initializer="he_normal",
        phase_initializer=None,
        kernel_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        strict=False,
        **kwargs,
    ):
        refuse_conv_options(HarmonicConv2D, kwargs)
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
            use_bias=False,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            **kwargs,
        )
        self.strict = one_of(strict, "strict", (True, False, None))

    def build(self, input_shape):
        channels, orders = self.read_planes(input_shape)
        span = extent(self.kernel_size[0], self.dilation_rate[0])
        check_symmetry(self, self.spatial_sizes(input_shape), span, self.axis_padding[0])
        self.build_filters(channels, orders)
        self.built = True

    def call(self, inputs):
        parts = [self.as_orders(part) for part in self.correlate(inputs)]
        return ops.stack(parts, axis=order_axis(self.data_format) + 1)

    def compute_output_shape(self, input_shape):
        sizes = self.output_sizes(self.spatial_sizes(input_shape))
        planes = (self.max_order + 1, 2, self.filters)
        shape = (*sizes, *planes) if self.data_format == "channels_last" else (*planes, *sizes)
        return (input_shape[0], *shape)

    def get_config(self):
        config = {**super().get_config(), "strict": self.strict}
        for name in ("activation", "use_bias", *(n for n in config if n.startswith("bias_"))):
            del config[name]
        return config
