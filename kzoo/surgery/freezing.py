"""Holding a part of a model fixed while the rest is trained."""

import difflib

import keras

from kzoo.graph import calls, expand, head_layers, model_calls
from kzoo.surgery.features import find_level, level_tensors


def freeze(model: keras.Model, up_to: str | None = None) -> keras.Model:
    """Freeze the first part of a model, and make the rest trainable.

    Frozen layers have `trainable=False`; batch normalisation among them then works as at
    inference: it normalises with its moving statistics and leaves them as they are. Dropout and
    stochastic depth stay active. A compiled model has to be compiled again.

    Args:
        model: functional model. Layers of models nested in it are frozen one by one.
        up_to: the last part to freeze: a level such as "P3" (see `kzoo.feature_extractor`) or the
            name of a layer, in both cases with everything it is computed from. `None` freezes all
            but the head, for models that end in the layer "predictions".

    Returns:
        `model` itself.

    Example:

    >>> model = kzoo.freeze(kzoo.create_model("resnet20_cifar"))
    >>> [weight.path for weight in model.trainable_weights]
    ['fc/kernel', 'fc/bias']

    Raises:
        ValueError: a level or a layer that the model does not have, or no head to leave out.
        TypeError: `model` is no `keras.Model`, or `up_to` no string.
    """
    if up_to is not None and not isinstance(up_to, str):
        raise TypeError(f"up_to must be a level, the name of a layer, or None; received {up_to!r}.")
    flat = expand(model)
    frozen = _part(flat, up_to)
    _free(model)
    for operation in frozen:
        if isinstance(operation, keras.layers.Layer):
            operation.trainable = False
    return model


def unfreeze(model: keras.Model) -> keras.Model:
    """Make every layer of a model trainable again; returns the model.

    Example:

    >>> model = kzoo.freeze(kzoo.create_model("lenet5"))
    >>> len(kzoo.unfreeze(model).non_trainable_weights)
    0

    Raises:
        TypeError: `model` is no `keras.Model`.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a keras.Model; received {model!r}.")
    _free(model)
    return model


def _free(layer):
    """Make a layer trainable, and every layer in it."""
    # Keras on TensorFlow takes no notice of a value that the attribute has already.
    layer.trainable = False
    layer.trainable = True
    for inner in layer.layers if isinstance(layer, keras.Model) else ():
        _free(inner)


def _part(model, up_to):
    """Return the operations to freeze."""
    operations = {node.operation.name: node.operation for node in model_calls(model)}
    if up_to is None:
        head = head_layers(model)
        if not head:
            raise ValueError(
                f"{model.name} has no head to leave out: it does not end in a layer 'predictions'; "
                "name the last part to freeze, such as 'P5' or a layer."
            )
        return [operation for operation in operations.values() if operation not in head]
    if up_to in operations:
        nodes = [node for node in model_calls(model) if node.operation is operations[up_to]]
        target = nodes[-1].output_tensors[0]
    elif up_to[:1] == "P" and up_to[1:].isdigit():
        target = find_level(model, level_tensors(model), up_to)
    else:
        close = difflib.get_close_matches(up_to, operations, n=3)
        hint = f" Close names: {', '.join(close)}." if close else ""
        raise ValueError(
            f"what to freeze must be a level such as 'P3' or the name of a layer of {model.name}; "
            f"received {up_to!r}.{hint}"
        )
    return [node.operation for node in calls([target], {id(x) for x in model.inputs})]
