"""What a tensor sees of the input, and what one call of an operation makes of it."""

from dataclasses import dataclass, replace

import keras

from kzoo.analysis._spans import Span, joined


@dataclass(frozen=True)
class View:
    """What the elements of a tensor see.

    Attributes:
        spans: one for each axis of the tensor, None where its positions are no places of the input.
        whole: the spatial axes of the input of which every element sees all.
    """

    spans: tuple[Span | None, ...]
    whole: frozenset[int] = frozenset()

    def without_places(self, rank: int) -> "View":
        """Return the view of a tensor of `rank` axes whose elements each see all of this one."""
        return View((None,) * rank, self.whole | self.axes(range(len(self.spans))))

    def axes(self, positions) -> frozenset[int]:
        """Return the axes of the input that some axes of the tensor run along."""
        spans = (self.spans[position] for position in positions)
        return frozenset(span.axis for span in spans if span is not None)


@dataclass(frozen=True)
class Options:
    """What counts, and what is refused, on a walk through a graph.

    Attributes:
        ignore_gates: whether weights that see the whole map count as constants.
        allow_misaligned: whether paths with different centres may join.
        pointwise: names of layers that mix no positions.
    """

    ignore_gates: bool
    allow_misaligned: bool
    pointwise: frozenset[str]


@dataclass(frozen=True)
class Call:
    """One call of an operation.

    Attributes:
        operation: layer or operation.
        views: of its inputs.
        names: of the operations that the inputs come from.
        input_shapes: of the inputs.
        output_shapes: of the outputs.
        arguments: the positional arguments of the call, tensors included.
        options: of the walk that the call is part of.
    """

    operation: keras.Operation
    views: tuple[View, ...]
    names: tuple[str, ...]
    input_shapes: tuple[tuple, ...]
    output_shapes: tuple[tuple, ...]
    arguments: tuple
    options: Options

    @property
    def view(self) -> View:
        return self.views[0]

    @property
    def rank(self) -> int:
        return len(self.output_shapes[0])

    @property
    def kind(self) -> str:
        return type(self.operation).__name__

    def refuse(self, why: str) -> ValueError:
        return ValueError(f"{self.kind} {self.operation.name!r} {why}.")

    def places(self, count: int, rank: int) -> list[int]:
        """Return the spatial axes of a tensor, by the layer's data format where it has one."""
        if getattr(self.operation, "data_format", None) == "channels_first":
            return list(range(rank - count, rank))
        return list(range(1, count + 1))

    def along_places(self, count: int, change) -> View:
        """Apply `change(i, span)` to the spatial axes, which the output has too."""
        spans: list[Span | None] = [None] * self.rank
        sources = self.places(count, len(self.view.spans))
        for i, (source, target) in enumerate(zip(sources, self.places(count, self.rank))):
            span = self.view.spans[source]
            spans[target] = None if span is None else change(i, span)
        stray = set(range(len(self.view.spans))) - set(sources)
        if self.view.axes(stray):
            raise self.refuse(
                "mixes positions along an axis that it takes for channels or batch; give the model "
                "and its layers one data_format"
            )
        return replace(self.view, spans=tuple(spans))


def join(call: Call, views: tuple[View, ...], names: tuple[str, ...]) -> View:
    """Return the view of an element-wise function of tensors, which NumPy's rule broadcasts.

    Raises:
        ValueError: paths with different strides or centres meet.
    """
    rank = max(len(view.spans) for view in views)
    spans: list[Span | None] = []
    for axis in range(-rank, 0):
        met = [
            (span, name)
            for view, name in zip(views, names)
            for span in view.spans[axis : axis + 1 or None]
            if span is not None and -axis <= len(view.spans)
        ]
        for span, name in met[1:]:
            _check_aligned(call, met[0], (span, name))
        try:
            spans.append(joined([span for span, _ in met]) if met else None)
        except ValueError as error:
            raise call.refuse(f"cannot be analysed: {error}; give input_size") from error
    return View(tuple(spans), frozenset().union(*(view.whole for view in views)))


def _check_aligned(call, one, other):
    (a, first), (b, second) = one, other
    if a.axis != b.axis:
        raise call.refuse(f"joins {first!r} and {second!r} along different axes of the input")
    if a.stride != b.stride:
        raise call.refuse(
            f"joins paths that are not aligned: {first!r} has stride {a.stride} and {second!r} has "
            f"stride {b.stride} along axis {a.axis}"
        )
    if None in (a.center, b.center) or call.options.allow_misaligned:
        return
    if a.center != b.center:
        raise call.refuse(
            f"joins paths that are not aligned: position 0 of {first!r} is centred at pixel "
            f"{float(a.center):g} of axis {a.axis}, that of {second!r} at {float(b.center):g}; "
            "change the padding or the input size, or pass allow_misaligned=True"
        )
