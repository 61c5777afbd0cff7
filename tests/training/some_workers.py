"""Train as one of the workers of TF_CONFIG, or alone; each case of CASES goes to its own file.

python some_workers.py FOLDER CASE,...
"""

import contextlib
import sys
from pathlib import Path

import keras
import numpy as np

import kzoo
from kzoo.training import Recipe, connect, fit, recorder

# 45 examples in batches of 16: the last batch, of 13, is uneven for two workers.
EXAMPLES, CLASSES, SHAPE = 45, 4, (8, 8, 2)
SGD = {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.9, "nesterov": False}
CASES = {
    "dense": {"recipe": SGD, "dense": True},
    "conv": {"recipe": SGD},
    "adamw": {"recipe": {"learning_rate": 0.01, "class_weights": {"1": 3.0}}},
    "clipped": {"recipe": SGD | {"clip": 0.05}},
    "normalised": {"recipe": SGD, "norm": True},
    "one_row": {"recipe": SGD | {"batch_size": 22}, "norm": True},
    "stopped": {"recipe": SGD | {"epochs": 20, "learning_rate": 1.0, "early_stopping": 2}},
    "resumed": {"recipe": SGD | {"epochs": 4}, "norm": True},
}


def model(norm=False, dense=False):
    keras.utils.set_random_seed(kzoo.replicas.index())  # the chief's weights count
    x = inputs = keras.Input(SHAPE, name="image")
    if not dense:
        x = keras.layers.Conv2D(6, 3, name="conv", use_bias=not norm)(x)
        if norm:
            x = kzoo.layers.BatchNormalization(momentum=0.8, name="norm")(x)
        x = keras.layers.Activation("relu", name="relu")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(CLASSES, name="head")(x)
    return keras.Model(
        inputs, keras.layers.Activation("softmax", name="predictions")(x), name="small"
    )


def data(examples, seed):
    random = np.random.default_rng(seed)
    return random.normal(3, 2, (examples, *SHAPE)).astype("float32"), random.integers(
        0, CLASSES, examples
    )


def run(case, folder):
    """Train one case, and write its weights and history."""
    settings = dict(CASES[case])
    recipe = Recipe(**{"epochs": 3, "batch_size": 16, "seed": 3} | settings.pop("recipe"))
    trained = model(**settings)
    validation = data(27, seed=1)
    arguments = {"validation_data": validation, "output": folder / case, "verbose": 0}
    if case == "resumed" and kzoo.replicas.count() > 1:
        interrupted(data(EXAMPLES, 0), recipe, arguments | {"model": model(**settings)})
        arguments["resume"] = True
    history = fit(trained, data(EXAMPLES, 0), recipe, **arguments)
    rows = [[row[name] for name in recorder.COLUMNS[:-1]] for row in history]
    weights = {str(n): weight for n, weight in enumerate(trained.get_weights())}
    name = f"{case}-{kzoo.replicas.index()}-of-{kzoo.replicas.count()}.npz"
    np.savez(folder / name, history=np.array(rows, float), **weights)


def interrupted(examples, recipe, arguments):
    """Train until the end of the third epoch, which is not kept."""
    ended = recorder.Recorder.on_epoch_end

    def stop(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt
        ended(self, epoch, logs)

    recorder.Recorder.on_epoch_end, recorder._CHECKPOINT_EVERY = stop, 0
    with contextlib.suppress(KeyboardInterrupt):
        fit(data=examples, recipe=recipe, **arguments)
    recorder.Recorder.on_epoch_end = ended


if __name__ == "__main__":
    connect()
    for case in sys.argv[2].split(","):
        run(case, Path(sys.argv[1]))
