"""Where windows lie along an axis, and whether a mirrored map has them in mirrored places.

Cohen and Welling, "Group Equivariant Convolutional Networks", ICML 2016
(https://arxiv.org/abs/1602.07576), section 6.1: a stride leaves only part of the symmetry.
"""

import warnings

from kzoo.layers._window import output_size, padding_before


def samples_symmetrically(size, span, stride, padding):
    """Return whether windows lie along an axis symmetrically about its middle.

    Args:
        size: length of the axis, or None where it is unknown.
        span: length of a window.
        stride: step between windows.
        padding: its padding, as in `_window`.

    Returns:
        True or False, or None where it depends on the unknown size.
    """
    if size is None and stride > 1:
        return None
    # With a stride of 1, any size that holds a window shows what holds for all.
    size = span if size is None else size
    before = padding_before(size, span, stride, padding)
    covered = (output_size(size, span, stride, padding) - 1) * stride + span
    return covered == size + 2 * before


def check_square(pair, name):
    """Refuse a pair that a rotation by 90 degrees, which swaps height and width, would change."""
    if pair[0] != pair[1]:
        raise ValueError(
            f"{name} must be the same for height and width, which a rotation swaps; received "
            f"{pair}."
        )


def check_symmetry(layer, sizes, span, padding):
    """Warn of, or refuse, sizes on which a layer with strides and padding is not equivariant.

    Args:
        layer: a layer with `strides` and `strict`; `strict=True` refuses, also where it
            depends on an unknown size, `False` warns where it is certain, and `None` does nothing.
        sizes: height and width, None where unknown.
        span: length of a window.
        padding: padding of both axes, as in `_window`.
    """
    if layer.strict is None:
        return
    for axis, size in zip(("height", "width"), sizes):
        exact = samples_symmetrically(size, span, layer.strides[0], padding)
        if exact or (exact is None and not layer.strict):
            continue
        message = (
            f"{type(layer).__name__} is {'not' if exact is False else 'not known to be'} exactly "
            f"equivariant on an input of {axis} {size}: windows of {span} positions, "
            f"{layer.strides[0]} apart, with padding={padding!r} do not lie symmetrically in "
            "it. Use another size, or pad equally on both sides, so that the stride divides "
            "size + padding - window; strict=None accepts it as it is."
        )
        if layer.strict:
            raise ValueError(message)
        warnings.warn(message, stacklevel=2)
        return
