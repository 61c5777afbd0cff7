"""Width and depth as options: the row of a variant with some of its numbers scaled.

A number of channels c becomes the multiple of m nearest to c times the width, at least m, where m
is the greatest common divisor of c and 8: 64 channels go in steps of 8, 20 in steps of 4, 15 in
steps of 1. A family whose channels are several planes each has a smaller number in place of 8. A
number of blocks n becomes the whole number nearest to n times the depth, at least 1. A field that
is a factor itself (a float) is multiplied; 0 and `None`, for nothing, stay.

A family says which fields these are by their paths, such as `"stages.rows.channels"`: a tuple is
mapped over, element by element, at every place of the path. Of a field that ends in an index, such
as `"convs[0]"`, only that element of each innermost tuple is scaled.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

DIVISOR = 8

OPTIONS = {
    "width": "factor of the numbers of channels",
    "depth": "factor of the numbers of blocks",
}


def scale_channels(channels: int, width: float, divisor: int = DIVISOR) -> int:
    """Return the number of channels at a width."""
    step = math.gcd(channels, divisor)
    return max(step, round(channels * width / step) * step)


def scale_blocks(blocks: int, depth: float) -> int:
    """Return the number of blocks at a depth; halves are rounded to even."""
    return max(1, round(blocks * depth))


def scale_row(row, paths: Sequence[str], factor: float, rule: Callable[[int, float], int]):
    """Return a configuration with the numbers at `paths` scaled.

    Args:
        row: dataclass, or tuple of dataclasses.
        paths: the fields, see the module.
        factor: 1 gives `row` itself.
        rule: `scale_channels` or `scale_blocks`.
    """
    if factor == 1:
        return row

    def scale(number):
        if not number:
            return number
        return number * factor if isinstance(number, float) else rule(number, factor)

    for path in paths:
        names, bracket, index = path.partition("[")
        only = int(index.rstrip("]")) if bracket else None
        row = _replace_at(row, names.split("."), only, scale)
    return row


def _replace_at(value: Any, names: Sequence[str], only: int | None, scale) -> Any:
    """Scale the field that a path of names leads to."""
    if not names:
        return _map(value, only, scale)
    if isinstance(value, tuple):
        return tuple(_replace_at(item, names, only, scale) for item in value)
    first, *others = names
    field = _replace_at(getattr(value, first), others, only, scale)
    return dataclasses.replace(value, **{first: field})


def _map(value, only, scale):
    """Scale a number, the numbers of nested tuples, or element `only` of the innermost ones."""
    if not isinstance(value, tuple):
        return scale(value)
    if only is None or any(isinstance(item, tuple) for item in value):
        return tuple(_map(item, only, scale) for item in value)
    return (*value[:only], scale(value[only]), *value[only + 1 :])
