"""Tiled convolution: neighbouring outputs have different kernels, which repeat every t positions.

Goodfellow, Bengio and Courville, Deep Learning (2016), section 9.5, equation 9.10; Ngiam et al.,
Tiled convolutional neural networks (NeurIPS 2010).
"""

import keras
from keras import ops

from kzoo.layers import _args
from kzoo.layers._base_conv import BaseConv, checked_kernel
from kzoo.layers._initial_values import independent_kernels
from kzoo.layers._tiles import convolve_tiles
from kzoo.layers._window import (
    convolve2d,
    cut_axis,
    fixed_padding,
    output_size,
    padding_before,
    spread,
)

if keras.config.backend() == "tensorflow":
    from kzoo.layers import _tiles_tensorflow
else:
    _tiles_tensorflow = None

BIAS_MODES = ("channel", "tile", "output")


def tiled_conv2d(x, kernel, tile_bias, strides, padding, dilation_rate):
    """Convolve maps so that output (i, j) uses the kernel of tile (i mod t, j mod t).

    Args:
        x: maps, (batch, height, width, in).
        kernel: kernels, (t, t, kh, kw, in, out).
        tile_bias: (t, t, out), or None.
        strides: pair of strides between neighbouring outputs.
        padding: pair of paddings, as in `_window`.
        dilation_rate: pair of distances between the taps of a kernel.

    Returns:
        Maps, (batch, output height, output width, out).
    """
    if tuple(kernel.shape[:2]) == (1, 1):
        y = convolve2d(x, kernel[0, 0], strides, padding, dilation_rate)
        return y if tile_bias is None else y + tile_bias

    spans, befores, outputs = [], [], []
    for axis in (0, 1):
        # Keras takes no dilation together with strides: the zeros are part of the kernel.
        kernel = spread(kernel, 2 + axis, dilation_rate[axis])
        size, span, stride = ops.shape(x)[1 + axis], kernel.shape[2 + axis], strides[axis]
        output = output_size(size, span, stride, padding[axis])
        if isinstance(output, int) and output < kernel.shape[axis]:
            kernel = cut_axis(kernel, axis, 0, output)
        spans, outputs = [*spans, span], [*outputs, output]
        # With a stride of 1 it is the same for every size, so also for one that is unknown.
        befores.append(padding_before(size if stride > 1 else span, span, stride, padding[axis]))

    less_than_kernel = all(
        amounts == "same" or max(fixed_padding(span, amounts)) < span
        for amounts, span in zip(padding, spans)
    )
    if _tiles_tensorflow and max(strides) == 1 and less_than_kernel:
        y = _tiles_tensorflow.convolve_tiles(x, kernel, befores, outputs)
    else:
        y = convolve_tiles(x, kernel, strides, befores, outputs)
    if tile_bias is None:
        return y
    for axis in (0, 1):
        tile_of_output = ops.arange(outputs[axis]) % tile_bias.shape[axis]
        tile_bias = ops.take(tile_bias, tile_of_output, axis=axis)
    return y + tile_bias


class _TiledConv(BaseConv):
    def __init__(
        self,
        filters,
        kernel_size,
        tile_size=2,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        activation=None,
        use_bias=True,
        bias_mode="channel",
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
        self.tile_size = _args.integers(tile_size, "tile_size", self.rank)
        self.bias_mode = _args.one_of(bias_mode, "bias_mode", BIAS_MODES)

    def build(self, input_shape):
        channels, output_sizes = self.read_input_shape(input_shape)
        if self.use_bias and self.bias_mode == "output" and None in output_sizes:
            raise ValueError(
                "bias_mode='output' needs a known input size; received an input of shape "
                f"{tuple(input_shape)}. Give the size, or use bias_mode='channel' or 'tile'."
            )
        if self.use_bias and self.bias_mode == "output":
            self.input_spec = keras.layers.InputSpec(shape=(None, *input_shape[1:]))
        kernel_shape = (*self.kernel_size, channels, self.filters)
        self._kernel_shape = (*self.tile_size, *kernel_shape)

        def initial_values(shape, dtype):
            count = 1
            for tile in self.tile_size:
                count *= tile
            values = independent_kernels(self.kernel_initializer, count, kernel_shape, dtype)
            return ops.reshape(values, shape)

        self.kernel = self.add_weight(
            name="kernel",
            shape=self._kernel_shape,
            initializer=initial_values,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        per = {"channel": (), "tile": self.tile_size, "output": output_sizes}[self.bias_mode]
        self.add_bias((*per, self.filters))

    def convolve(self, x):
        tiles, size = self.planar(self.tile_size), self.planar(self.kernel_size)
        channels_and_filters = self._kernel_shape[-2:]
        kernel = ops.reshape(self.kernel, (*tiles, *size, *channels_and_filters))
        tile_bias = None
        if self.use_bias and self.bias_mode == "tile":
            tile_bias = ops.reshape(self.bias, (*tiles, self.filters))
        y = tiled_conv2d(
            x,
            kernel,
            tile_bias,
            self.planar(self.strides),
            self.planar_padding,
            self.planar(self.dilation_rate),
        )
        if self.use_bias and self.bias_mode != "tile":
            y = y + ops.convert_to_tensor(self.bias)
        return y

    def get_kernel(self):
        """Return the kernels as an array, (t, t, kh, kw, in, out), or (t, k, in, out) in 1-D."""
        self.require_built()
        return ops.convert_to_numpy(self.kernel)

    def set_kernel(self, array):
        """Set the kernels from an array of the shape that `get_kernel` returns."""
        self.require_built()
        self.kernel.assign(checked_kernel(array, self._kernel_shape, type(self).__name__))

    def get_config(self):
        return {
            **super().get_config(),
            "tile_size": self.tile_size,
            "bias_mode": self.bias_mode,
        }


@keras.saving.register_keras_serializable(package="kzoo")
class TiledConv1D(_TiledConv):
    """Convolution of signals whose kernels repeat every `tile_size` positions.

    Args and everything else are those of `TiledConv2D`, for one spatial axis: the kernel is
    (t, k, in, out), the bias (out,), (t, out) or (output length, out). `padding` may
    also be `"causal"`, which pads only before, or amounts (before, after).

    Input shape:
        `(batch, length, channels)`, or `(batch, channels, length)` in `channels_first`.

    Output shape:
        `(batch, output length, filters)`, or `(batch, filters, output length)`.

    Example:

    >>> layer = kzoo.layers.TiledConv1D(4, 3, tile_size=2)
    >>> keras.ops.shape(layer(keras.ops.ones((1, 10, 2))))
    (1, 8, 4)
    """

    rank = 1


@keras.saving.register_keras_serializable(package="kzoo")
class TiledConv2D(_TiledConv):
    """Convolution of maps whose kernels repeat every `tile_size` positions.

    Output (i, j) is computed with the kernel of tile (i mod t, j mod t). A tile size of 1 is
    `Conv2D`; a tile as large as the output is `LocallyConnected2D`.

    Args:
        filters: number of output channels.
        kernel_size: kernel height and width, one integer or two.
        tile_size: number of different kernels down and across, one integer or two.
        strides: distance between neighbouring outputs, one integer or two.
        padding: `"valid"`, `"same"`, `"full"` (as much as lets every window touch the input), an
            amount for all sides, or ((top, bottom), (left, right)).
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        dilation_rate: distance between the taps of a kernel; not together with strides above 1.
        activation: activation, or None.
        use_bias: whether a bias is added.
        bias_mode: `"channel"`, one bias per output channel, (out,); `"tile"`, one per kernel,
            (t, t, out); `"output"`, one per output unit, (output height, output width, out).
        kernel_initializer: initializer; it is called for a kernel of (kh, kw, in, out), and every
            tile gets other values of that distribution.
        bias_initializer: initializer of the bias.
        kernel_regularizer: regularizer of the kernels, (t, t, kh, kw, in, out).
        bias_regularizer: regularizer of the bias.
        activity_regularizer: regularizer of the output.
        kernel_constraint: constraint on the kernels, (t, t, kh, kw, in, out).
        bias_constraint: constraint on the bias.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps of any size that holds the kernel; it need not be a multiple of the tile.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`.

    Output shape:
        `(batch, output height, output width, filters)`, or `(batch, filters, output height,
        output width)`, with the sizes of `Conv2D`.

    Raises:
        ValueError: an argument outside its range, strides with dilation, an input that is too
            small or has an unknown number of channels, `bias_mode="output"` with unknown sizes.
        TypeError: an argument that is not an integer where it must be.

    Example:

    >>> layer = kzoo.layers.TiledConv2D(8, 3, tile_size=2, padding="same")
    >>> keras.ops.shape(layer(keras.ops.ones((1, 7, 7, 3))))
    (1, 7, 7, 8)
    >>> layer.get_kernel().shape
    (2, 2, 3, 3, 3, 8)

    Reference:
        Goodfellow, Bengio and Courville, Deep Learning (2016), equation 9.10.
    """
