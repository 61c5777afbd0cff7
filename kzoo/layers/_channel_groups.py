"""Convolutions with the arguments and the variables of Keras's own, channel groups included."""

from keras import ops

from kzoo.layers import _args
from kzoo.layers._base_conv import BaseConv


class ChannelGroupsConv(BaseConv):
    """A convolution whose subclass says, in `correlate`, how it is computed.

    The variables are those of `keras.layers.Conv1D` and `Conv2D`: `kernel`, (*kernel_size,
    in / groups, out), and `bias`, (out,), so that weights can be exchanged.
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        groups=1,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(
            filters=filters,
            kernel_size=kernel_size,
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
        self.groups = _args.integer(groups, "groups")
        if self.filters % self.groups:
            raise ValueError(
                f"filters must be a multiple of groups; received filters={self.filters} and "
                f"groups={self.groups}."
            )

    def build(self, input_shape):
        channels, _ = self.read_input_shape(input_shape)
        self.kernel = self.add_weight(
            name="kernel",
            shape=self.kernel_shape(channels, input_shape),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.add_bias((self.filters,))

    def kernel_shape(self, channels, input_shape):
        """Return the shape of a kernel, or refuse a number of channels that groups do not share."""
        if channels % self.groups:
            raise ValueError(
                "the number of input channels must be a multiple of groups; received an input of "
                f"shape {tuple(input_shape)} with {channels} channels and groups={self.groups}."
            )
        return (*self.kernel_size, channels // self.groups, self.filters)

    def correlate(self, x, kernel, strides, padding, dilation_rate):
        """Return the maps without bias.

        Args:
            x: maps, (batch, height, width, in).
            kernel: (kh, kw, in / groups, out).
            strides, dilation_rate: pairs of integers.
            padding: pair of paddings, as in `_window`.
        """
        raise NotImplementedError

    def convolve(self, x):
        kernel = ops.convert_to_tensor(self.kernel)
        y = self.correlate(
            x,
            ops.reshape(kernel, (*self.planar(self.kernel_size), *kernel.shape[-2:])),
            self.planar(self.strides),
            self.planar_padding,
            self.planar(self.dilation_rate),
        )
        return y + ops.convert_to_tensor(self.bias) if self.use_bias else y

    def get_config(self):
        return {**super().get_config(), "groups": self.groups}
