"""Questions to the graph of a functional model."""

import keras


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


def classifier_layer(model: keras.Model) -> keras.layers.Layer | None:
    """Return the layer that makes the logits, or `None` where the model has no top.

    A model of kzoo with its top ends in a layer "predictions", the activation; the classifier is
    the nearest layer with weights before it.
    """
    last = model.layers[-1]
    if last.name != "predictions":
        return None
    for operation in upstream(last.output):
        if getattr(operation, "weights", None):
            return operation
    return None
