"""Questions to the graph of a functional model, and replaying it with other layers."""

import inspect
from collections import Counter
from collections.abc import Collection

import keras
from keras import tree


def all_layers(model: keras.Model):
    """Yield the layers of a model, and after a nested model its layers."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from all_layers(layer)


def all_parts(model: keras.Model):
    """Yield the layers of a model and the layers that these are made of, parts after the whole."""
    yield from model._flatten_layers(include_self=False)


def upstream(tensor):
    """Yield the operations that lead to a tensor, from the last to the first that has one input."""
    while True:
        operation = tensor._keras_history.operation
        yield operation
        if isinstance(operation, keras.layers.InputLayer) or not isinstance(
            operation.input, keras.KerasTensor
        ):
            return
        tensor = operation.input


def copied(model: keras.Model, copy_of) -> keras.Model:
    """Return a copy of a functional model with its weights, its layers made by `copy_of(layer)`."""
    copy = keras.models.clone_model(model, clone_function=copy_of, recursive=True)
    copy.set_weights(model.get_weights())
    finalise_normalisation(copy)
    return copy


def finalise_normalisation(model: keras.Model):
    """Have layers use the statistics that were set as weights."""
    for layer in all_layers(model):
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def head_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers from the activation back to the classifier, none where there is no top.

    A model of kzoo with its top ends in a layer "predictions", the activation; the classifier is
    the nearest layer before it that has a number of units or filters, that of the classes.
    """
    if model.layers[-1].name != "predictions":
        return []
    return classifier_layers(model.layers[-1].output)


def classifier_layers(output) -> list[keras.layers.Layer]:
    """Return the layers from a tensor back to the nearest that has a number of units or filters."""
    found: list[keras.layers.Layer] = []
    for operation in upstream(output):
        if isinstance(operation, keras.layers.Layer):
            found.append(operation)
        if hasattr(operation, "units") or hasattr(operation, "filters"):
            return found
    return []


def require_functional(model):
    """Refuse what is not a functional or sequential model whose graph is known."""
    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a keras.Model; received {model!r}.")
    if not _has_graph(model):
        raise ValueError(
            f"{model.name} has no graph: it is a subclass of keras.Model, or not built yet; "
            "give a functional model."
        )


def _has_graph(operation):
    if not isinstance(operation, keras.Model) or not operation.built:
        return False
    return bool(getattr(operation, "inputs", None) and getattr(operation, "outputs", None))


def calls(targets: list, known: Collection[int] = ()) -> list:
    """Return the calls that lead to some tensors, each after those that it needs.

    Args:
        targets: tensors of one model.
        known: identities of the tensors at which to stop, such as the model's inputs.

    Returns:
        Keras's nodes, with `operation`, `input_tensors`, `output_tensors` and `arguments`.
    """
    order: dict = {}
    pending = [(tensor, False) for tensor in reversed(targets)]
    while pending:
        tensor, is_ready = pending.pop()
        if id(tensor) in known:
            continue
        operation, index, _ = tensor._keras_history
        node = operation._inbound_nodes[index]
        if is_ready:
            order[id(node)] = node
        elif id(node) not in order:
            pending.append((tensor, True))
            pending.extend((source, False) for source in reversed(node.input_tensors))
    return list(order.values())


def model_calls(model: keras.Model) -> list:
    """Return the calls of a model, as `calls` does; those that only make its inputs are left out.

    Raises:
        ValueError: see `require_functional`.
        TypeError: `model` is no `keras.Model`.
    """
    require_functional(model)
    return calls(model.outputs, {id(tensor) for tensor in model.inputs})


def replay(model: keras.Model, inputs: list, call, *, inside=True, training=None) -> list:
    """Call the operations of a model anew on other tensors.

    Args:
        model: functional or sequential model.
        inputs: tensors, one for each of `model.inputs`.
        call: function `(node, args, kwargs) -> result` that makes one call, where `node` is Keras's
            record of it in `model`, and the arguments hold what the earlier calls returned.
        inside: whether the calls within nested models are replayed, instead of the nested model.
        training: argument of the calls that have one and did not get it, `None` for none.

    Returns:
        What stands for each of `model.outputs`.
    """
    known = {id(tensor): value for tensor, value in zip(model.inputs, inputs, strict=True)}

    def new(value):
        return known[id(value)] if isinstance(value, keras.KerasTensor) else value

    for node in model_calls(model):
        arguments = (tuple(node.arguments.args), dict(node.arguments.kwargs))
        args, kwargs = tree.map_structure(new, arguments)
        operation = node.operation
        if inside and _has_graph(operation):
            inner = kwargs.pop("training", None)
            tensors = [value for value in tree.flatten((args, kwargs)) if value is not None]
            mode = training if inner is None else inner
            results = replay(operation, tensors, call, training=mode)
        else:
            if training is not None and "training" in inspect.signature(operation.call).parameters:
                kwargs = {"training": training} | kwargs
            results = tree.flatten(call(node, args, kwargs))
        known.update(
            (id(old), result) for old, result in zip(node.output_tensors, results, strict=True)
        )
    return [known[id(tensor)] for tensor in model.outputs]


def new_inputs(model: keras.Model) -> list:
    """Return inputs of a new model, like those of `model`."""
    return [
        keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)
        for tensor in model.inputs
    ]


def rebuild(model: keras.Model, inputs: list, outputs: list) -> keras.Model:
    """Return the model between new tensors that stand for the inputs and outputs of `model`."""
    if isinstance(model, keras.Sequential):
        return keras.Model(*inputs, *outputs, name=model.name)
    return keras.Model(
        tree.pack_sequence_as(model.input, inputs),
        tree.pack_sequence_as(model.output, outputs),
        name=model.name,
    )


def expand(model: keras.Model) -> keras.Model:
    """Return a model of the same layers in which no model is nested in another.

    It is `model` itself where there is none.

    Raises:
        ValueError: layers of different models have one name; see also `require_functional`.
        TypeError: `model` is no `keras.Model`.
    """
    nodes = model_calls(model)
    if not any(_has_graph(node.operation) for node in nodes):
        return model
    operations = {}

    def call(node, args, kwargs):
        operations[id(node.operation)] = node.operation
        return node.operation(*args, **kwargs)

    inputs = new_inputs(model)
    outputs = replay(model, inputs, call)
    names = Counter(operation.name for operation in operations.values())
    names.update(tensor.name for tensor in inputs)
    shared = [name for name, count in names.items() if count > 1]
    if shared:
        raise ValueError(
            f"layers of the models that are nested in {model.name} must have names of their own; "
            f"there are several called {', '.join(map(repr, shared))}."
        )
    return rebuild(model, inputs, outputs)


def data_format(model: keras.Model) -> str:
    """Return the data format of the first layer of a model that has one, or Keras's setting."""
    formats = (getattr(node.operation, "data_format", None) for node in model_calls(model))
    return next(filter(None, formats), keras.config.image_data_format())
