"""What training minimises: the cross-entropy of the logits."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kzoo")
class SmoothedCrossEntropy(keras.losses.Loss):
    """Cross-entropy of integer labels, part of whose target is spread evenly over all classes.

    `keras.losses.CategoricalCrossentropy` smooths labels, and takes them as vectors alone.

    Args:
        label_smoothing: the part, `0 <= label_smoothing < 1` (Szegedy et al. 2016, section 7).
        from_logits: whether predictions are logits, else probabilities.
    """

    def __init__(
        self,
        label_smoothing,
        from_logits=True,
        reduction="sum_over_batch_size",
        name="smoothed_cross_entropy",
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.label_smoothing = label_smoothing
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        return keras.losses.categorical_crossentropy(
            ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype),
            y_pred,
            from_logits=self.from_logits,
            label_smoothing=self.label_smoothing,
        )

    def get_config(self):
        return super().get_config() | {
            "label_smoothing": self.label_smoothing,
            "from_logits": self.from_logits,
        }


def cross_entropy(label_smoothing: float, from_logits: bool) -> keras.losses.Loss:
    """Return the loss for integer labels, as the mean over a batch, in float32."""
    if label_smoothing:
        return SmoothedCrossEntropy(label_smoothing, from_logits, dtype="float32")
    return keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits, dtype="float32")


def logits_model(model: keras.Model) -> tuple[keras.Model, bool]:
    """Return the model to train, and whether its output is logits.

    A final softmax layer is left out, so that the loss sees logits; the weights are shared. A last
    layer with a softmax inside (`Dense(10, activation="softmax")`) stays, and gives probabilities.
    A last layer without activation gives logits.

    Raises:
        TypeError: the model is neither functional nor a built `keras.Sequential` model.
        ValueError: it does not have one output of shape (batch, classes), two classes at least, or
            ends in another activation.
    """
    if not isinstance(model, keras.Model) or not hasattr(model, "outputs") or not model.built:
        raise TypeError(
            "fit takes a functional keras.Model, or a keras.Sequential model with an Input; "
            f"received {model!r}."
        )
    if len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
        shapes = [tuple(output.shape) for output in model.outputs]
        raise ValueError(
            "fit takes a classifier with one output of shape (batch, classes); the outputs of "
            f"{model.name} are {shapes}."
        )
    if model.outputs[0].shape[1] < 2:
        raise ValueError(
            f"fit takes a classifier of two classes or more; {model.name} ends in one unit, give "
            "it one unit for each class."
        )
    last = _last_layer(model)
    activation = _activation(last)
    if activation not in ("linear", "softmax"):
        raise ValueError(
            f"fit takes a classifier that ends in a softmax or in logits; {model.name} ends in "
            f"{activation!r}, build it with classifier_activation='softmax' or None."
        )
    if activation == "linear":
        return model, True
    if last is model.layers[-1] and isinstance(
        last, (keras.layers.Activation, keras.layers.Softmax)
    ):
        return keras.Model(model.input, last.input, name=model.name), True
    return model, False


def _last_layer(model):
    layer = model.layers[-1]
    return _last_layer(layer) if isinstance(layer, keras.Model) else layer


def _activation(layer):
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    return getattr(getattr(layer, "activation", None), "__name__", "linear")
