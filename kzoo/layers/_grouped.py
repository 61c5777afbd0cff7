"""Convolutions and products in groups: each part of the channels has its own part of the kernel."""

from keras import ops

from kzoo.layers.grouped_conv import grouped_conv2d


def check_strides(strides, dilation_rate):
    """Refuse strides and dilation both above 1 where the strides do not divide the dilation."""
    both = max(strides) > 1 and max(dilation_rate) > 1
    if both and any(d % s for s, d in zip(strides, dilation_rate)):
        raise ValueError(
            "strides must divide dilation_rate where both are above 1; received "
            f"strides={tuple(strides)} and dilation_rate={tuple(dilation_rate)}."
        )


def grouped_convolution(x, kernel, groups, strides, dilation_rate):
    """Convolve with zeros of half the kernel's extent around the maps, as PyTorch's networks do.

    Strides with dilation, which TensorFlow lacks, need a dilation that the strides divide: every
    tap then falls on a pixel that subsampling by the strides keeps.

    Args:
        x: maps, (batch, height, width, in).
        kernel: (kh, kw, in / groups, out), with odd kh and kw.
        groups: number of groups.
        strides: pair of integers.
        dilation_rate: pair of integers.

    Returns:
        Maps, (batch, ceil(height / strides), ceil(width / strides), out).
    """
    padding = [(d * (k // 2),) * 2 for k, d in zip(kernel.shape, dilation_rate)]
    if max(dilation_rate) > 1 and max(strides) > 1:
        x = ops.pad(x, [(0, 0), *padding, (0, 0)])
        x = ops.max_pool(x, 1, strides, "valid", "channels_last")
        padding = [(0, 0), (0, 0)]
        dilation_rate = [d // s for d, s in zip(dilation_rate, strides)]
        strides = (1, 1)
    return grouped_conv2d(x, kernel, groups, tuple(strides), padding, tuple(dilation_rate))


def grouped_product(x, kernel, groups):
    """Multiply vectors with a 1x1 kernel.

    Args:
        x: vectors, (batch, in).
        kernel: (1, 1, in / groups, out).
        groups: number of groups.

    Returns:
        Vectors, (batch, out).
    """
    inputs, outputs = kernel.shape[2:]
    if groups == 1:
        return x @ ops.reshape(kernel, (inputs, outputs))
    kernel = ops.reshape(kernel, (inputs, groups, outputs // groups))
    x = ops.reshape(x, (-1, groups, inputs))
    return ops.reshape(ops.einsum("bgi,igo->bgo", x, kernel), (-1, outputs))
