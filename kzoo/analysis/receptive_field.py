"""The receptive field of a layer: which pixels of the input can change which of its outputs.

Araujo, Norris and Sim, Computing receptive fields of convolutional neural networks (Distill 2019,
https://distill.pub/2019/computing-receptive-fields): size, stride, padding, and graphs with paths.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction

import keras

from kzoo.analysis._spans import Span
from kzoo.analysis._view_walk import input_view, spatial_axes, walk
from kzoo.analysis._views import Options
from kzoo.graph import calls


@dataclass(frozen=True)
class AxisField:
    """What the positions of a layer see along one axis of the input, in pixels.

    Position y sees the pixels from y * stride - padding on, `size` of them, those outside the input
    included. Behind layers that enlarge a map, the stride is a fraction, and positions may see
    different numbers of pixels: `size` is the largest, and the formula gives the centre.

    Attributes:
        size: most pixels that a position sees; infinite where it sees all, whatever their number.
        stride: pixels between the centres of what two neighbours see; None where the layer has no
            neighbours along this axis.
        padding: pixels before the input that position 0 sees; None where it depends on the size of
            the input, which is not known, or where there is no such number.
        input_size: pixels of the input, None where unknown.
        output_size: positions of the layer, None where unknown.
    """

    size: int | float
    stride: int | float | None
    padding: int | float | None
    input_size: int | None
    output_size: int | None
    _span: Span | None = field(repr=False)

    def input_center(self, position: int) -> float:
        """Return the pixel that lies in the middle of what a position sees."""
        span, center = self._placed()
        return float(center + position * span.stride)

    def input_region(self, position: int) -> tuple[int, int] | None:
        """Return the first and the last pixel that a position sees, also outside the input.

        It is None for a position that sees nothing, as between the elements that a transposed
        convolution spreads out.
        """
        span, _ = self._placed()
        if math.isinf(self.size):
            raise ValueError(
                "every position sees the whole input, which has no first and last pixel outside; "
                "pass ignore_gates=True to leave out weights made from the whole map."
            )
        return span.region(position)

    def feature_at(self, pixel: float) -> int:
        """Return the position whose centre is nearest to a pixel, within the layer's map."""
        span, center = self._placed()
        position = max(0, math.ceil((Fraction(pixel) - center) / span.stride - Fraction(1, 2)))
        return position if self.output_size is None else min(position, self.output_size - 1)

    def _placed(self) -> tuple[Span, Fraction]:
        if self._span is None:
            raise ValueError(
                "a layer without positions has no centre: it sees the whole input; name one with "
                "positions."
            )
        center = self._span.center
        if center is None:
            raise ValueError(
                "where a position looks depends on the size of the input ('same' padding with "
                "strides); pass input_size."
            )
        return self._span, center


@dataclass(frozen=True)
class ReceptiveField:
    """What the positions of a layer see of the input.

    Attributes:
        layer: name of the layer.
        axes: one field for each spatial axis: length, or height and width.
    """

    layer: str
    axes: tuple[AxisField, ...]

    @property
    def size(self) -> tuple[int | float, ...]:
        return tuple(axis.size for axis in self.axes)

    @property
    def stride(self) -> tuple[int | float | None, ...]:
        return tuple(axis.stride for axis in self.axes)

    @property
    def padding(self) -> tuple[int | float | None, ...]:
        return tuple(axis.padding for axis in self.axes)

    def input_center(self, position) -> tuple[float, ...]:
        """Return the pixel in the middle of what a position sees, both one number an axis."""
        return tuple(axis.input_center(y) for axis, y in self._zip(position, "position"))

    def input_region(self, position) -> tuple[tuple[int, int] | None, ...]:
        """Return for each axis the first and the last pixel that a position sees."""
        return tuple(axis.input_region(y) for axis, y in self._zip(position, "position"))

    def feature_at(self, pixel) -> tuple[int, ...]:
        """Return the position whose centre is nearest to a pixel, both one number an axis."""
        return tuple(axis.feature_at(x) for axis, x in self._zip(pixel, "pixel"))

    def _zip(self, values, name):
        if not isinstance(values, (tuple, list)) or len(values) != len(self.axes):
            raise ValueError(
                f"{name} must have one number for each of the {len(self.axes)} axes; received "
                f"{values!r}."
            )
        return zip(self.axes, values)


def receptive_field(
    model: keras.Model,
    output: str | None = None,
    input_size=None,
    *,
    ignore_gates: bool = False,
    allow_misaligned: bool = False,
    pointwise=(),
) -> ReceptiveField:
    """Return the receptive field of a layer of a functional model.

    Where paths join, it is the field of all of them, and they must be aligned: one stride, and one
    centre. Every position behind a global pooling, a `Flatten` or a squeeze-and-excite sees
    everything: its size is infinite. Statistics that a normalisation takes at run time, the indices
    of an unpooling and the table of a connection table count as constants.

    Strided `same` padding lies differently in inputs of different size; where that is unknown, so
    is the padding of the field, and paths are taken to be aligned.

    Args:
        model: functional or sequential `keras.Model` with one input.
        output: name of a layer; None for the last one that still has positions.
        input_size: one integer for all spatial axes, or one for each, where the model takes any.
        ignore_gates: whether weights made from the whole map, as those of a squeeze-and-excite,
            count as constants. Published figures mostly do so.
        allow_misaligned: whether paths with different centres may join, as strided `same` padding
            makes them in some published networks; the field then holds all of them.
        pointwise: names of layers that mix no positions, for layers that kzoo does not know.

    Raises:
        TypeError: `model` is not a model that was built of layers, or has several inputs.
        ValueError: paths are not aligned, a layer is not known, has no such name, or an input size
            that the model does not take.

    Example:

    >>> inputs = keras.Input((32, 32, 3))
    >>> x = keras.layers.Conv2D(8, 5, strides=2, padding="same")(inputs)
    >>> model = keras.Model(inputs, keras.layers.Conv2D(8, 3)(x))
    >>> field = kzoo.analysis.receptive_field(model)
    >>> field.size, field.stride, field.padding
    ((9, 9), (2, 2), (1, 1))
    >>> field.input_center((0, 3))
    (3.0, 9.0)

    Reference:
        Araujo, Norris and Sim (2019); their library refuses the same graphs.
    """
    return located(model, output, input_size, ignore_gates, allow_misaligned, pointwise)[1]


def located(
    model, output=None, input_size=None, ignore_gates=False, allow_misaligned=False, pointwise=()
):
    """Return a layer's output with its receptive field; see `receptive_field`."""
    check_model(model)
    sizes = input_sizes(model, input_size)
    names = frozenset((pointwise,) if isinstance(pointwise, str) else pointwise)
    views = (input_view(model, sizes),)
    options = Options(bool(ignore_gates), bool(allow_misaligned), names)
    tensor, view = _find_output(model, output, views, options)
    axes = tuple(_axis_field(view, axis, size) for axis, size in enumerate(sizes))
    return tensor, ReceptiveField(tensor._keras_history.operation.name, axes)


def _find_output(model, output, views, options):
    """Return the output of the layer `output`, or of the last with positions, and its view."""
    tensor = None if output is None else output_tensor(model, output)
    targets = model.outputs if tensor is None else [tensor]
    found, nested = None, None
    known = {}
    for reached, operation, view in walk(model, views, targets, options):
        known[id(reached)] = view
        if reached is tensor or (tensor is None and any(view.spans)):
            found, nested = (reached, view), None
        elif isinstance(operation, keras.Model) and _has_positions_inside(reached, known, options):
            nested = operation
    if tensor is None and nested is not None:
        raise ValueError(
            f"the last layer with positions is within the nested model {nested.name!r}; analyse "
            "that model, or name an output."
        )
    if found is None:
        raise ValueError(f"model {model.name!r} has no layer with positions; name an output.")
    return found


def _has_positions_inside(tensor, known, options):
    """Return whether a layer of the nested model that made a tensor has positions."""
    model, index, _ = tensor._keras_history
    views = tuple(known[id(source)] for source in model._inbound_nodes[index].input_tensors)
    inside = {}
    for reached, operation, view in walk(model, views, model.outputs, options):
        inside[id(reached)] = view
        if any(view.spans) and not isinstance(operation, keras.layers.InputLayer):
            return True
        if isinstance(operation, keras.Model) and _has_positions_inside(reached, inside, options):
            return True
    return False


def output_tensor(model: keras.Model, name: str):
    """Return the output of the layer or operation called `name`, of several outputs the first."""
    if not isinstance(name, str):
        raise TypeError(f"output must be the name of a layer; received {name!r}.")
    nodes = calls(model.outputs)
    found = [node for node in nodes if node.operation.name == name]
    if not found:
        last = ", ".join(repr(node.operation.name) for node in nodes[-5:])
        raise ValueError(
            f"output must be a layer of {model.name!r}; received {name!r}. Its last are {last}."
        )
    if len(found) > 1:
        raise ValueError(
            f"output must be a layer that is called once; {name!r} is called {len(found)} times: "
            "name the layer after the call that is meant."
        )
    return found[0].output_tensors[0]


def check_model(model):
    if not isinstance(model, keras.Model) or not getattr(model, "outputs", None):
        raise TypeError(
            f"model must be a functional or a built sequential keras.Model; received {model!r}."
        )
    if len(model.inputs) != 1:
        raise TypeError(
            f"model must have one input; {model.name!r} has {len(model.inputs)}: make a model of "
            "the part that is meant."
        )


def input_sizes(model, input_size):
    shape = model.inputs[0].shape
    built = tuple(shape[axis] for axis in spatial_axes(model))
    if input_size is None:
        return built
    sizes = (input_size,) * len(built) if isinstance(input_size, int) else tuple(input_size)
    if len(sizes) != len(built) or not all(isinstance(n, int) and n > 0 for n in sizes):
        raise ValueError(
            f"input_size must be a positive integer, or {len(built)} of them; received "
            f"{input_size!r}."
        )
    if any(size not in (None, given) for size, given in zip(built, sizes)):
        raise ValueError(
            f"input_size must be that of {model.name!r}, {built}; received {input_size!r}. Leave "
            "it out, or build the model with unknown sizes."
        )
    return sizes


def _axis_field(view, axis, input_size):
    span = next((span for span in view.spans if span is not None and span.axis == axis), None)
    sees_all = axis in view.whole
    if span is None:
        return AxisField(math.inf, None, None, input_size, None, None)
    padding = None
    if span.center is not None and not sees_all:
        padding = _plain(Fraction(span.size - 1, 2) - span.center)
    return AxisField(
        size=math.inf if sees_all else span.size,
        stride=_plain(span.stride),
        padding=padding,
        input_size=input_size,
        output_size=span.length,
        _span=span,
    )


def _plain(value):
    return int(value) if value.denominator == 1 else float(value)
