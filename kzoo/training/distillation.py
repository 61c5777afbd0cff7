"""Learning from a teacher besides the labels (Hinton et al. 2015)."""

import keras
from keras import distillation

from kzoo.graph import all_parts
from kzoo.training.objective import logits_model
from kzoo.training.recipe import Recipe


def check_teacher(teacher, trained: keras.Model, from_logits: bool) -> keras.Model:
    """Return the teacher's logits as a model, or refuse a teacher that does not fit.

    Args:
        teacher: a functional classifier.
        trained: the model that learns.
        from_logits: whether that gives logits.
    """
    logits, teaches_logits = logits_model(teacher)
    if not (from_logits and teaches_logits):
        which = teacher if from_logits else trained
        raise ValueError(
            f"distillation compares logits, and the last layer of {which.name} has its softmax "
            "inside; make that an Activation layer of its own."
        )
    if logits.output_shape[-1] != trained.output_shape[-1]:
        raise ValueError(
            f"teacher must have the {trained.output_shape[-1]} classes of {trained.name}; "
            f"{teacher.name} has {logits.output_shape[-1]}."
        )
    if logits.output.dtype != trained.output.dtype:
        raise ValueError(
            f"teacher must give {trained.output.dtype}, as {trained.name} does, to be compared; "
            f"{teacher.name} gives {logits.output.dtype}, build both in the same precision."
        )
    if trained.losses or any(
        getattr(part, "activity_regularizer", None) for part in all_parts(trained)
    ):
        raise ValueError(
            f"a teacher cannot go with regularisers, which Keras's distillation leaves out; "
            f"{trained.name} has some, take weight_decay instead."
        )
    return logits


class Distiller(distillation.Distiller):
    """Keras's distiller, which is validated on the labels alone.

    Args:
        teacher: gives logits; does not change.
        student: gives logits.
        recipe: its `distillation` and `temperature` are used.
        loss: of the student's logits.
    """

    def __init__(self, teacher, student, recipe: Recipe, loss: keras.losses.Loss):
        # Keras applies the divergence to the logits themselves if it is named by a string.
        divergence = keras.losses.KLDivergence(dtype="float32")
        super().__init__(
            teacher,
            student,
            distillation.LogitsDistillation(recipe.temperature, divergence),
            student_loss_weight=1 - recipe.distillation,
            name=student.name,
        )
        self.label_loss = loss

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if sample_weight is not None:
            raise ValueError(
                "data with weights of the examples cannot go with a teacher, whose part of the "
                "loss would not have them; leave one of them out."
            )
        if not training:
            return self.label_loss(y, y_pred)
        return super().compute_loss(x, y, y_pred, sample_weight, training)
