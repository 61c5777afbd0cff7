"""Convolution whose kernels have mean 0 and a set variance over their inputs.

Qiao, Wang, Liu, Shen and Yuille, Micro-batch training with batch-channel normalization and weight
standardization (2019, https://arxiv.org/abs/1903.10520); scaled, with a gain: Brock, De and Smith,
Characterizing signal propagation to close the performance gap in unnormalized ResNets (ICLR 2021,
https://arxiv.org/abs/2101.08692).
"""

import numbers
from math import prod

import keras
from keras import ops

from kzoo.layers._args import positive
from kzoo.layers._base_channel_attention import HALF
from kzoo.layers._channel_groups import ChannelGroupsConv
from kzoo.layers.grouped_conv import grouped_conv2d


def standardize(kernel, epsilon):
    """Return the kernel with mean 0 and variance 1 over the inputs of each filter.

    Args:
        kernel: (..., filters), in float32 or float64.
        epsilon: what is added to the variance.
    """
    axes = tuple(range(len(kernel.shape) - 1))
    centred = kernel - ops.mean(kernel, axis=axes, keepdims=True)
    variance = ops.mean(ops.square(centred), axis=axes, keepdims=True)
    return centred * ops.rsqrt(variance + epsilon)


@keras.saving.register_keras_serializable(package="kzoo")
class WeightStandardizedConv2D(ChannelGroupsConv):
    """`keras.layers.Conv2D` that convolves with its kernel standardised.

    Each filter has its mean over its inputs taken off and is divided by its standard deviation.
    With a `gain` it is then multiplied by gain * gamma / sqrt(inputs), which keeps the variance of
    the signal where gamma makes good what the activation before takes away: 1.7139588594446636 for
    ReLU, 1.7015043497085571 for GELU, 1.7881293296813965 for SiLU. Standardising touches the kernel
    only, and costs little beside the convolution.

    Args:
        filters: number of output channels, a multiple of `groups`.
        kernel_size: kernel height and width, one integer or two.
        strides: distance between neighbouring outputs, one integer or two.
        padding: `"valid"`, `"same"`, `"full"` (as much as lets every window touch the input), an
            amount for all sides, or ((top, bottom), (left, right)).
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        dilation_rate: distance between the taps of a kernel; not together with strides above 1.
        groups: number of groups; filter j sees the channels of group j // (filters / groups).
        epsilon: what is added to the variance of a filter.
        gain: what the learned gain of every filter starts from; None for no gain and no scale.
        gamma: constant factor beside the gain.
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
        ValueError: a gamma without a gain, filters or input channels that are not a multiple of
            `groups`, an argument outside its range, strides with dilation, an input that is too
            small or has an unknown number of channels.
        TypeError: an argument that is not a number or an integer where it must be.

    Example:

    >>> layer = kzoo.layers.WeightStandardizedConv2D(16, 3, padding="same", gain=1.0)
    >>> keras.ops.shape(layer(keras.ops.ones((1, 7, 7, 8))))
    (1, 7, 7, 16)
    >>> layer.count_params()  # kernel, gain and bias
    1184

    References:
        Qiao et al. (2019), equations 7 and 8.
        Brock et al. (2021), equation 2.
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
        epsilon=1e-6,
        gain=None,
        gamma=1.0,
        **kwargs,
    ):
        super().__init__(
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            groups=groups,
            **kwargs,
        )
        self.epsilon = positive(epsilon, "epsilon")
        self.gamma = positive(gamma, "gamma")
        if gain is not None and (isinstance(gain, bool) or not isinstance(gain, numbers.Real)):
            raise TypeError(f"gain must be a number or None; received {gain!r}.")
        self.gain = None if gain is None else float(gain)
        if gain is None and self.gamma != 1:
            raise ValueError(
                f"gamma goes with a gain; received gamma={gamma} and gain=None, give a gain such "
                "as 1.0."
            )

    def build(self, input_shape):
        super().build(input_shape)
        self.filter_gain = None
        if self.gain is not None:
            # float32 under mixed precision, like the kernel that it multiplies.
            self.filter_gain = self.add_weight(
                name="gain",
                shape=(self.filters,),
                initializer=keras.initializers.Constant(self.gain),
                autocast=False,
            )

    def correlate(self, x, kernel, strides, padding, dilation_rate):
        weights = ops.cast(kernel, "float32") if self.compute_dtype in HALF else kernel
        weights = standardize(weights, self.epsilon)
        if self.filter_gain is not None:
            inputs = prod(kernel.shape[:-1])
            gain = ops.cast(self.filter_gain, weights.dtype)
            weights = weights * (gain * (self.gamma / inputs**0.5))
        weights = ops.cast(weights, self.compute_dtype)
        return grouped_conv2d(x, weights, self.groups, strides, padding, dilation_rate)

    def get_config(self):
        return {
            **super().get_config(),
            "epsilon": self.epsilon,
            "gain": self.gain,
            "gamma": self.gamma,
        }
