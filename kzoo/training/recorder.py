"""The callback that keeps history, checkpoints and early stopping."""

import csv
import math
import time
from pathlib import Path

import keras
import numpy as np
from keras import ops

from kzoo.training.checkpoint import Progress, restore, save_checkpoint
from kzoo.training.files import replacing
from kzoo.training.recipe import Recipe

# Seconds between checkpoints: short epochs must not spend their time on the disk.
_CHECKPOINT_EVERY = 5.0
# How often a long training of short epochs is validated.
_VALIDATIONS = 250

COLUMNS = ("epoch", "learning_rate", "loss", "accuracy", "val_loss", "val_accuracy", "seconds")


def validated_epochs(epochs: int) -> list[int]:
    """Return the epochs, counted from one, after which to validate: all, or about 250 of them."""
    every = max(1, epochs // _VALIDATIONS)
    return sorted({*range(every, epochs + 1, every), epochs})


class Recorder(keras.callbacks.Callback):
    """Keeps `progress` up to date, writes it to a folder, and stops a training early.

    Args:
        recipe: the recipe.
        schedule: its learning-rate schedule.
        steps: steps in one epoch.
        weights: the variables that early stopping keeps and brings back.
        progress: where to begin.
        restored: arrays of a checkpoint to begin with, or `None`.
        folder: where `checkpoints/` and `history.csv` go, or `None`.
    """

    def __init__(self, recipe: Recipe, schedule, steps, weights, progress, restored, folder):
        super().__init__()
        self.recipe = recipe
        self.schedule = schedule
        self.steps = steps
        self.weights = weights
        self.progress: Progress = progress
        self.restored = restored
        self.folder: Path | None = folder
        self.began = False
        self._saved_at = self._epoch_at = time.monotonic()

    def variables(self):
        """Return every variable that training changes, by group."""
        return {"model": self.model.variables, "optimizer": self.model.optimizer.variables}

    def on_train_begin(self, logs=None):
        if self.restored is not None:
            restore(self.restored, self.variables())
            self.restored = None

    def on_train_batch_end(self, batch, logs=None):
        self.began = True

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch_at = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        progress = self.progress
        progress.epoch = epoch + 1
        progress.history.append(self._row(progress.epoch, logs))
        if not math.isfinite(logs["loss"]):
            raise FloatingPointError(
                f"the loss became {logs['loss']} in epoch {progress.epoch}; lower learning_rate "
                f"({self.recipe.learning_rate:g}) or set clip."
            )
        patience = self.recipe.early_stopping
        if patience is not None and "val_accuracy" in logs:
            self._compare(logs, patience)
        if self.model.stop_training or progress.epoch == self.recipe.epochs:
            progress.finished = True
        if self.folder is not None:
            self._save(self.folder)

    def on_train_end(self, logs=None):
        if self.progress.best_weights:
            for variable, best in zip(self.weights, self.progress.best_weights):
                variable.assign(best)

    def _row(self, epoch, logs):
        row = dict.fromkeys(COLUMNS)
        row |= {name: float(value) for name, value in logs.items() if name in COLUMNS}
        row["epoch"] = epoch
        row["learning_rate"] = float(self.schedule(epoch * self.steps))
        row["seconds"] = round(time.monotonic() - self._epoch_at, 3)
        return row

    def _compare(self, logs, patience):
        progress = self.progress
        score = (float(logs["val_accuracy"]), -float(logs["val_loss"]))
        if progress.best_epoch == 0 or score > progress.best_score:
            progress.best_epoch, progress.best_score = progress.epoch, score
            # A copy: PyTorch gives a view of the weight itself.
            progress.best_weights = [np.array(ops.convert_to_numpy(w)) for w in self.weights]
        elif progress.epoch - progress.best_epoch >= patience:
            self.model.stop_training = True

    def _save(self, folder):
        now = time.monotonic()
        if not self.progress.finished and now - self._saved_at < _CHECKPOINT_EVERY:
            return
        save_checkpoint(folder / "checkpoints", self.variables(), self.progress)
        write_history(folder / "history.csv", self.progress.history)
        self._saved_at = time.monotonic()


def write_history(path: Path, history):
    """Write one line for each epoch; what was not measured is empty."""
    with replacing(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(history)
