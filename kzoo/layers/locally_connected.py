"""Locally connected layers: convolution whose weights are not shared between positions.

LeCun, Generalization and network design strategies (1989); Goodfellow, Bengio and Courville, Deep
Learning (2016), section 9.5, equation 9.9, where it is called unshared convolution.
"""

import math

import keras
from keras import ops

from kzoo.layers import _args
from kzoo.layers._base_conv import BaseConv, checked_kernel
from kzoo.layers._initial_values import independent_kernels
from kzoo.layers._products import product_of_transposed
from kzoo.layers._window import aligned, taps

# From this many input channels on, one product per kernel row is faster than one for the window.
CHANNELS_BY_ROW = 16


def locally_connected2d(x, kernel, kernel_size, strides, padding, dilation_rate):
    """Apply to the window of each output position its own weights.

    With the batch last, windows are put together from runs of memory as long as the batch.

    Args:
        x: maps, (batch, height, width, in).
        kernel: weights, (r, output height, output width, kh * kw * in / r, out): the window of a
            position flattened in row-major order and cut into r = 1 or r = kh parts.
        kernel_size: pair (kh, kw).
        strides: pair of strides between neighbouring windows.
        padding: pair of paddings, as in `_window`.
        dilation_rate: pair of distances between the taps of a window.

    Returns:
        Maps, (batch, output height, output width, out).
    """
    x = ops.transpose(x, (1, 2, 3, 0))
    for axis in (0, 1):
        window, stride, dilation = kernel_size[axis], strides[axis], dilation_rate[axis]
        x = aligned(x, axis, window, stride, dilation, padding[axis])
    columns = taps(x, 1, kernel_size[1], strides[1], dilation_rate[1])
    x = _joined(columns)
    windows = taps(x, 0, kernel_size[0], strides[0], dilation_rate[0])
    parts = ops.unstack(kernel)
    if len(parts) == 1:
        windows = [_joined(windows)]
    y = product_of_transposed(windows[0], parts[0])
    for window, part in zip(windows[1:], parts[1:], strict=True):
        y = y + product_of_transposed(window, part)
    return ops.transpose(y, (2, 0, 1, 3))


def _joined(views):
    return views[0] if len(views) == 1 else ops.concatenate(views, axis=2)


class _LocallyConnected(BaseConv):
    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        implementation=1,
        dilation_rate=1,
        max_weights=100_000_000,
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
        self.implementation = _args.one_of(implementation, "implementation", (1, 2, 3))
        self.max_weights = max_weights
        if max_weights is not None:
            self.max_weights = _args.integer(max_weights, "max_weights")

    def build(self, input_shape):
        channels, output_sizes = self.read_input_shape(input_shape)
        if None in output_sizes:
            raise ValueError(
                f"{type(self).__name__} has weights for every position and so needs a known input "
                f"size; received an input of shape {tuple(input_shape)}."
            )
        self.input_spec = keras.layers.InputSpec(shape=(None, *input_shape[1:]))
        kernel_shape = (*self.kernel_size, channels, self.filters)
        self._kernel_shape = (*output_sizes, *kernel_shape)
        self._refuse_too_many_weights(math.prod(self._kernel_shape))
        by_row = self.rank == 2 and channels >= CHANNELS_BY_ROW
        self._parts = self.kernel_size[0] if by_row else 1

        def initial_values(shape, dtype):
            count = math.prod(output_sizes)
            values = independent_kernels(self.kernel_initializer, count, kernel_shape, dtype)
            return self._stored(ops.reshape(values, self._kernel_shape))

        self.kernel = self.add_weight(
            name="kernel",
            shape=self._stored_shape(),
            initializer=initial_values,
            regularizer=self._seen_canonical(self.kernel_regularizer),
            constraint=self._seen_canonical(self.kernel_constraint, returns_kernel=True),
        )
        self.add_bias((*output_sizes, self.filters))

    def _refuse_too_many_weights(self, count):
        if self.max_weights is not None and count > self.max_weights:
            raise ValueError(
                f"{type(self).__name__} {self.name!r} would have {count:,} kernel weights, more "
                f"than max_weights={self.max_weights:,}; use a smaller input, fewer filters or "
                "larger strides, or allow any number with max_weights=None."
            )

    def _stored_shape(self):
        sizes, window = self._kernel_shape[: self.rank], self._kernel_shape[self.rank : -1]
        per_part = math.prod(window) // self._parts
        return (self._parts, *self.planar(sizes), per_part, self.filters)

    def _stored(self, kernel):
        """Return the kernel in the layout of `locally_connected2d`, from (oh, ow, kh, kw, ...)."""
        if self._parts > 1:
            kernel = ops.transpose(kernel, (2, 0, 1, 3, 4, 5))
        return ops.reshape(kernel, self._stored_shape())

    def _canonical(self, stored):
        """Return the kernel as (oh, ow, kh, kw, in, out), from the layout in which it is stored."""
        if self._parts == 1:
            return ops.reshape(stored, self._kernel_shape)
        oh, ow, kh, *rest = self._kernel_shape
        return ops.transpose(ops.reshape(stored, (kh, oh, ow, *rest)), (1, 2, 0, 3, 4, 5))

    def _seen_canonical(self, function, returns_kernel=False):
        """Return `function` of the canonical kernel as one of the stored kernel."""
        if function is None:
            return None
        if returns_kernel:
            return lambda stored: self._stored(function(self._canonical(stored)))
        return lambda stored: function(self._canonical(stored))

    def convolve(self, x):
        y = locally_connected2d(
            x,
            ops.convert_to_tensor(self.kernel),
            self.planar(self.kernel_size),
            self.planar(self.strides),
            self.planar_padding,
            self.planar(self.dilation_rate),
        )
        return y + ops.convert_to_tensor(self.bias) if self.use_bias else y

    def get_kernel(self):
        """Return the weights as an array, (oh, ow, kh, kw, in, out), or (ol, k, in, out) in 1-D."""
        self.require_built()
        return ops.convert_to_numpy(self._canonical(self.kernel))

    def set_kernel(self, array):
        """Set the weights from an array of the shape that `get_kernel` returns."""
        self.require_built()
        array = checked_kernel(array, self._kernel_shape, type(self).__name__)
        self.kernel.assign(self._stored(ops.convert_to_tensor(array)))

    def get_config(self):
        return {
            **super().get_config(),
            "implementation": self.implementation,
            "max_weights": self.max_weights,
        }


@keras.saving.register_keras_serializable(package="kzoo")
class LocallyConnected1D(_LocallyConnected):
    """Convolution of signals with weights of its own for every output position.

    Args and everything else are those of `LocallyConnected2D`, for one spatial axis: the kernel is
    (output length, k, in, out), the bias (output length, out). `padding` may
    also be `"causal"`, which pads only before, or amounts (before, after).

    Input shape:
        `(batch, length, channels)`, or `(batch, channels, length)` in `channels_first`.

    Output shape:
        `(batch, output length, filters)`, or `(batch, filters, output length)`.

    Example:

    >>> layer = kzoo.layers.LocallyConnected1D(4, 3)
    >>> keras.ops.shape(layer(keras.ops.ones((1, 10, 2))))
    (1, 8, 4)
    """

    rank = 1


@keras.saving.register_keras_serializable(package="kzoo")
class LocallyConnected2D(_LocallyConnected):
    """Convolution of maps with weights of its own for every output position.

    The arguments are those that Keras 2 had, in its order, and two more at the end. Different from
    Keras 2: `same` pads as `Conv2D` does, with every implementation, and the bias of a position is
    that position's in `channels_first` too.

    Args:
        filters: number of output channels.
        kernel_size: height and width of a window, one integer or two.
        strides: distance between neighbouring windows, one integer or two.
        padding: `"valid"`, `"same"`, `"full"` (as much as lets every window touch the input), an
            amount for all sides, or ((top, bottom), (left, right)).
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        activation: activation, or None.
        use_bias: whether a bias is added, one per output unit: (oh, ow, out).
        kernel_initializer: initializer; it is called for a kernel of (kh, kw, in, out), and every
            position gets other values of that distribution.
        bias_initializer: initializer of the bias.
        kernel_regularizer: regularizer of the weights, (oh, ow, kh, kw, in, out).
        bias_regularizer: regularizer of the bias.
        activity_regularizer: regularizer of the output.
        kernel_constraint: constraint on the weights, (oh, ow, kh, kw, in, out).
        bias_constraint: constraint on the bias.
        implementation: 1, 2 or 3, as in Keras 2, where it chose between ways to compute the same;
            here there is one way, and the argument changes nothing.
        dilation_rate: distance between the taps of a window; not together with strides above 1.
        max_weights: most kernel weights that `build` creates, or None for any number.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps of the size that the layer was built for.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`. All but the batch must be known.

    Output shape:
        `(batch, output height, output width, filters)`, or `(batch, filters, output height,
        output width)`, with the sizes of `Conv2D`.

    Raises:
        ValueError: an argument outside its range, strides with dilation, an input that is too
            small or of unknown size, more than `max_weights` weights.
        TypeError: an argument that is not an integer where it must be.

    Example:

    >>> layer = kzoo.layers.LocallyConnected2D(8, 3)
    >>> keras.ops.shape(layer(keras.ops.ones((1, 7, 7, 3))))
    (1, 5, 5, 8)
    >>> layer.get_kernel().shape
    (5, 5, 3, 3, 3, 8)

    Reference:
        Goodfellow, Bengio and Courville, Deep Learning (2016), equation 9.9.
    """
