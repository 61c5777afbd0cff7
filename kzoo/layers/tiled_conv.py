"""Tiled convolution: neighbouring outputs have different kernels, which repeat every t positions.

Goodfellow, Bengio and Courville, Deep Learning (2016), section 9.5, equation 9.10; Ngiam et al.,
Tiled convolutional neural networks (NeurIPS 2010).
"""

import keras
from keras import ops

from kzoo.layers import _args
from kzoo.layers._base_conv import BaseConv, checked_kernel
from kzoo.layers._initial_values import independent_kernels
from kzoo.layers._window import (
    convolve2d,
    cut_axis,
    extent,
    fit_axis,
    output_size,
    padding_before,
)

BIAS_MODES = ("channel", "tile", "output")


def tiled_conv2d(x, kernel, tile_bias, strides, padding, dilation_rate):
    """Convolve maps so that output (i, j) uses the kernel of tile (i mod t, j mod t).

    The outputs of one row of tiles are one strided convolution: the kernels of the tiles in it
    stand side by side, each at its own column, and give t times as many channels.

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
    tiles, kernel_size, filters = kernel.shape[:2], kernel.shape[2:4], kernel.shape[5]
    rows = [ops.unstack(row) for row in ops.unstack(kernel)]
    if tuple(tiles) == (1, 1):
        y = convolve2d(x, rows[0][0], strides, padding, dilation_rate)
        return y if tile_bias is None else y + tile_bias

    spans = [extent(k, d) for k, d in zip(kernel_size, dilation_rate)]
    outputs, used, counts = [], [], []
    for axis in (0, 1):
        size, span, stride, tile = ops.shape(x)[1 + axis], spans[axis], strides[axis], tiles[axis]
        output = output_size(size, span, stride, padding[axis])
        tile = min(tile, output) if isinstance(output, int) else tile
        count = -(-output // tile)
        before = padding_before(size, span, stride, padding[axis])
        x = fit_axis(x, 1 + axis, before, (count * tile - 1) * stride + span)
        outputs, used, counts = [*outputs, output], [*used, tile], [*counts, count]

    steps = tuple(tile * stride for tile, stride in zip(used, strides))
    rows_read = (counts[0] - 1) * steps[0] + spans[0]
    phases = []
    for p in range(used[0]):
        block = _side_by_side(rows[p][: used[1]], strides[1], dilation_rate)
        seen = cut_axis(x, 1, p * strides[0], rows_read)
        y = ops.conv(seen, block, steps, "valid", "channels_last")
        if tile_bias is not None:
            y = y + ops.reshape(tile_bias[p, : used[1]], (-1,))
        phases.append(y)
    y = ops.stack(phases, axis=2)
    batch = ops.shape(x)[0]
    y = ops.reshape(y, (batch, counts[0] * used[0], counts[1] * used[1], filters))
    return cut_axis(cut_axis(y, 1, 0, outputs[0]), 2, 0, outputs[1])


def _side_by_side(kernels, stride, dilation_rate):
    """Return one kernel for a row of tiles: tile q starts at column q * stride.

    Args:
        kernels: t kernels, (kh, kw, in, out).

    Returns:
        Kernel (kh', kw' + (t - 1) * stride, in, t * out); kh' and kw' include the zeros between
        dilated taps, because Keras takes no dilation together with strides.
    """
    last = len(kernels) - 1
    parts = []
    for q, kernel in enumerate(kernels):
        kernel = _spread(_spread(kernel, 0, dilation_rate[0]), 1, dilation_rate[1])
        columns = (q * stride, (last - q) * stride)
        parts.append(ops.pad(kernel, ((0, 0), columns, (0, 0), (0, 0))))
    return ops.concatenate(parts, axis=-1)


def _spread(kernel, axis, dilation):
    """Put `dilation - 1` zeros between neighbours along `axis`."""
    if dilation == 1:
        return kernel
    shape = list(kernel.shape)
    widths = [(0, 0)] * (len(shape) + 1)
    widths[axis + 1] = (0, dilation - 1)
    spread = ops.pad(ops.expand_dims(kernel, axis + 1), widths)
    spread = ops.reshape(spread, [*shape[:axis], shape[axis] * dilation, *shape[axis + 1 :]])
    return cut_axis(spread, axis, 0, extent(shape[axis], dilation))


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
