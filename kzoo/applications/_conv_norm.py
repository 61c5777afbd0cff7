"""Convolution, normalisation, activation: the unit that several families are made of.

The layers are called `name.conv` and `name.bn`, as in timm.
"""

from kzoo.applications._parts import activation, batch_norm, convolve


def conv_norm(
    x,
    options,
    filters,
    kernel_size,
    name,
    *,
    kind=None,
    strides=1,
    groups=1,
    padding="symmetric",
    norm=batch_norm,
):
    """Convolve without bias, normalise and activate.

    Args:
        kind: activation by its Keras name, or None.
        norm: function `(x, name) -> x`.
    """
    x = convolve(
        x,
        options,
        filters,
        kernel_size,
        strides=strides,
        groups=groups,
        padding=padding,
        name=f"{name}.conv",
    )
    return activation(norm(x, f"{name}.bn"), kind, f"{name}.act")
