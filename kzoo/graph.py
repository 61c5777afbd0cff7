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


def head_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers from the activation back to the classifier, none where there is no top.

    A model of kzoo with its top ends in a layer "predictions", the activation; the classifier is
    the nearest layer before it that has a number of units or filters, that of the classes.
    """
    head: list[keras.layers.Layer] = []
    if model.layers[-1].name != "predictions":
        return head
    for operation in upstream(model.layers[-1].output):
        head.append(operation)
        if hasattr(operation, "units") or hasattr(operation, "filters"):
            return head
    return []
