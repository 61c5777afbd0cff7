"""A ZooHyperModel in keras-tuner's tuners, and in a user's own."""

import keras
import keras_tuner
import numpy as np
import pytest
import tensorflow as tf

from kzoo.data import DataSpec
from kzoo.tuning import Budget, Choice, ZooHyperModel
from kzoo.tuning.hypermodel import METRICS
from kzoo.tuning.plan import Plan

SMALL = {"optimizer": "adamw", "batch_size": 32, "augment": "", "conv": "standard", "width": 1.0}
TUNERS = {
    "random": lambda model, **options: keras_tuner.RandomSearch(model, max_trials=3, **options),
    "bayesian": lambda model, **options: keras_tuner.BayesianOptimization(
        model, max_trials=3, **options
    ),
    "grid": lambda model, **options: keras_tuner.GridSearch(model, max_trials=3, **options),
    "hyperband": lambda model, **options: keras_tuner.Hyperband(
        model, max_epochs=2, factor=2, **options
    ),
}
REST = sorted(set(TUNERS) - {"random", "hyperband"})


def messages(tuner):
    return [(trial.status, trial.message) for trial in tuner.oracle.trials.values()]


@pytest.mark.parametrize(
    "kind", ["random", "hyperband", *(pytest.param(k, marks=pytest.mark.full) for k in REST)]
)
def test_keras_tuners_tuners_as_they_are(kind, source, tmp_path):
    hypermodel = ZooHyperModel("udl_conv1d", source.spec, SMALL)
    tuner = TUNERS[kind](hypermodel, objective="val_accuracy", directory=tmp_path, seed=1)
    epochs = {} if kind == "hyperband" else {"epochs": 3}
    tuner.search(source, verbose=0, **epochs)
    assert {status for status, _ in messages(tuner)} == {"COMPLETED"}, messages(tuner)
    best = tuner.oracle.get_best_trials()[0]
    assert best.metrics.get_last_value("parameters") == 1_623
    # What a tuner reloads is what it has scored.
    x, y = source.read("validation", np.arange(48))
    model = tuner.get_best_models()[0]
    assert np.mean(model.predict(x, verbose=0).argmax(1) == y) == pytest.approx(best.score)
    if kind == "hyperband":
        promoted = [
            t for t in tuner.oracle.trials.values() if "tuner/trial_id" in t.hyperparameters
        ]
        assert promoted


def test_arrays_and_a_users_tuner(source, tmp_path):
    class Own(keras_tuner.RandomSearch):
        def run_trial(self, trial, x, y, verbose):
            model = self.hypermodel.build(trial.hyperparameters)
            return model.fit(x, y, validation_split=0.2, epochs=2, verbose=verbose)

    hypermodel = ZooHyperModel("udl_conv1d", source.spec, SMALL)
    arrays = source.read("train", np.arange(192))
    own = Own(hypermodel, "val_accuracy", max_trials=2, directory=tmp_path / "own")
    own.search(*arrays, verbose=0)
    stock = keras_tuner.RandomSearch(
        hypermodel, "val_loss", max_trials=2, directory=tmp_path / "stock"
    )
    stock.search(*arrays, validation_data=source.read("validation", np.arange(48)), epochs=2)
    for tuner in (own, stock):
        assert {status for status, _ in messages(tuner)} == {"COMPLETED"}, messages(tuner)


def test_a_model_without_a_tuner(source):
    model = ZooHyperModel("udl_conv1d", source.spec).build(keras_tuner.HyperParameters())
    assert model.output_shape == (None, 3)
    assert model.compiled


def test_training_is_that_of_kzoo(source):
    """The same values give the history that `kzoo.training.fit` gives."""
    from kzoo.training import fit

    hypermodel = ZooHyperModel("udl_conv1d", source.spec, SMALL | {"mixup": 0.2})
    hp = keras_tuner.HyperParameters()
    model = hypermodel.build(hp)
    found = hypermodel.fit(hp, model, source, epochs=3).history
    setup = hypermodel.setup_of(hp.values, 3)
    training, validation = setup.pipelines(source, {"train": "train", "validation": "validation"})
    expected = fit(setup.build(), training, setup.recipe, validation_data=validation, verbose=0)
    for name in ("loss", "val_loss", "val_accuracy"):
        assert found[name] == [row[name] for row in expected]
    assert set(found) == set(METRICS) - {"latency"}


def test_what_cannot_be_trained_fails_with_its_reason(source, tmp_path):
    space = SMALL | {"learning_rate": Choice((1e30, 1e31)), "optimizer": "sgd", "mixup": 0.0}
    hypermodel = ZooHyperModel("udl_conv1d", source.spec, space)
    tuner = keras_tuner.RandomSearch(
        hypermodel, "val_loss", max_trials=2, max_consecutive_failed_trials=9, directory=tmp_path
    )
    tuner.search(source, epochs=2, verbose=0)
    for status, message in messages(tuner):
        assert status == "FAILED"
        assert "FailedTrialError: the loss became" in message


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("cannot allocate 3 GiB"),
        tf.errors.ResourceExhaustedError(None, None, "cannot allocate 3 GiB"),
        RuntimeError("RESOURCE_EXHAUSTED: cannot allocate 3 GiB"),
    ],
)
def test_too_little_memory_and_no_network(source, monkeypatch, error):
    hypermodel = ZooHyperModel("udl_conv1d", source.spec)
    hp = keras_tuner.HyperParameters()

    def run_out(*arguments):
        raise error

    monkeypatch.setattr("kzoo.tuning.hypermodel.execute", run_out)
    model = hypermodel.build(hp)
    with pytest.raises(keras_tuner.errors.FailedTrialError, match="more memory than .*can"):
        hypermodel.fit(hp, model, source, epochs=1)
    tiny = DataSpec("tiny", "signal", (14, 1), ("a", "b"), {"train": 9, "validation": 3})
    with pytest.raises(keras_tuner.errors.FailedTrialError, match="needs an input of at least 15"):
        ZooHyperModel("udl_conv1d", tiny).build(keras_tuner.HyperParameters())


def test_a_budget_rejects_before_training(source, tmp_path):
    budget = Budget(parameters=2_000)
    hypermodel = ZooHyperModel("udl_*", source.spec, SMALL, budget=budget)
    assert not hypermodel.rejects({"model": "udl_conv1d"})
    assert hypermodel.rejects({"model": "udl_dense"})
    tuner = keras_tuner.GridSearch(
        hypermodel, "val_loss", directory=tmp_path, max_consecutive_failed_trials=99, max_trials=4
    )
    hp = keras_tuner.HyperParameters()
    hp.Fixed("model", "udl_dense")
    with pytest.raises(
        keras_tuner.errors.FailedTrialError,
        match="udl_dense has 58,638 parameters and the budget is 2,000",
    ):
        tuner.hypermodel.build(hp)


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"multiply_adds": 5_000}, "udl_conv1d has 9,810 multiply-adds and the budget is 5,000"),
        ({"latency": 1e-9}, "udl_conv1d has a latency of .* ms and the budget is 0.00 ms"),
    ],
)
def test_other_budgets(limit, message, source):
    hypermodel = ZooHyperModel("udl_conv1d", source.spec, budget=Budget(**limit))
    with pytest.raises(keras_tuner.errors.FailedTrialError, match=message):
        hypermodel.build(keras_tuner.HyperParameters())


def test_a_budget_counts_at_the_size_of_the_images():
    """resnet20_cifar has 41 million multiply-adds at 32 pixels, and four times as many at 64."""
    spec = DataSpec("photos", "image", (None, None, 3), ("cat", "dog"), {"train": 500})
    network = {"width": 1.0, "depth": 1.0, "conv": "standard"}
    space = network | {"image_size": Choice((32, 64), default=64), "test_size": Choice((32, 64))}
    budget = Budget(multiply_adds=60e6)
    hypermodel = ZooHyperModel("resnet20_cifar", spec, space, budget=budget)
    for _ in range(2):
        assert not hypermodel.rejects({"image_size": 32, "test_size": 32})
        assert hypermodel.rejects({"image_size": 32, "test_size": 64})
    space = network | {"image_size": Choice((32, 64), default=64)}
    hypermodel = ZooHyperModel("resnet20_cifar", spec, space, budget=budget)
    assert hypermodel.rejects({})
    assert Plan({}, None, hypermodel, 1).affordable(print) == ["resnet20_cifar"]


def test_refusals_of_budgets_and_of_search(source):
    with pytest.raises(ValueError, match="the budget's parameters must be above 0; received 0"):
        Budget(parameters=0)
    hypermodel = ZooHyperModel("udl_conv1d", source.spec)
    hp = keras_tuner.HyperParameters()
    model = hypermodel.build(hp)
    with pytest.raises(TypeError, match="search takes no batch_size, shuffle: give hyperparame"):
        hypermodel.fit(hp, model, source, batch_size=3, shuffle=True)
    with pytest.raises(TypeError, match="search takes arrays x and y.*; received str"):
        hypermodel.fit(hp, model, "digits")
    x, y = source.read("train", np.arange(48))
    with pytest.raises(ValueError, match="a search needs validation data"):
        ZooHyperModel("udl_conv1d", source.spec, recipe={"validation_split": 0.0}).fit(
            hp, model, x, y, epochs=1
        )
    assert isinstance(model, keras.Model)
