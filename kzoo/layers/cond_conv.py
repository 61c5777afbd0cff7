"""Convolution with a kernel of its own for each image, mixed from those of several experts.

Yang, Bender, Le and Ngiam, CondConv: Conditionally parameterized convolutions for efficient
inference (NeurIPS 2019).
"""

from functools import partial
from math import prod

import keras
from keras import ops

from kzoo.layers import _args
from kzoo.layers._base_channel_attention import known_channels
from kzoo.layers._channel_groups import ChannelGroupsConv
from kzoo.layers._initial_values import independent_kernels
from kzoo.layers._window import pad_maps
from kzoo.layers.grouped_conv import grouped_conv2d


@keras.saving.register_keras_serializable(package="kzoo")
class CondConv2D(ChannelGroupsConv):
    """`keras.layers.Conv2D` whose kernel is, for each image, a weighted sum of several.

    An image with weights r is convolved with r1 W1 + ... + rn Wn. What the weights come from is up
    to the network: in the paper, and in timm, a dense layer with a sigmoid on the means of the
    channels of what a block begins with. A kernel of one pixel is mixed first, which costs little
    beside its product with the maps. Others are mixed after n convolutions, which gives the same,
    in n times the products; the networks of the paper have them for single channels only, where
    that is little too.

    Args:
        filters: number of output channels, a multiple of `groups`.
        kernel_size: kernel height and width, one integer or two.
        experts: number of kernels, n.
        strides: distance between neighbouring outputs, one integer or two.
        padding: `"valid"`, `"same"`, `"full"` (as much as lets every window touch the input), an
            amount for all sides, or ((top, bottom), (left, right)).
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        dilation_rate: distance between the taps of a kernel; not together with strides above 1.
        groups: number of groups; filter j sees the channels of group j // (filters / groups).
        activation: activation, or None.
        use_bias: whether a bias is added, mixed like the kernels.
        kernel_initializer: initializer of the kernels, which get different values.
        bias_initializer: initializer of the biases.
        kernel_regularizer: regularizer of the kernels, (experts, kh, kw, in / groups, out).
        bias_regularizer: regularizer of the biases, (experts, out).
        activity_regularizer: regularizer of the output.
        kernel_constraint: constraint on the kernels.
        bias_constraint: constraint on the biases.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: a list of maps, with a number of channels that is a multiple of `groups`, and the
            weights of the experts.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`; and `(batch, experts)`.

    Output shape:
        `(batch, output height, output width, filters)`, or `(batch, filters, output height,
        output width)`, with the sizes of `Conv2D`.

    Raises:
        ValueError: inputs that are not maps and as many weights as experts, filters or input
            channels that are not a multiple of `groups`, an argument outside its range, strides
            with dilation, an input that is too small or has an unknown number of channels.
        TypeError: an argument that is not an integer where it must be.

    Example:

    >>> layer = kzoo.layers.CondConv2D(16, 3, experts=4, padding="same")
    >>> maps, weights = keras.ops.ones((2, 7, 7, 8)), keras.ops.ones((2, 4))
    >>> keras.ops.shape(layer([maps, weights]))
    (2, 7, 7, 16)
    >>> keras.ops.shape(layer.kernel)
    (4, 3, 3, 8, 16)

    Reference:
        Yang et al. (2019), equation 1.
    """

    def __init__(self, filters, kernel_size, experts, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.experts = _args.integer(experts, "experts")
        self.input_spec = None

    def build(self, input_shape):
        maps, weights = self._shapes(input_shape)
        channels = known_channels(maps, self.data_format)
        self.compute_output_shape(input_shape)
        self.input_spec = [
            keras.layers.InputSpec(ndim=4, axes={self.channel_axis: channels}),
            keras.layers.InputSpec(ndim=2, axes={1: self.experts}),
        ]
        self.kernel = self._experts_weight("kernel", self.kernel_shape(channels, maps))
        self.bias = self._experts_weight("bias", (self.filters,)) if self.use_bias else None

    def _experts_weight(self, name, shape):
        draw = partial(independent_kernels, getattr(self, f"{name}_initializer"), self.experts)
        return self.add_weight(
            name=name,
            shape=(self.experts, *shape),
            initializer=lambda _, dtype=None: draw(shape, dtype),
            regularizer=getattr(self, f"{name}_regularizer"),
            constraint=getattr(self, f"{name}_constraint"),
        )

    def call(self, inputs):
        maps, weights = inputs
        return self.over_maps(partial(self.convolve, weights=weights), maps)

    def convolve(self, x, weights):
        kernel = ops.convert_to_tensor(self.kernel)
        mix = self._mixed_first if kernel.shape[1:3] == (1, 1) and self.groups == 1 else self._mixed
        y = mix(x, kernel, weights)
        if not self.use_bias:
            return y
        bias = weights @ ops.convert_to_tensor(self.bias)
        return y + ops.expand_dims(bias, (1, 2))

    def _mixed_first(self, x, kernel, weights):
        """Multiply each image with the one matrix that is its mixture."""
        x, _ = pad_maps(x, self.kernel_size, self.strides, self.planar_padding)
        down, right = self.strides
        matrices = ops.einsum("be,eio->bio", weights, kernel[:, 0, 0])
        return ops.einsum("bhwi,bio->bhwo", x[:, ::down, ::right], matrices)

    def _mixed(self, x, kernel, weights):
        """Convolve with all kernels at once, those of a group side by side, and mix the maps."""
        *sizes, inputs, filters = kernel.shape[1:]
        split = (self.groups, self.experts, filters // self.groups)
        kernel = ops.reshape(kernel, (self.experts, *sizes, inputs, split[0], split[2]))
        kernel = ops.reshape(ops.moveaxis(kernel, 0, -2), (*sizes, inputs, prod(split)))
        y = grouped_conv2d(
            x, kernel, self.groups, self.strides, self.planar_padding, self.dilation_rate
        )
        y = ops.reshape(y, (*ops.shape(y)[:3], *split))
        y = ops.einsum("bhwgeo,be->bhwgo", y, weights)
        return ops.reshape(y, (*ops.shape(y)[:3], filters))

    def _shapes(self, input_shape):
        """Return the shapes of maps and weights, or refuse others."""
        pair = len(input_shape) == 2 and all(isinstance(s, (tuple, list)) for s in input_shape)
        if not pair or tuple(input_shape[1][1:]) != (self.experts,):
            raise ValueError(
                f"{type(self).__name__} {self.name!r} must be called on a list of maps and the "
                f"weights of its {self.experts} experts, (batch, {self.experts}); received "
                f"{input_shape}."
            )
        return input_shape

    def get_config(self):
        return {**super().get_config(), "experts": self.experts}

    def compute_output_shape(self, input_shape):
        return super().compute_output_shape(self._shapes(input_shape)[0])
