"""Fit, interrupt and resume on the backend that KERAS_BACKEND names, without TensorFlow."""

import sys
from pathlib import Path

sys.modules["tensorflow"] = None  # any import of it fails

import keras  # noqa: E402
import numpy as np  # noqa: E402

from kzoo.training import Recipe, fit, recorder  # noqa: E402
from tests.training.small import small_data, small_model  # noqa: E402


def fresh_model():
    keras.utils.set_random_seed(7)
    # Keras's dropout draws from PyTorch's own generator there, which no checkpoint has.
    return small_model(dropout=0.0 if keras.config.backend() == "torch" else 0.3)


def main(folder):
    recorder._CHECKPOINT_EVERY = 0
    recipe = Recipe(epochs=4, batch_size=16, learning_rate=0.02, label_smoothing=0.1)
    arguments = {"validation_data": small_data(30, seed=1), "verbose": 0}
    whole = fresh_model()
    history = fit(whole, small_data(), recipe, **arguments)
    print("accuracy", history[-1]["val_accuracy"])

    ended = recorder.Recorder.on_epoch_end

    def interrupted(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt
        ended(self, epoch, logs)

    recorder.Recorder.on_epoch_end = interrupted
    try:
        fit(fresh_model(), small_data(), recipe, output=folder, **arguments)
    except KeyboardInterrupt:
        recorder.Recorder.on_epoch_end = ended
    resumed = fresh_model()
    fit(resumed, small_data(), recipe, output=folder, resume=True, **arguments)
    for first, second in zip(whole.variables, resumed.variables, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(first), keras.ops.convert_to_numpy(second)
        )
    for name, value in (("jax", "off"), ("torch", "on")):
        if keras.config.backend() == name:
            try:
                fit(whole, small_data(), Recipe(xla=value))
            except ValueError as error:
                print(error)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
