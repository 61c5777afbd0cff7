"""Parameters, multiply-adds and activations of a model, and a table of them layer by layer."""

from collections.abc import Collection
from math import prod
from typing import Any, NamedTuple

import keras
from keras import tree

from kzoo.analysis._costs import Cost, LayerCall, UnknownCostError
from kzoo.analysis._layer_costs import cost_of
from kzoo.graph import replay, require_functional


class LayerRow(NamedTuple):
    """One call of a layer, in a model's table.

    Attributes:
        name: of the layer, or of the operation of `keras.ops`.
        kind: its class.
        output_shape: without the batch; one such shape for each of several outputs.
        parameters: of the layer, those left out that an earlier row has.
        multiply_adds: of the call.
        activations: of the call.
    """

    name: str
    kind: str
    output_shape: tuple
    parameters: int
    multiply_adds: int
    activations: int


def count_parameters(model: keras.Layer) -> int:
    """Return the number of trainable parameters of a built model or layer, frozen ones included.

    Each weight counts once, however many layers use it. What training changes by other means than
    gradients, and what it never changes, is counted by `count_buffers`.

    Raises:
        ValueError: it is not built yet.
    """
    return _size(_split_weights(model)[0])


def count_buffers(model: keras.Layer) -> int:
    """Return how many numbers a built model or layer holds beside its parameters.

    They are the elements of the weights that were made untrainable, as PyTorch's buffers: the
    moving statistics of batch normalisation, fixed kernels. Frozen weights are parameters; the
    states of random generators, and those of metrics and the optimizer, are neither. PyTorch's
    batch normalisation has one more, its number of batches.

    Raises:
        ValueError: it is not built yet.
    """
    return _size(_split_weights(model)[1])


def count_multiply_adds(
    model: keras.Model, input_shape=None, leave_out: Collection[str] = ()
) -> int:
    """Return the multiply-adds of one input through convolutions and matrix products.

    A convolution has as many as its outputs have elements, times the inputs that each of them sums
    over, zeros of the padding included. Normalisation, activation functions, pooling, scaling and
    biases are left out; a blur pooling is a convolution. A complex product counts as four real
    ones. Every call of a layer counts. The figures that timm prints hold two more for each element
    of a batch normalisation, five for each of another one.

    Args:
        model: functional or built sequential model, with others nested in it or not.
        input_shape: shape of an input without the batch, for a model that takes several sizes; a
            list of shapes for a model of several inputs; None for the shape it was built with.
        leave_out: names of layers that are not counted, for layers that kzoo does not know.

    Raises:
        ValueError: a size that is not known, a shape that the model does not take, a layer of
            another package that has weights of two axes or more, or a name that no layer has.
        TypeError: `model` is no `keras.Model`, or a shape is not one of integers.

    Example:

    >>> model = kzoo.create_model("resnet18", input_shape=(None, None, 3))
    >>> kzoo.analysis.count_multiply_adds(model, input_shape=(224, 224, 3))
    1814073344
    """
    rows = layer_table(model, input_shape, leave_out)
    return sum(row.multiply_adds for row in rows)


def count_flops(model: keras.Model, input_shape=None, leave_out: Collection[str] = ()) -> int:
    """Return the floating-point operations of one input: two for each multiply-add.

    Arguments and errors are those of `count_multiply_adds`, and so is what is left out.
    """
    return 2 * count_multiply_adds(model, input_shape, leave_out)


def count_activations(model: keras.Model, input_shape=None, leave_out: Collection[str] = ()) -> int:
    """Return how many elements the convolutions and matrix products put out for one input.

    It tells more of the time and the memory that a network takes than its multiply-adds do
    (Radosavovic et al., Designing network design spaces, CVPR 2020). Arguments and errors are those
    of `count_multiply_adds`.
    """
    rows = layer_table(model, input_shape, leave_out)
    return sum(row.activations for row in rows)


def layer_table(
    model: keras.Model, input_shape=None, leave_out: Collection[str] = ()
) -> list[LayerRow]:
    """Return one row for each call of a layer, those in nested models too, in their order.

    Arguments and errors are those of `count_multiply_adds`.
    """
    rows: list[LayerRow] = []
    seen: set[int] = set()
    left_out = {leave_out} if isinstance(leave_out, str) else set(leave_out)
    for call in _layer_calls(model, input_shape):
        operation = call.layer
        parameters = []
        if isinstance(operation, keras.Layer):
            parameters = [w for w in _split_weights(operation)[0] if id(w) not in seen]
            seen.update(map(id, parameters))
        cost = Cost() if operation.name in left_out else _known_cost(call)
        shapes = tuple(shape[1:] for shape in call.output_shapes)
        rows.append(
            LayerRow(
                name=operation.name,
                kind=type(operation).__name__,
                output_shape=shapes[0] if len(shapes) == 1 else shapes,
                parameters=_size(parameters),
                multiply_adds=cost.multiply_adds,
                activations=cost.activations,
            )
        )
    unknown = sorted(left_out - {row.name for row in rows})
    if unknown:
        raise ValueError(
            f"leave_out must name layers of {model.name}, those of nested models one by one; it "
            f"has none called {', '.join(unknown)}."
        )
    return rows


def _known_cost(call):
    try:
        return cost_of(call)
    except UnknownCostError as error:
        raise ValueError(
            f"the multiply-adds of {type(error.layer).__name__} {error.layer.name!r} are not "
            f"known, and {error.why}; pass leave_out=({call.layer.name!r},) to count the others, "
            "and add its own."
        ) from None


def _size(weights):
    return sum(prod(weight.shape) for weight in weights)


def _split_weights(layer):
    """Return the weights that were made trainable, whether or not they are now, and the others.

    Keras tells of a frozen layer's weights in public only that none of them is trainable.
    """
    if not layer.built:
        raise ValueError(f"{layer.name!r} has no weights yet; build it, or call it, first.")
    trained = {id(w) for part in layer._flatten_layers() for w in part._trainable_variables}
    weights = layer.weights
    return (
        [weight for weight in weights if id(weight) in trained],
        [weight for weight in weights if id(weight) not in trained],
    )


def _layer_calls(model, input_shape):
    """Return the calls of a model on inputs of known size, those of nested models included."""
    require_functional(model)
    shapes = _input_shapes(model, input_shape)
    inputs = [
        keras.KerasTensor((None, *shape), dtype=tensor.dtype)
        for tensor, shape in zip(model.inputs, shapes, strict=True)
    ]
    found = []

    def call(node, args, kwargs):
        tensors = [value for value in tree.flatten((args, kwargs)) if _is_tensor(value)]
        new = tuple(tuple(tensor.shape) for tensor in tensors)
        result = node.output_tensors
        if new != tuple(tuple(tensor.shape) for tensor in node.input_tensors):
            result = tree.flatten(node.operation.compute_output_spec(*args, **kwargs))
        if _has_unknown(result):
            # By its call, where the layer's own rule, as `EinsumDense`'s, leaves sizes open.
            result = tree.flatten(
                keras.Operation.compute_output_spec(node.operation, *args, **kwargs)
            )
        outputs = tuple(tuple(tensor.shape) for tensor in result)
        if _has_unknown(result):
            raise ValueError(
                f"multiply-adds depend on the sizes, and {type(node.operation).__name__} "
                f"{node.operation.name!r} has an output of unknown size, {outputs}; build the "
                "model with sizes that are known."
            )
        found.append(LayerCall(node.operation, args, new, outputs, kwargs))
        return result

    replay(model, inputs, call)
    return found


def _has_unknown(tensors):
    return any(None in tensor.shape[1:] for tensor in tensors)


def _is_tensor(value):
    return isinstance(value, keras.KerasTensor)


def _input_shapes(model, input_shape):
    built = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    if input_shape is None:
        shapes = built
        if any(None in shape for shape in shapes):
            raise ValueError(
                f"multiply-adds depend on the input size, and {model.name} takes any "
                f"({_printed(built)}); pass an input_shape of numbers, or build it with one."
            )
        return shapes
    given: Any = input_shape if isinstance(input_shape, (tuple, list)) else [input_shape]
    shapes = [given] if _are_integers(given) else given
    if not all(isinstance(shape, (tuple, list)) and _are_integers(shape) for shape in shapes):
        raise TypeError(f"input_shape must hold integers; received {input_shape!r}.")
    fits = len(shapes) == len(built) and all(
        len(shape) == len(known)
        and all(size > 0 and own in (None, size) for size, own in zip(shape, known))
        for shape, known in zip(shapes, built)
    )
    if not fits:
        raise ValueError(
            f"input_shape must be one that {model.name} takes ({_printed(built)}), without the "
            f"batch, and a list of them for several inputs; received {input_shape!r}."
        )
    return [tuple(shape) for shape in shapes]


def _are_integers(sizes):
    return all(isinstance(size, int) for size in sizes)


def _printed(shapes):
    return ", ".join(map(str, shapes))
