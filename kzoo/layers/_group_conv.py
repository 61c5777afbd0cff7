"""What the two group-equivariant convolutions share.

Cohen and Welling, "Group Equivariant Convolutional Networks", ICML 2016
(https://arxiv.org/abs/1602.07576), section 7: the kernel is transformed by every element of the
group, and all the transformed filters go into one planar convolution.
"""

import keras
import numpy as np
from keras import ops

from kzoo.layers._args import one_of
from kzoo.layers._base_conv import BaseConv, checked_kernel
from kzoo.layers._groups import ORDERS
from kzoo.layers._symmetry import check_square, check_symmetry
from kzoo.layers._window import convolve2d, extent


def filter_bank(kernel, rows):
    """Lay the transformed copies of `kernel` side by side, as one planar kernel.

    Args:
        kernel: tensor (kh, kw, in, filters), or (kh, kw, |G|, in, filters).
        rows: integer array (kh, kw, planes, in, |G|) of `weight_rows`.

    Returns:
        A tensor (kh, kw, planes * in, |G| * filters).
    """
    height, width, planes, channels, order = rows.shape
    bank = ops.take(ops.reshape(kernel, (-1, kernel.shape[-1])), rows, axis=0)
    return ops.reshape(bank, (height, width, planes * channels, -1))


def weight_rows(index, channels):
    """Return which run of `filters` weights of the kernel stands where in the filter bank.

    Args:
        index: integer array (kh, kw, planes, |G|) of `lifting_index` or `group_index`.
        channels: number of input channels.

    Returns:
        An integer array (kh, kw, planes, channels, |G|).
    """
    rows = index[:, :, :, None, :] * channels + np.arange(channels)[:, None]
    return rows.astype("int32")


class BaseGroupConv2D(BaseConv):
    """A convolution to maps on the group; a subclass says what it takes."""

    def __init__(
        self,
        filters,
        kernel_size,
        group="p4",
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        strict=False,
        **kwargs,
    ):
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )
        self.group = one_of(group, "group", tuple(ORDERS))
        self.strict = one_of(strict, "strict", (True, False, None))
        self.input_spec = None
        for name in ("kernel_size", "strides", "dilation_rate"):
            check_square(getattr(self, name), name)
        check_square(self.axis_padding, "padding")

    @property
    def order(self):
        return ORDERS[self.group]

    @property
    def span(self):
        return extent(self.kernel_size[0], self.dilation_rate[0])

    def build_weights(self, input_shape, channel_axis, planes, index):
        """Check what both convolutions need of their input, and make the weights.

        Args:
            input_shape: shape of the input, of the right rank.
            channel_axis: its axis of the channels.
            planes: shape of the kernel's group axis, () or (|G|,).
            index: integer array (kh, kw, |G| or 1, |G|), where each weight comes from.
        """
        channels = input_shape[channel_axis]
        if channels is None:
            raise ValueError(
                f"{type(self).__name__} needs a known number of input channels; received an input "
                f"of shape {tuple(input_shape)} with data_format={self.data_format!r}."
            )
        self.compute_output_shape(input_shape)
        check_symmetry(self, self.spatial_sizes(input_shape), self.span, self.axis_padding[0])
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.kernel_size, *planes, channels, self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.add_bias((self.filters,))
        self._rows = weight_rows(index, channels)
        axes = {channel_axis: channels}
        if planes:
            axes[channel_axis - 1] = self.order
        self.input_spec = keras.layers.InputSpec(ndim=len(input_shape), axes=axes)
        self.built = True

    def convolve(self, x):
        """Convolve (B, H, W, planes * C) to (B, H', W', |G|, F), or channels first."""
        is_last = self.data_format == "channels_last"
        x = convolve2d(
            x if is_last else ops.moveaxis(x, 1, -1),
            filter_bank(self.kernel, self._rows),
            self.strides,
            self.axis_padding,
            self.dilation_rate,
        )
        if self.bias is not None:
            # The planes still lie side by side: added to four axes it is faster than to five.
            x = x + ops.tile(self.bias, self.order)
        shape, planes = ops.shape(x)[1:3], (self.order, self.filters)
        if is_last:
            return self.activation(ops.reshape(x, (-1, *shape, *planes)))
        return self.activation(ops.reshape(ops.moveaxis(x, -1, 1), (-1, *planes, *shape)))

    def compute_output_shape(self, input_shape):
        sizes = self.output_sizes(self.spatial_sizes(input_shape))
        planes = (self.order, self.filters)
        shape = (*sizes, *planes) if self.data_format == "channels_last" else (*planes, *sizes)
        return (input_shape[0], *shape)

    def get_kernel(self):
        """Return the kernel as a NumPy array, in the layout that the class describes."""
        self.require_built()
        return ops.convert_to_numpy(self.kernel)

    def set_kernel(self, array):
        """Set the kernel from an array in the layout that the class describes."""
        self.require_built()
        self.kernel.assign(checked_kernel(array, self.kernel.shape, type(self).__name__))

    def get_config(self):
        return {**super().get_config(), "group": self.group, "strict": self.strict}
