"""The convolution of the families whose convolutions standardise their kernels."""

from kzoo.applications._parts import convolve
from kzoo.layers import WeightStandardizedConv2D


def standardized_convolve(
    x,
    options,
    filters,
    kernel_size,
    *,
    strides=1,
    groups=1,
    padding="symmetric",
    use_bias=False,
    epsilon=1e-6,
    gain=None,
    gamma=1.0,
    name,
):
    """Convolve with a standardised kernel, or with what the user's `conv=` puts in its place.

    That is as it comes: neither standardised nor scaled by gain and gamma.

    Args:
        kernel_size: one integer, odd.
        padding: "symmetric" (PyTorch's) or "same" (TensorFlow's).
        epsilon, gain, gamma: see `WeightStandardizedConv2D`.
    """
    if kernel_size > 1 and groups == 1 and options.conv_name != "standard":
        return convolve(
            x,
            options,
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            use_bias=use_bias,
            name=name,
        )
    return WeightStandardizedConv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=kernel_size // 2 if padding == "symmetric" else padding,
        groups=groups,
        epsilon=epsilon,
        gain=gain,
        gamma=gamma,
        use_bias=use_bias,
        kernel_initializer=options.kernel_initializer,
        name=name,
    )(x)
