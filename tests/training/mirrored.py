"""Train on one device and, by a `tf.distribute.MirroredStrategy`, on two, and compare."""

import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from kzoo.training import Recipe, fit
from tests.training import some_workers
from tests.training.some_workers import SGD

CASES = {
    "averaged": {"recipe": SGD | {"ema": 0.7, "class_weights": {"1": 3.0}}},
    "by_depth": {"recipe": SGD | {"layer_decay": 0.5, "frozen_epochs": 1}},
    "normalised": {"recipe": SGD, "norm": True},
    "resumed": {"recipe": {"epochs": 4, "learning_rate": 0.01}, "norm": True},
}


def trained(strategy, case):
    """Return the weights and the history of a case."""
    settings = dict(CASES[case])
    recipe = Recipe(**{"epochs": 3, "batch_size": 16, "seed": 3} | settings.pop("recipe"))
    examples, validation = some_workers.data(48, seed=0), some_workers.data(17, seed=1)

    def model():
        with strategy.scope():
            made = some_workers.model(**settings)
            return keras.models.clone_model(made, clone_function=_synchronised)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run")
        arguments = {"validation_data": validation, "output": path, "verbose": 0}
        if case == "resumed" and strategy.num_replicas_in_sync > 1:
            some_workers.interrupted(examples, recipe, arguments | {"model": model()})
            arguments["resume"] = True
        learner = model()
        history = fit(learner, examples, recipe, **arguments)
        saved = keras.saving.load_model(path / "model.keras")
    for one, other in zip(saved.get_weights(), learner.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    columns = ("loss", "accuracy", "val_loss", "val_accuracy")
    return learner.get_weights(), [[row[name] for name in columns] for row in history]


def _synchronised(layer):
    if isinstance(layer, keras.layers.BatchNormalization):
        return type(layer).from_config(layer.get_config() | {"synchronized": True})
    return type(layer).from_config(layer.get_config())


def refusals(strategy):
    """Print how what a strategy cannot do is refused."""
    elsewhere = some_workers.model()
    with strategy.scope():
        model = some_workers.model()
        cases = [
            {"accumulate": 2},
            {"clip": 1.0},
            {"xla": "on"},
            {"batch_size": 1},
        ]
        for learner, fields in [(elsewhere, {}), *((model, fields) for fields in cases)]:
            try:
                fit(learner, some_workers.data(48, seed=0), Recipe(**fields), verbose=0)
            except ValueError as error:
                print(error)


if __name__ == "__main__":
    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    # The strategy's own way of summing takes one model in a process.
    two_devices = tf.distribute.MirroredStrategy(
        ["cpu:0", "cpu:1"], cross_device_ops=tf.distribute.HierarchicalCopyAllReduce()
    )
    for case in CASES:
        alone, together = trained(tf.distribute.get_strategy(), case), trained(two_devices, case)
        for one, two in zip(alone, together, strict=True):
            for first, second in zip(one, two, strict=True):
                np.testing.assert_allclose(first, second, rtol=1e-5, atol=3e-5, err_msg=case)
    refusals(two_devices)
