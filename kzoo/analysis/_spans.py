"""Which elements of an input the positions along one axis of a map see.

The first and the last element that position y sees are periodic in y, up to a shift: one window
repeats after every position, a map that was enlarged by f after every f positions. What lies
between the two counts as seen, also where a dilated window skips it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

Region = tuple[int, int] | None


@dataclass(frozen=True)
class Span:
    """What the positions along an axis see of one axis of the input.

    Attributes:
        axis: which spatial axis of the input, counted from 0.
        regions: first and last element seen by each of the positions 0 .. period - 1, None for one
            that sees nothing.
        step: elements of the input between a position and that one period after it.
        length: number of positions, None where it is unknown.
        is_placed: whether the regions are known, or only their sizes and distances.
    """

    axis: int
    regions: tuple[Region, ...]
    step: int
    length: int | None
    is_placed: bool = True

    @property
    def period(self) -> int:
        return len(self.regions)

    @property
    def stride(self) -> Fraction:
        return Fraction(self.step, self.period)

    @property
    def size(self) -> int:
        return max((last - first + 1 for first, last in filter(None, self.regions)), default=0)

    @property
    def center(self) -> Fraction | None:
        """Centre of what position 0 sees, on the line that fits all positions best."""
        seen = [(y, region) for y, region in enumerate(self.regions) if region is not None]
        if not self.is_placed or not seen:
            return None
        offsets = [Fraction(sum(region), 2) - y * self.stride for y, region in seen]
        return sum(offsets, Fraction(0)) / len(offsets)

    def region(self, position: int) -> Region:
        """Return the first and the last element that a position sees."""
        periods, phase = divmod(position, self.period)
        region = self.regions[phase]
        if region is None:
            return None
        return region[0] + periods * self.step, region[1] + periods * self.step


def whole_input(axis: int, length: int | None) -> Span:
    """Return the span of the input itself: position y sees element y."""
    return Span(axis, ((0, 0),), 1, length)


def hull(regions) -> Region:
    """Return the smallest region that holds all `regions`."""
    seen = [region for region in regions if region is not None]
    if not seen:
        return None
    return min(first for first, _ in seen), max(last for _, last in seen)


def window(
    span: Span, taps: int, stride: int, dilation: int, before: int | None, length: int | None
) -> Span:
    """Return what windows see that start `before` elements before an axis, None where unknown.

    Raises:
        ValueError: `before` is unknown and positions see fields of several sizes.
    """
    if before is None and span.period > 1:
        raise ValueError("the positions of its windows depend on the input size")
    start = before or 0
    period = span.period // gcd(span.period, stride)
    regions = tuple(
        hull(span.region(y * stride - start + tap * dilation) for tap in range(taps))
        for y in range(period)
    )
    step = span.step * (period * stride // span.period)
    placed = span.is_placed and before is not None
    return Span(span.axis, regions, step, length, placed)


def transposed_window(
    span: Span, taps: int, stride: int, dilation: int, before: int, length: int | None
) -> Span:
    """Return what the inputs of windows see of their outputs: a transposed convolution.

    Position y gets from position x where y = x * stride - before + tap * dilation.
    """

    def sources(y):
        for tap in range(taps):
            x, rest = divmod(y + before - tap * dilation, stride)
            if rest == 0:
                yield x

    return _enlarged(span, stride, lambda y: hull(map(span.region, sources(y))), length)


def upsampled(span: Span, factor: int, interpolation: str) -> Span:
    """Return what an axis sees that repeats every position, or interpolates between two."""

    def region(y):
        if interpolation == "nearest":
            return span.region(y // factor)
        # The positions are the middles of pixels: (y + 1/2) / factor - 1/2.
        low, rest = divmod(2 * y + 1 - factor, 2 * factor)
        return hull([span.region(low), span.region(low + (rest > 0))])

    length = None if span.length is None else span.length * factor
    return _enlarged(span, factor, region, length)


def resized(span: Span, size: int, length: int) -> Span:
    """Return what an axis of `size` elements sees that is made `length` long by its nearest ones.

    Position y takes element floor(y * size / length).
    """
    common = gcd(size, length)
    size, count = size // common, length // common
    repeats = span.period // gcd(span.period, size)
    regions = tuple(span.region(y * size // count) for y in range(count * repeats))
    step = span.step * (size * repeats // span.period)
    return Span(span.axis, regions, step, length, span.is_placed)


def _enlarged(span: Span, factor: int, region: Callable, length: int | None) -> Span:
    regions = tuple(region(y) for y in range(span.period * factor))
    return Span(span.axis, regions, span.step, length, span.is_placed)


def joined(spans: list[Span]) -> Span:
    """Return what an element-wise function of several axes sees: the hull of what each sees.

    They must have one stride. Where one is not placed, the largest field stands for all: they are
    taken to be aligned.

    Raises:
        ValueError: one is not placed and positions see fields of several sizes.
    """
    lengths = {span.length for span in spans if span.length != 1}
    length = lengths.pop() if len(lengths) == 1 else None
    if not all(span.is_placed for span in spans):
        if any(span.period > 1 for span in spans):
            raise ValueError("how its paths lie to each other depends on the input size")
        largest = max(spans, key=lambda span: span.size)
        return Span(largest.axis, largest.regions, largest.step, length, False)
    period = lcm(*(span.period for span in spans))
    regions = tuple(hull(span.region(y) for span in spans) for y in range(period))
    step = spans[0].step * (period // spans[0].period)
    return Span(spans[0].axis, regions, step, length)
