"""Changing a built model."""

import keras

from kzoo.graph import finalise_normalisation, head_layers
from kzoo.layers._args import integer


def replace_head(
    model: keras.Model, classes: int, *, classifier_activation: str | None = "softmax"
) -> keras.Model:
    """Return the model with a new classifier for another number of classes.

    Every other layer is a copy that keeps its weights and its `trainable` setting; the model given
    is left as it was.

    Args:
        model: a functional model that ends in the layer "predictions", as every model of kzoo with
            its top does, loaded from a file or not.
        classes: new number of classes.
        classifier_activation: activation of the new head; `None` gives logits.

    Example:

    >>> model = kzoo.create_model("resnet20_cifar")
    >>> kzoo.replace_head(model, 3).output_shape
    (None, 3)

    Raises:
        ValueError: the model has no top, or `classes` is below 1.
        TypeError: `model` is no `keras.Model`, or `classes` no integer.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a keras.Model; received {model!r}.")
    classes = integer(classes, "classes")
    head = head_layers(model)
    if not head:
        raise ValueError(
            f"{model.name} has no classifier to replace: it does not end in a layer 'predictions'; "
            "build it with include_top=True."
        )
    classifier = head[-1]
    size = "units" if hasattr(classifier, "units") else "filters"

    def copy(layer):
        config = layer.get_config()
        if layer is classifier:
            config[size] = classes
        elif layer in head and isinstance(layer, keras.layers.Reshape):
            config["target_shape"] = (classes,)
        if layer.name == "predictions":
            config["activation"] = keras.activations.serialize(
                keras.activations.get(classifier_activation)
            )
        return type(layer).from_config(config)

    new = keras.models.clone_model(model, clone_function=copy)
    for old_layer, new_layer in zip(model.layers, new.layers):
        if old_layer not in head:
            new_layer.set_weights(old_layer.get_weights())
    finalise_normalisation(new)
    return new
