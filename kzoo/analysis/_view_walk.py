"""Walking the graph of a functional model, from its input to what each tensor sees of it."""

from collections.abc import Iterator
from dataclasses import replace

import keras

from kzoo.analysis._spans import Span, whole_input
from kzoo.analysis._view_rules import view_after
from kzoo.analysis._views import Call, Options, View
from kzoo.graph import calls


def spatial_axes(model: keras.Model) -> tuple[int, ...]:
    """Return the axes of the model's input that are places, by the data format of its layers."""
    formats = [layer.data_format for layer in _layers(model) if hasattr(layer, "data_format")]
    data_format = formats[0] if formats else keras.config.image_data_format()
    rank = len(model.inputs[0].shape)
    return tuple(range(1, rank - 1) if data_format == "channels_last" else range(2, rank))


def _layers(model):
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


def input_view(model: keras.Model, sizes: tuple[int | None, ...]) -> View:
    """Return the view of the input of a model, whose spatial axes have `sizes`."""
    spans: list[Span | None] = [None] * len(model.inputs[0].shape)
    for i, (axis, size) in enumerate(zip(spatial_axes(model), sizes)):
        spans[axis] = whole_input(i, size)
    return View(tuple(spans))


def walk(
    model: keras.Model,
    views: tuple[View, ...],
    targets: list,
    options: Options,
) -> Iterator[tuple[keras.KerasTensor, keras.Operation, View]]:
    """Yield the tensors up to `targets`, each with the operation it comes from and its view.

    Args:
        model: functional or sequential model.
        views: of its inputs.
        targets: tensors of the model.
        options: what counts, and what is refused.
    """
    known = {id(tensor): view for tensor, view in zip(model.inputs, views)}
    for tensor in model.inputs:
        yield tensor, tensor._keras_history.operation, known[id(tensor)]
    for node in calls(targets, set(known)):
        operation = node.operation
        inputs = node.input_tensors
        call = Call(
            operation,
            tuple(known[id(tensor)] for tensor in inputs),
            tuple(tensor._keras_history.operation.name for tensor in inputs),
            tuple(tuple(tensor.shape) for tensor in inputs),
            tuple(tuple(tensor.shape) for tensor in node.output_tensors),
            node.arguments.args,
            options,
        )
        if isinstance(operation, keras.Model):
            results = _walk_inside(call)
        else:
            results = [view_after(call)] * len(node.output_tensors)
        for tensor, view in zip(node.output_tensors, results):
            known[id(tensor)] = _settled(call, view, tuple(tensor.shape))
            yield tensor, operation, known[id(tensor)]


def _walk_inside(call):
    model = call.operation
    found = {
        id(tensor): view for tensor, _, view in walk(model, call.views, model.outputs, call.options)
    }
    return [found[id(tensor)] for tensor in model.outputs]


def _settled(call, view, shape):
    """Check the lengths of a view against the shape of its tensor, and take those it lacks."""
    spans = list(view.spans)
    for axis, (span, size) in enumerate(zip(spans, shape, strict=True)):
        if span is None or size is None or size == span.length:
            continue
        if span.length is not None:
            raise call.refuse(
                f"has an output of {size} positions along axis {axis}, where the receptive field "
                f"finds {span.length}: name an output before it"
            )
        spans[axis] = replace(span, length=size)
    return replace(view, spans=tuple(spans))
