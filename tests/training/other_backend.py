"""Fit, interrupt and resume on the backend that KERAS_BACKEND names, without TensorFlow."""

import os
import sys
from pathlib import Path

import tests.hide_tensorflow  # noqa: F401

# isort: split
import keras
import numpy as np

import kzoo
from kzoo.training import Recipe, fit, recorder
from tests.training.small import small_data, small_model


def fresh_model():
    keras.utils.set_random_seed(7)
    return small_model()


ARGUMENTS = {"validation_data": small_data(30, seed=1), "verbose": 0}
RECIPES = (
    Recipe(epochs=4, batch_size=16, learning_rate=0.02, label_smoothing=0.1),
    Recipe(epochs=4, batch_size=16, frozen_epochs=1, ema=0.8, freeze_norm=True),
    Recipe(epochs=4, batch_size=16, accumulate=2, optimizer="lamb", schedule="one_cycle"),
    # Batches that are read ahead.
    Recipe(epochs=4, batch_size=16, mixup=0.2),
)


def resume(recipe, folder):
    """Train, and again with an interruption at the end of the third epoch; print the accuracy."""
    whole = fresh_model()
    history = fit(whole, small_data(), recipe, **ARGUMENTS)
    print("accuracy", history[-1]["val_accuracy"])

    ended = recorder.Recorder.on_epoch_end

    def interrupted(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt
        ended(self, epoch, logs)

    recorder.Recorder.on_epoch_end = interrupted
    try:
        fit(fresh_model(), small_data(), recipe, output=folder, **ARGUMENTS)
    except KeyboardInterrupt:
        recorder.Recorder.on_epoch_end = ended
    resumed = fresh_model()
    fit(resumed, small_data(), recipe, output=folder, resume=True, **ARGUMENTS)
    assert_equal(whole, resumed)


def assert_equal(one, other):
    for first, second in zip(one.variables, other.variables, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(first), keras.ops.convert_to_numpy(second)
        )


def check_threads(recipe):
    """Train with one thread that makes batches, and with several, as from then on."""
    models = fresh_model(), fresh_model()
    for model, count in zip(models, (1, 4)):
        os.cpu_count = lambda count=count: count
        keras.utils.set_random_seed(0)
        fit(model, small_data(), recipe, verbose=0)
    assert_equal(*models)


def main(folder):
    check_threads(RECIPES[-1])
    recorder._CHECKPOINT_EVERY = 0
    for number, recipe in enumerate(RECIPES):
        resume(recipe, folder / f"{number}-after-an-epoch")
    recorder._CHECKPOINT_WITHIN_EVERY = 0
    for number, recipe in enumerate(RECIPES):
        resume(recipe, folder / f"{number}-within-an-epoch")
    model, teacher = (kzoo.create_model("lenet5", classes=3) for _ in range(2))
    images = np.zeros((8, *model.input_shape[1:]), "uint8"), np.arange(8) % 3
    recipe = Recipe(epochs=1, batch_size=4, layer_decay=0.5, clip=1.0, distillation=0.3)
    fit(model, images, recipe, teacher=teacher, verbose=0)
    whole = fresh_model()
    for name, value in (("jax", "off"), ("torch", "on")):
        if keras.config.backend() == name:
            try:
                fit(whole, small_data(), Recipe(xla=value))
            except ValueError as error:
                print(error)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
