"""What training minimises and counts, for labels and for targets that are mixed of classes."""

import keras
from keras import layers, ops

# Layers whose output is of probabilities where their inputs are.
_KEEPING = (
    layers.Activation,
    layers.Identity,
    layers.Average,
    layers.Flatten,
    layers.Reshape,
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
    layers.AveragePooling1D,
    layers.AveragePooling2D,
)
# Of layers and of the operations of `keras.ops`, by class.
_FUNCTIONS = {"Softmax": "softmax", "LogSoftmax": "log_softmax", "Sigmoid": "sigmoid"}


@keras.saving.register_keras_serializable(package="kzoo")
class ClassificationLoss(keras.losses.Loss):
    """Cross-entropy of labels or of targets, or binary cross-entropy of each class.

    Keras's losses take either labels or targets; here a training that mixes examples can be
    validated on plain labels. Its smoothing of binary targets is towards 1/2, and here, as in the
    training of Wightman et al. (2021), towards one over the number of classes.

    Args:
        binary: whether each class is told from all others (the mean over classes), instead of one
            from all.
        label_smoothing: part of the target that is spread evenly over all classes,
            `0 <= label_smoothing < 1` (Szegedy et al. 2016, section 7).
        target_threshold: above which a target is 1, and else 0; `None` leaves it as it is.
        from_logits: whether predictions are logits, else probabilities.

    Call arguments:
        y_true: labels, (batch,) or (batch, 1) integers, or targets, (batch, classes) that sum to 1.
        y_pred: (batch, classes).
    """

    def __init__(
        self,
        binary=False,
        label_smoothing=0.0,
        target_threshold=None,
        from_logits=True,
        reduction="sum_over_batch_size",
        name="classification_loss",
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.binary = binary
        self.label_smoothing = label_smoothing
        self.target_threshold = target_threshold
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        classes = y_pred.shape[-1]
        targets = y_true
        if not _is_target(y_true, y_pred):
            labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
            targets = ops.one_hot(labels, classes, dtype=y_pred.dtype)
        share = self.label_smoothing
        targets = (1 - share) * ops.cast(targets, y_pred.dtype) + share / classes
        if not self.binary:
            return ops.categorical_crossentropy(targets, y_pred, from_logits=self.from_logits)
        if self.target_threshold is not None:
            targets = ops.cast(targets > self.target_threshold, y_pred.dtype)
        each = ops.binary_crossentropy(targets, y_pred, from_logits=self.from_logits)
        return ops.mean(each, axis=-1)

    def get_config(self):
        return super().get_config() | {
            "binary": self.binary,
            "label_smoothing": self.label_smoothing,
            "target_threshold": self.target_threshold,
            "from_logits": self.from_logits,
        }


def is_correct(y_true, y_pred):
    """Return 1.0 where the largest prediction is the label, or the largest target; (batch,)."""
    if _is_target(y_true, y_pred):
        labels = ops.argmax(y_true, axis=-1)
    else:
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
    return ops.cast(ops.equal(labels, ops.argmax(y_pred, axis=-1)), "float32")


def _is_target(y_true, y_pred):
    return len(y_true.shape) == 2 and y_true.shape[-1] == y_pred.shape[-1]


def loss_of(recipe, from_logits: bool) -> keras.losses.Loss:
    """Return the loss of a recipe, as the mean over a batch, in float32."""
    return ClassificationLoss(
        recipe.loss == "binary_cross_entropy",
        recipe.label_smoothing,
        recipe.target_threshold,
        from_logits,
        dtype="float32",
    )


def accuracy() -> keras.metrics.Metric:
    """Return the metric of the share of examples that are classified correctly."""
    return keras.metrics.MeanMetricWrapper(is_correct, name="accuracy", dtype="float32")


def logits_model(model: keras.Model) -> tuple[keras.Model, bool]:
    """Return a model of the same layers to train, and whether its output is logits.

    A final softmax layer is left out, so that the loss sees logits. A last layer with a softmax
    inside (`Dense(10, activation="softmax")`) stays, and gives probabilities, and so do layers that
    reshape or average such. A last layer without activation gives logits. It is a model of its own,
    so that what is compiled into it is not saved with the other.

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
    activation = _activation(model.outputs[0])
    if activation not in ("linear", "softmax"):
        raise ValueError(
            f"fit takes a classifier that ends in a softmax or in logits; {model.name} ends in "
            f"{activation!r}, build it with classifier_activation='softmax' or None."
        )
    last = model.outputs[0]._keras_history.operation
    is_layer = isinstance(last, (layers.Activation, layers.Softmax))
    is_left_out = is_layer and _own_activation(last) == "softmax"
    inputs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    outputs = _inputs(model.outputs[0])[0] if is_left_out else model.outputs[0]
    return keras.Model(inputs, outputs, name=model.name), is_left_out or activation == "linear"


def _activation(tensor):
    """Return the name of the activation that a tensor went through last.

    Of what reshapes or averages, it is that of the inputs, where these are probabilities.
    """
    operation = tensor._keras_history.operation
    if getattr(operation, "outputs", None):  # a model
        return _activation(operation.outputs[0])
    own = _own_activation(operation)
    if isinstance(operation, _KEEPING) and own == "linear":
        kinds = {_activation(each) for each in _inputs(tensor)}
        return " and ".join(sorted(kinds)) if kinds & {"softmax", "sigmoid"} else "linear"
    return own


def _inputs(tensor):
    """Return what the operation that made a tensor was given."""
    operation, node, _ = tensor._keras_history
    return operation._inbound_nodes[node].input_tensors


def _own_activation(operation):
    if isinstance(operation, keras.Model):  # whose graph is not known
        return _own_activation(operation.layers[-1]) if operation.layers else "linear"
    if type(operation).__name__ in _FUNCTIONS:
        return _FUNCTIONS[type(operation).__name__]
    return getattr(getattr(operation, "activation", None), "__name__", "linear")
