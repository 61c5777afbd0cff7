"""The callback that keeps history, checkpoints and early stopping, and stops at a bad loss."""

import csv
import math
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import ops

from kzoo import replicas
from kzoo.training.checkpoint import Progress, restore, save_checkpoint
from kzoo.training.files import replacing
from kzoo.training.recipe import Recipe

# Seconds between checkpoints: short epochs must not spend their time on the disk.
_CHECKPOINT_EVERY = 5.0
# The same within an epoch: so much of a long one may be lost.
_CHECKPOINT_WITHIN_EVERY = 300.0
# Seconds between looks at the loss: a look waits for the device.
_LOOK_EVERY = 1.0
# How often a long training of short epochs is validated.
_VALIDATIONS = 250

COLUMNS = ("epoch", "learning_rate", "loss", "accuracy", "val_loss", "val_accuracy", "seconds")


def validated_epochs(epochs: int) -> list[int]:
    """Return the epochs, counted from one, after which to validate: all, or about 250 of them."""
    every = max(1, epochs // _VALIDATIONS)
    return sorted({*range(every, epochs + 1, every), epochs})


class Recorder(keras.callbacks.Callback):
    """Keeps `progress` up to date, writes it to a folder, and stops a training early.

    It stands before `keras.callbacks.SwapEMAWeights`, to see the averaged weights at the end of a
    validation.

    Args:
        recipe: the recipe.
        rate: function from an epoch, counted from one, to the learning rate at its end.
        trained: the model whose variables are kept, which may be inside the one that is fitted.
        progress: where to begin.
        folder: where `checkpoints/` and `history.csv` go, or `None`.
        within_epochs: whether a checkpoint may be of a step within an epoch.
    """

    def __init__(self, recipe: Recipe, rate, trained, progress, folder, within_epochs):
        super().__init__()
        self.recipe = recipe
        self.rate = rate
        self.trained = trained
        self.progress: Progress = progress
        self.folder: Path | None = folder
        self.within_epochs = within_epochs
        self.began = False
        self._is_over = False  # by early stopping
        self._step = 0
        self._first_step = self._looked_step = 0
        self._looked_at = self._saved_at = self._epoch_at = time.monotonic()

    def variables(self):
        """Return every variable that training changes, by group."""
        return {"model": self.trained.variables, "optimizer": self.model.optimizer.variables}

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch_at = time.monotonic() - self.progress.seconds
        self._step = self._first_step = self._looked_step = self.progress.step

    def on_train_batch_begin(self, batch, logs=None):
        if keras.config.backend() == "torch":
            _seed_pytorch(self.recipe.seed, self.progress.epoch, self._first_step + batch)

    def on_train_batch_end(self, batch, logs=None):
        self.began = True
        now = time.monotonic()
        step = self._step = self._first_step + batch + 1
        # Of workers, the chief tells; the loss of each is not a number one step later.
        if replicas.is_chief() and now - self._looked_at > _LOOK_EVERY:
            self._check(float(logs["loss"]), step)
            self._looked_at, self._looked_step = now, step
        if self.within_epochs and self.folder and now - self._saved_at > _CHECKPOINT_WITHIN_EVERY:
            self._save_within(self.folder, step, logs)

    def on_test_end(self, logs=None):
        progress = self.progress
        epoch = progress.epoch + 1
        if self._is_cut():
            return
        if self.recipe.early_stopping is None or self._trains_the_rest_later(epoch):
            return
        score = (float(logs["accuracy"]), -float(logs["loss"]))
        if score[0] > progress.best_score[0]:
            progress.better_epoch = epoch
        if score > progress.best_score:
            progress.best_epoch, progress.best_score = epoch, score
            # A copy: PyTorch gives a view of the weight itself.
            progress.best_weights = [
                np.array(ops.convert_to_numpy(weight)) for weight in self.trained.weights
            ]
        if epoch - progress.better_epoch >= self.recipe.early_stopping:
            self._is_over = self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        progress = self.progress
        self._check(float(logs["loss"]), self._step)
        if not math.isfinite(logs.get("val_loss", 0.0)):
            raise _diverged(
                self.recipe, f"the validation loss became {logs['val_loss']} in epoch {epoch + 1}"
            )
        if self._is_cut():
            return
        progress.epoch, progress.step, progress.seconds = epoch + 1, 0, 0.0
        progress.history.append(self._row(progress.epoch, logs))
        if self._is_over or progress.epoch == self.recipe.epochs:
            progress.finished = True
        if self.folder is not None:
            self._save(self.folder)

    def save_stopped(self, logs=None):
        """Write a checkpoint where another callback stops the training: `logs` are a step's."""
        if self.folder is None:
            return
        if logs is None and not self._is_cut():
            self._save(self.folder, always=True)
        elif logs is not None and self.within_epochs:
            self._save_within(self.folder, self._step, logs)

    def _is_cut(self):
        """Return whether the epoch, at its end, has steps that were left out."""
        return self._step < self._first_step + self.params["steps"]

    def _trains_the_rest_later(self, epoch):
        return epoch <= self.recipe.frozen_epochs < self.recipe.epochs

    def _check(self, loss, step):
        if not math.isfinite(loss):
            raise _diverged(
                self.recipe,
                f"the loss became {loss} in epoch {self.progress.epoch + 1}, between the steps "
                f"{self._looked_step + 1} and {step}",
            )

    def _row(self, epoch, logs):
        row = dict.fromkeys(COLUMNS)
        row |= {name: float(value) for name, value in logs.items() if name in COLUMNS}
        row["epoch"] = epoch
        row["learning_rate"] = self.rate(epoch)
        row["seconds"] = round(time.monotonic() - self._epoch_at, 3)
        return row

    def _save_within(self, folder, step, logs):
        if step == self._first_step + self.params["steps"]:
            return
        self._check(float(logs["loss"]), step)
        self.progress.step, self.progress.seconds = step, time.monotonic() - self._epoch_at
        groups = self.variables() | {"metrics": metric_variables(self.model)}
        save_checkpoint(folder / "checkpoints", groups, self.progress)
        self._saved_at = time.monotonic()

    def _save(self, folder, always=False):
        now = time.monotonic()
        at_boundary = self.progress.epoch == self.recipe.frozen_epochs
        recent = now - self._saved_at < _CHECKPOINT_EVERY
        if recent and not (always or self.progress.finished or at_boundary):
            return
        save_checkpoint(folder / "checkpoints", self.variables(), self.progress)
        write_history(folder / "history.csv", self.progress.history)
        self._saved_at = time.monotonic()


def _seed_pytorch(seed, epoch, step):
    """Have Keras's dropout draw the same in this step whenever it is run.

    On PyTorch it draws from PyTorch's own generators, and so does every pass through the data.
    """
    import torch

    torch.manual_seed(int(np.random.SeedSequence((seed, epoch, step)).generate_state(1)[0]))


def infinite_weights(model: keras.Model) -> list[str]:
    """Return the paths of the weights that are infinite or not a number."""
    return [w.path for w in model.weights if not np.isfinite(ops.convert_to_numpy(w)).all()]


def check_weights(model: keras.Model, recipe: Recipe, before: Sequence[str]):
    """Refuse a model that the last step of a training has spoilt.

    Args:
        model: the model.
        recipe: the recipe.
        before: paths of weights that were infinite before it.

    Raises:
        FloatingPointError: a weight is infinite or not a number.
    """
    for path in infinite_weights(model):
        if path not in before:
            raise _diverged(recipe, f"{path} became infinite or not a number")


def _diverged(recipe, what):
    remedies = [f"lower learning_rate ({recipe.learning_rate:g})"]
    if recipe.clip is None:
        remedies.append("set clip to 1")
    if recipe.precision == "mixed_float16":
        remedies.append("train in mixed_bfloat16 or float32")
    return FloatingPointError(f"{what}; {' or '.join(remedies)}.")


class Stopping(keras.callbacks.Callback):
    """Has a recorder save where a callback stops the training; stands behind all of them."""

    def __init__(self, recorder: Recorder):
        super().__init__()
        self.recorder = recorder

    def on_train_batch_end(self, batch, logs=None):
        if self.model.stop_training:
            self.recorder.save_stopped(logs)

    def on_epoch_end(self, epoch, logs=None):
        if self.model.stop_training:
            self.recorder.save_stopped()


class RestOfEpoch(keras.callbacks.Callback):
    """Goes on within an epoch: with the sums of its metrics, and without averaging the weights.

    Keras puts averaged weights (`ema`) into the model at the end of a fit, which is for the last.

    Args:
        progress: how far the training has come.
        arrays: the metrics' variables, from a checkpoint.
    """

    def __init__(self, progress: Progress, arrays):
        super().__init__()
        self.progress = progress
        self.arrays = arrays
        self.weights: list[np.ndarray] = []

    def on_epoch_begin(self, epoch, logs=None):
        # Keras on TensorFlow makes the metrics' variables in the first step, too late.
        self.model.compute_metrics(None, ops.zeros((1,), "int32"), ops.zeros((1, 2)))
        self.model.reset_metrics()
        if replicas.is_chief():  # the sums of all workers are added up
            restore(self.arrays, {"metrics": metric_variables(self.model)})

    def on_epoch_end(self, epoch, logs=None):
        self.weights = [np.array(ops.convert_to_numpy(w)) for w in self.model.trainable_weights]

    def on_train_end(self, logs=None):
        if not (self.progress.finished or self.model.stop_training):
            for weight, array in zip(self.model.trainable_weights, self.weights):
                weight.assign(array)


def metric_variables(model):
    """Return the variables in which a model adds up the metrics of an epoch."""
    return [variable for metric in model.metrics for variable in metric.variables]


def write_history(path: Path, history):
    """Write one line for each epoch; what was not measured is empty."""
    with replacing(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(history)
