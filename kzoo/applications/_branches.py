"""Parallel branches that training keeps apart and that one convolution can replace afterwards.

Ding et al., RepVGG (CVPR 2021), section 3.3, with several branches of the full kernel as in
Vasu et al., MobileOne (CVPR 2023), section 3.3.
"""

import keras

from kzoo.applications._conv_norm import conv_norm
from kzoo.applications._family import channel_axis
from kzoo.applications._parts import batch_norm, drop_path


def branches(
    x,
    options,
    filters,
    kernel_size,
    name,
    *,
    kernels,
    pointwise=None,
    strides=1,
    groups=1,
    rate=0.0,
):
    """Sum convolutions of one input, each normalised, and the normalised input.

    Args:
        kernels: names of the branches with the full kernel.
        pointwise: name of the branch with a 1x1 kernel, None for none.
        rate: stochastic depth of the convolutions, where the input is added to them.

    Returns:
        The sum; the input is part of it where neither its size nor its channels change.
    """
    shape = {"strides": strides, "groups": groups}
    sizes = dict.fromkeys(kernels, kernel_size)
    if pointwise:
        sizes[pointwise] = 1
    paths = [
        conv_norm(x, options, filters, size, f"{name}.{branch}", **shape)
        for branch, size in sizes.items()
    ]
    y = keras.layers.Add(name=f"{name}.sum")(paths) if len(paths) > 1 else paths[0]
    if strides > 1 or x.shape[channel_axis()] != filters:
        return y
    y = drop_path(y, rate, f"{name}.drop_path")
    return keras.layers.Add(name=f"{name}.add")([y, batch_norm(x, f"{name}.identity")])
