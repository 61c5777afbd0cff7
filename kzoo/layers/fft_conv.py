"""Convolution as a product of Fourier transforms, with the contract of Keras's convolution.

Mathieu, Henaff and LeCun, Fast training of convolutional networks through FFTs (ICLR 2014).
"""

import keras
from keras import ops

from kzoo.layers._channel_groups import ChannelGroupsConv
from kzoo.layers._fft import fft_correlate2d
from kzoo.layers._window import extent, fit_axis, output_size, padding_before, spread


def fft_conv2d(x, kernel, groups, strides, padding, dilation_rate=(1, 1)):
    """Convolve maps through the Fourier transform.

    Args:
        x: maps, (batch, height, width, in), in float32 or float64.
        kernel: (kh, kw, in / groups, out); the filters of the first group come first.
        groups: number of groups.
        strides: pair of integers.
        padding: pair of paddings, as in `_window`.
        dilation_rate: pair of integers.

    Returns:
        Maps, (batch, output height, output width, out).
    """
    for axis in (0, 1):
        size, stride = ops.shape(x)[1 + axis], strides[axis]
        span = extent(kernel.shape[axis], dilation_rate[axis])
        count = output_size(size, span, stride, padding[axis])
        before = padding_before(size, span, stride, padding[axis])
        kernel = spread(kernel, axis, dilation_rate[axis])
        blocks = -(-span // stride)
        x = fit_axis(x, 1 + axis, before, (count - 1 + blocks) * stride)
        kernel = fit_axis(kernel, axis, 0, blocks * stride)
    maps = []
    parts = zip(ops.split(x, groups, axis=-1), ops.split(kernel, groups, axis=-1), strict=True)
    for part, part_of_kernel in parts:
        depth = _space_to_depth(part, 1, strides)
        maps.append(fft_correlate2d(depth, _space_to_depth(part_of_kernel, 0, strides)))
    return maps[0] if groups == 1 else ops.concatenate(maps, axis=-1)


def _space_to_depth(x, axis, strides):
    """Move the phases of the strides along `axis` and the next into the channels after them.

    A convolution with strides becomes one without, of as many smaller maps as there are phases.
    """
    if max(strides) == 1:
        return x
    shape = ops.shape(x)
    lead, (height, width, channels), rest = shape[:axis], shape[axis : axis + 3], shape[axis + 3 :]
    down, across = strides
    x = ops.reshape(x, (*lead, height // down, down, width // across, across, channels, *rest))
    order = [*range(axis), axis, axis + 2, axis + 1, axis + 3, *range(axis + 4, len(x.shape))]
    x = ops.transpose(x, order)
    sizes = (height // down, width // across, down * across * channels)
    return ops.reshape(x, (*lead, *sizes, *rest))


class _FFTConv(ChannelGroupsConv):
    def correlate(self, x, kernel, strides, padding, dilation_rate):
        # There is no transform of 16-bit numbers.
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        x, kernel = ops.cast(x, dtype), ops.cast(kernel, dtype)
        y = fft_conv2d(x, kernel, self.groups, strides, padding, dilation_rate)
        return ops.cast(y, self.compute_dtype)


@keras.saving.register_keras_serializable(package="kzoo")
class FFTConv1D(_FFTConv):
    """`keras.layers.Conv1D` computed through the Fourier transform.

    Args and everything else are those of `FFTConv2D`, for one spatial axis: the kernel is
    (k, in / groups, out), and `padding` may also be `"causal"`, as much before the signal as lets
    no output see a later input.

    Input shape:
        `(batch, length, channels)`, or `(batch, channels, length)` in `channels_first`.

    Output shape:
        `(batch, output length, filters)`, or `(batch, filters, output length)`.

    Example:

    >>> layer = kzoo.layers.FFTConv1D(8, 32, padding="causal")
    >>> keras.ops.shape(layer(keras.ops.ones((1, 100, 4))))
    (1, 100, 8)
    """

    rank = 1


@keras.saving.register_keras_serializable(package="kzoo")
class FFTConv2D(_FFTConv):
    """`keras.layers.Conv2D` computed through the Fourier transform.

    It has the arguments, the variables and, up to rounding, the results of Keras's layer. The time
    it takes hardly depends on the size of the kernel, so it pays for large ones: on a CPU, a train
    step on 32 x 32 maps of 16 channels is 8 times slower than the direct convolution at 3 x 3, as
    fast between 11 x 11 and 15 x 15, and 5 times faster at 23 x 23. The transforms are in float32
    under mixed precision.

    An export to ONNX writes a file that does not load, because tf2onnx has no such transforms: give
    the weights to a `Conv2D` first.

    Args:
        filters: number of output channels, a multiple of `groups`.
        kernel_size: kernel height and width, one integer or two.
        strides: distance between neighbouring outputs, one integer or two.
        padding: `"valid"`, `"same"`, `"full"` (as much as lets every window touch the input), an
            amount for all sides, or ((top, bottom), (left, right)).
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        dilation_rate: distance between the taps of a kernel; not together with strides above 1.
        groups: number of groups; filter j sees the channels of group j // (filters / groups).
        activation: activation, or None.
        use_bias: whether a bias is added, one per filter.
        kernel_initializer: initializer of the kernel.
        bias_initializer: initializer of the bias.
        kernel_regularizer: regularizer of the kernel, (kh, kw, in / groups, out).
        bias_regularizer: regularizer of the bias.
        activity_regularizer: regularizer of the output.
        kernel_constraint: constraint on the kernel, (kh, kw, in / groups, out).
        bias_constraint: constraint on the bias.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps with a number of channels that is a multiple of `groups`.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`.

    Output shape:
        `(batch, output height, output width, filters)`, or `(batch, filters, output height,
        output width)`, with the sizes of `Conv2D`.

    Raises:
        ValueError: filters or input channels that are not a multiple of `groups`, an argument
            outside its range, strides with dilation, an input that is too small or has an unknown
            number of channels.
        TypeError: an argument that is not an integer where it must be.

    Example:

    >>> layer = kzoo.layers.FFTConv2D(8, 15, padding="same")
    >>> keras.ops.shape(layer(keras.ops.ones((1, 32, 32, 3))))
    (1, 32, 32, 8)

    Reference:
        Mathieu et al. (2014), section 2.
    """
