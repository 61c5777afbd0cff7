"""`fit` on small arrays: it learns, resumes exactly, and obeys each field of the recipe."""

import csv
import errno
import json
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kzoo.data import ArraySource, Pipeline, open_source
from kzoo.training import CheckpointError, Recipe, RunError, fit
from kzoo.training.folder import RunFolder
from kzoo.training.recorder import Recorder, validated_epochs
from kzoo.training.stages import trainability_kept
from tests.training.small import small_data, small_model

RECIPE = Recipe(epochs=4, batch_size=16, learning_rate=0.02)
VALIDATION = small_data(30, seed=1)


def variables(model):
    return [keras.ops.convert_to_numpy(variable) for variable in model.variables]


def fresh_model(**options):
    keras.utils.set_random_seed(7)
    return small_model(**options)


def assert_equal(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_it_learns_and_writes_its_folder(tmp_path):
    model, folder = fresh_model(), tmp_path / "runs" / "one"
    history = fit(model, small_data(), RECIPE, validation_data=VALIDATION, output=folder, verbose=0)
    assert history[-1]["val_accuracy"] > 0.8
    assert {path.name for path in folder.iterdir()} == {
        "checkpoints",
        "config.json",
        "curves.png",
        "history.csv",
        "model.keras",
        "tensorboard",
    }
    with open(folder / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["val_loss"]) for row in rows] == [row["val_loss"] for row in history]
    config = json.loads((folder / "config.json").read_text())
    assert Recipe.from_dict(config["recipe"]) == RECIPE
    assert (config["model"]["name"], config["versions"]["keras"]) == ("small", keras.__version__)
    saved = keras.saving.load_model(folder / "model.keras")
    assert not saved.compiled
    x = VALIDATION[0]
    np.testing.assert_array_equal(saved.predict(x, verbose=0), model.predict(x, verbose=0))
    np.testing.assert_allclose(model.predict(x, verbose=0).sum(axis=1), 1, rtol=1e-5)


def test_same_seed_same_weights_other_seed_others():
    results = []
    for seed in (0, 0, 1):
        model = fresh_model()
        fit(model, small_data(), Recipe(epochs=2, batch_size=16, seed=seed), verbose=0)
        results.append(variables(model))
    assert_equal(results[0], results[1])
    assert not np.array_equal(results[0][0], results[2][0])


@pytest.mark.parametrize("settings", [{}, {"early_stopping": 10}, {"ema": 0.9}])
def test_an_interrupted_training_resumes_exactly(tmp_path, monkeypatch, settings):
    monkeypatch.setattr("kzoo.training.recorder._CHECKPOINT_EVERY", 0)
    recipe = Recipe(epochs=4, batch_size=16, optimizer="sgd", **settings)
    arguments = {"validation_data": VALIDATION, "verbose": 0}
    whole = fresh_model()
    expected = fit(whole, small_data(), recipe, **arguments)

    ended = Recorder.on_epoch_end

    def interrupted(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt
        ended(self, epoch, logs)

    folder = tmp_path / "run"
    monkeypatch.setattr(Recorder, "on_epoch_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(fresh_model(), small_data(), recipe, output=folder, **arguments)
    monkeypatch.setattr(Recorder, "on_epoch_end", ended)
    assert not (folder / "model.keras").exists()
    resumed = small_model()
    history = fit(resumed, small_data(), recipe, output=folder, resume=True, **arguments)
    assert_equal(variables(whole), variables(resumed))
    drop = ("seconds",)
    assert [{k: v for k, v in row.items() if k not in drop} for row in history] == [
        {k: v for k, v in row.items() if k not in drop} for row in expected
    ]
    again = small_model()
    assert fit(again, small_data(), recipe, output=folder, resume=True, **arguments) == history
    assert_equal(again.get_weights(), whole.get_weights())


class StopAt(keras.callbacks.Callback):
    """Stops the training at the end of an epoch, or after some steps of it."""

    def __init__(self, epoch, step=None):
        super().__init__()
        self.place = epoch, step
        self.epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.place:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        if (epoch, None) == self.place:
            self.model.stop_training = True


@pytest.mark.parametrize("settings", [{"early_stopping": 10}, {"ema": 0.7}])
@pytest.mark.parametrize(("stop", "rows"), [((1,), 2), ((0,), 1), ((2, 3), 2)])
def test_a_callback_may_stop_it_and_it_goes_on_later(tmp_path, monkeypatch, stop, rows, settings):
    monkeypatch.setattr("kzoo.training.devices.steps_per_call", lambda *arguments: 1)
    recipe = Recipe(epochs=4, batch_size=16, frozen_epochs=2, **settings)
    arguments = {"validation_data": VALIDATION, "verbose": 0}
    whole = fresh_model()
    expected = fit(whole, small_data(), recipe, **arguments)
    arguments["output"] = tmp_path / "run"
    history = fit(fresh_model(), small_data(), recipe, callbacks=[StopAt(*stop)], **arguments)
    assert len(history) == rows
    resumed = fresh_model()
    history = fit(resumed, small_data(), recipe, resume=True, **arguments)
    assert_equal(variables(whole), variables(resumed))
    for name in ("loss", "accuracy", "val_loss"):
        assert [row[name] for row in history] == [row[name] for row in expected]


def test_a_training_that_is_stopped_at_once_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("kzoo.training.devices.steps_per_call", lambda *arguments: 1)
    arguments = {"output": tmp_path / "run", "verbose": 0}
    assert fit(fresh_model(), small_data(), RECIPE, callbacks=[StopAt(0, 0)], **arguments) == []
    assert len(fit(fresh_model(), small_data(), RECIPE, resume=True, **arguments)) == 4


def test_a_model_that_is_built_again_is_resumed(tmp_path):
    def built():
        return keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)])

    assert built().name != built().name
    arguments = {"output": tmp_path / "run", "verbose": 0}
    fit(built(), small_data(), Recipe(epochs=1), **arguments)
    assert len(fit(built(), small_data(), Recipe(epochs=1), resume=True, **arguments)) == 1


class Composite(keras.layers.Layer):
    """A layer that has a normalisation within."""

    def __init__(self, **options):
        super().__init__(**options)
        self.norm = keras.layers.BatchNormalization()

    def build(self, input_shape):
        self.norm.build(input_shape)

    def call(self, x, training=None):
        return self.norm(x, training=training)


def test_layers_that_others_share_stay_frozen():
    shared = keras.layers.Dense(8, name="shared")
    shared.trainable = False
    inputs = keras.Input((8,))
    parts = [keras.Sequential([keras.Input((8,)), shared, keras.layers.ReLU()]) for _ in range(2)]
    x = keras.layers.Dense(3)(parts[1](parts[0](inputs)))
    model = keras.Model(inputs, x)
    before = shared.get_weights()
    with trainability_kept(model):
        for part in parts:
            part.trainable = False
    assert not shared.trainable
    fit(model, small_data(), Recipe(epochs=1, batch_size=16), verbose=0)
    assert_equal(before, shared.get_weights())


def test_normalisation_within_other_layers_is_held_too():
    inputs = keras.Input((8,))
    layer = Composite()
    model = keras.Model(inputs, keras.layers.Dense(3)(layer(inputs)))
    before = layer.get_weights()
    fit(model, small_data(), Recipe(epochs=1, batch_size=16, freeze_norm=True), verbose=0)
    assert_equal(before, layer.get_weights())
    assert layer.norm.trainable


def test_to_go_on_within_an_epoch_takes_the_same_data(tmp_path, monkeypatch):
    monkeypatch.setattr("kzoo.training.recorder._CHECKPOINT_WITHIN_EVERY", 0)
    monkeypatch.setattr("kzoo.training.devices.steps_per_call", lambda *arguments: 1)
    recipe = Recipe(epochs=2, batch_size=16)

    def interrupted(self, epoch, logs=None):
        raise KeyboardInterrupt

    def resume(data, folder="run", **options):
        fit(fresh_model(), data, recipe, output=tmp_path / folder, verbose=0, **options)

    monkeypatch.setattr(Recorder, "on_epoch_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        resume(small_data())
    with pytest.raises(RunError, match="batches.labels is "):
        resume(small_data(48), resume=True)
    _forget_batches(tmp_path / "run")
    with pytest.raises(CheckpointError, match="is of step 5 of an epoch, .* have 3 steps; resume"):
        resume(small_data(48), resume=True)
    dataset = tf.data.Dataset.from_tensor_slices(small_data()).batch(16)
    with pytest.raises(CheckpointError, match="these data have an order of their own; resume with"):
        resume(dataset, resume=True)
    # Whose place is not known.
    with pytest.raises(KeyboardInterrupt):
        resume(dataset, "other")
    assert not (tmp_path / "other" / "checkpoints").exists()


def test_early_stopping_restores_the_best_weights():
    recipe = Recipe(
        epochs=60, batch_size=16, learning_rate=0.5, schedule="constant", early_stopping=3
    )
    model, scores = fresh_model(), []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            scores.append(self.model.get_weights())

    original = keras.Model.fit

    def watched(self, *args, callbacks=(), **kwargs):
        return original(self, *args, callbacks=[Watch(), *callbacks], **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "fit", watched)
        history = fit(model, small_data(), recipe, validation_data=VALIDATION, verbose=0)
    best = max(
        range(len(history)),
        key=lambda n: (history[n]["val_accuracy"], -history[n]["val_loss"], -n),
    )
    better = np.argmax([row["val_accuracy"] for row in history])
    assert better + 1 + 3 == len(history) < 60
    assert_equal(model.get_weights(), scores[best])


@pytest.mark.parametrize("frozen_epochs", [0, 30])
def test_a_lower_loss_alone_does_not_put_off_the_end(frozen_epochs):
    recipe = Recipe(epochs=30, frozen_epochs=frozen_epochs, batch_size=16, early_stopping=2)
    model = fresh_model(dropout=0.0)
    x, y = small_data(seed=3)
    history = fit(model, (x, y), recipe, validation_data=(x[:4], y[:4]), verbose=0)
    accuracies = [row["val_accuracy"] for row in history]
    assert len(history) == int(np.argmax(accuracies)) + 1 + 2 < 30
    losses = [row["val_loss"] for row in history]
    as_good = [n for n in range(len(history)) if accuracies[n] == max(accuracies)]
    kept = keras.losses.SparseCategoricalCrossentropy()(y[:4], model.predict(x[:4], verbose=0))
    assert float(kept) == pytest.approx(min(losses[n] for n in as_good), rel=1e-5)


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_resume_about_the_end_of_the_frozen_epochs(tmp_path, monkeypatch, epoch):
    monkeypatch.setattr("kzoo.training.recorder._CHECKPOINT_EVERY", 0)
    recipe = Recipe(epochs=4, batch_size=16, frozen_epochs=2, ema=0.8, freeze_norm=True)
    whole = fresh_model()
    expected = fit(whole, small_data(), recipe, validation_data=VALIDATION, verbose=0)
    began = Recorder.on_epoch_begin

    def interrupted(self, number, logs=None):
        began(self, number, logs)
        if number == epoch + 1:
            raise KeyboardInterrupt

    folder, resumed = tmp_path / "run", fresh_model()
    arguments = {"validation_data": VALIDATION, "verbose": 0, "output": folder}
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "on_epoch_begin", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fit(resumed, small_data(), recipe, **arguments)
    history = fit(fresh_model(), small_data(), recipe, resume=True, **arguments)
    saved = keras.saving.load_model(folder / "model.keras", compile=False)
    assert_equal(whole.get_weights(), saved.get_weights())
    assert [row["val_loss"] for row in history] == [row["val_loss"] for row in expected]


@pytest.mark.parametrize(
    ("settings", "fixed"),
    [
        ({"frozen_epochs": 3, "epochs": 3}, {"hidden", "norm"}),
        ({"freeze": "backbone"}, {"hidden", "norm"}),
        ({"freeze": "hidden"}, {"hidden"}),
        ({"freeze_norm": True}, {"norm"}),
        ({"frozen_epochs": 1}, set()),
    ],
)
def test_what_is_frozen_stays_as_it_was(settings, fixed):
    model = fresh_model()
    model.get_layer("drop").trainable = False
    before = {layer.name: layer.get_weights() for layer in model.layers}
    fit(model, small_data(), Recipe(**{"epochs": 2, "batch_size": 16} | settings), verbose=0)
    for name in ("hidden", "norm", "head"):
        after = model.get_layer(name).get_weights()
        same = all(np.array_equal(a, b) for a, b in zip(after, before[name]))
        assert same == (name in fixed), name
    assert [layer.name for layer in model.layers if not layer.trainable] == ["drop"]


def test_averaged_weights_are_evaluated_and_kept():
    model, seen = fresh_model(dropout=0.0), []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(self.model.trainable_variables[0].numpy())

    original = keras.Model.fit

    def watched(self, *args, callbacks=(), **kwargs):
        return original(self, *args, callbacks=[Watch(), *callbacks], **kwargs)

    average = model.trainable_variables[0].numpy()
    recipe = Recipe(epochs=3, batch_size=16, ema=0.7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "fit", watched)
        patch.setattr("kzoo.training.devices.steps_per_call", lambda *_: 1)
        history = fit(model, small_data(), recipe, validation_data=VALIDATION, verbose=0)
    for weight in seen:
        average = 0.7 * average + 0.3 * weight
    np.testing.assert_allclose(model.trainable_variables[0].numpy(), average, atol=2e-6)
    loss = keras.losses.SparseCategoricalCrossentropy()(VALIDATION[1], model.predict(VALIDATION[0]))
    assert history[-1]["val_loss"] == pytest.approx(float(loss), rel=1e-5)


def test_accumulated_halves_are_one_batch():
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)])
    start, results = model.get_weights(), []
    for batch_size, accumulate in [(48, 1), (24, 2)]:
        model.set_weights(start)
        recipe = Recipe(epochs=3, batch_size=batch_size, accumulate=accumulate, schedule="constant")
        fit(model, _in_order(small_data(), batch_size), recipe, verbose=0)
        results.append(model.get_weights())
    for whole, halves in zip(*results):
        np.testing.assert_allclose(halves, whole, rtol=1e-4, atol=1e-6)


def _in_order(data, batch_size):
    return tf.data.Dataset.from_tensor_slices(data).batch(batch_size)


@pytest.mark.parametrize("optimizer", ["lamb", "muon", "adam"])
@pytest.mark.parametrize("schedule", ["one_cycle", "polynomial"])
def test_every_optimizer_and_schedule_learns(optimizer, schedule):
    recipe = Recipe(
        epochs=10, batch_size=16, learning_rate=0.05, optimizer=optimizer, schedule=schedule
    )
    history = fit(fresh_model(), small_data(), recipe, validation_data=VALIDATION, verbose=0)
    assert history[-1]["val_accuracy"] > 0.8


def test_binary_cross_entropy_learns():
    recipe = Recipe(epochs=10, batch_size=16, learning_rate=0.05, loss="binary_cross_entropy")
    history = fit(fresh_model(), small_data(), recipe, validation_data=VALIDATION, verbose=0)
    assert history[-1]["val_accuracy"] > 0.8


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(tmp_path, precision):
    keras.config.set_dtype_policy(precision)
    model = fresh_model()
    assert model.get_layer("hidden").compute_dtype == precision.removeprefix("mixed_")
    recipe = Recipe(epochs=4, batch_size=16, learning_rate=0.02, precision=precision)
    history = fit(
        model, small_data(), recipe, validation_data=VALIDATION, output=tmp_path / "r", verbose=0
    )
    assert history[-1]["val_accuracy"] > 0.8
    assert model.predict(VALIDATION[0], verbose=0).dtype == np.float32
    with pytest.raises(ValueError, match="precision is 'float32' and small was built with 'mixed"):
        fit(model, small_data(), RECIPE)


def test_xla_on_and_off_agree():
    results = []
    for xla in ("on", "off"):
        model = fresh_model(dropout=0.0)
        fit(model, small_data(), Recipe(epochs=2, batch_size=16, xla=xla), verbose=0)
        results.append(model.get_weights())
    for on, off in zip(*results):
        np.testing.assert_allclose(on, off, rtol=1e-3, atol=1e-4)


def test_class_weights_act_as_weights_of_examples():
    x, y = small_data()
    linear = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)])
    start = linear.get_weights()
    twice = np.repeat(np.arange(len(y)), np.where(y == 1, 2, 1))
    steps = []
    for data, weights in [((x[twice], y[twice]), None), ((x, y), {1: 2.0})]:
        linear.set_weights(start)
        recipe = Recipe(epochs=1, batch_size=1000, optimizer="sgd", class_weights=weights)
        fit(linear, data, recipe, verbose=0)
        steps.append((linear.get_weights()[0] - start[0]) * len(data[1]))
    np.testing.assert_allclose(*steps, rtol=1e-3, atol=1e-4)


def test_label_smoothing_raises_the_loss_of_a_sure_network():
    losses = [
        fit(
            fresh_model(),
            small_data(),
            Recipe(epochs=6, batch_size=16, label_smoothing=s),
            verbose=0,
        )
        for s in (0.0, 0.3)
    ]
    assert losses[1][-1]["loss"] > losses[0][-1]["loss"]


def test_py_dataset_and_tf_dataset():
    x, y = small_data()

    class Batches(keras.utils.PyDataset):
        def __init__(self):
            super().__init__()

        def __len__(self):
            return 6

        def __getitem__(self, index):
            return x[index * 16 : index * 16 + 16], y[index * 16 : index * 16 + 16]

    results = []
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(16)
    for data in (Batches(), dataset):
        model = fresh_model()
        history = fit(model, data, RECIPE, validation_data=data, verbose=0)
        assert history[-1]["val_accuracy"] > 0.8
        results.append(variables(model))
    assert_equal(*results)


def test_a_model_that_gives_logits_trains_alike():
    results = []
    for activation in ("softmax", None):
        model = fresh_model(classifier_activation=activation)
        fit(model, small_data(), RECIPE, verbose=0)
        results.append(variables(model))
    assert_equal(*results)


def test_a_diverged_training_says_so(tmp_path):
    x, y = small_data()
    recipe = Recipe(epochs=5, batch_size=16, optimizer="sgd", learning_rate=1e30)
    with pytest.raises(
        FloatingPointError,
        match=r"loss became \S+ in epoch \d, between the steps \d and \d; lower learning_rate",
    ):
        fit(fresh_model(), (x, y), recipe, verbose=0)


def test_a_last_step_that_diverges_says_so(tmp_path):
    x, y = small_data()
    once = {"epochs": 1, "batch_size": len(x), "optimizer": "sgd"}
    inputs = keras.Input((8,))
    linear = keras.Model(inputs, keras.layers.Dense(3, name="head")(inputs))
    with pytest.raises(FloatingPointError, match="head/kernel became infinite or not .*; lower le"):
        fit(linear, (1000 * x, y), Recipe(**once, learning_rate=1e38), verbose=0)
    kernel = np.full((8, 3), np.inf)
    masked = keras.layers.Dense(3, activation=lambda x: keras.ops.where(x > 0, 0.0, 1.0))
    masked.trainable = False
    logits = keras.layers.Dense(3, name="head")(masked(inputs))
    masked.kernel.assign(kernel)
    fit(keras.Model(inputs, logits), (1 + abs(x), y), Recipe(epochs=1), verbose=0)
    broken = (np.where(np.arange(8) == 0, 3e38, x).astype("float32"), y)
    with pytest.raises(FloatingPointError, match=r"validation loss became (nan|inf) in epoch 1; "):
        fit(fresh_model(), (x, y), Recipe(**once), validation_data=broken, verbose=0)


def test_a_run_is_of_one_process(tmp_path):
    recipe = Recipe(epochs=1, batch_size=16)
    fit(fresh_model(), small_data(), recipe, output=tmp_path / "run", verbose=0)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    left = tmp_path / "run" / "checkpoints" / ".epoch-000001-step-000000002.partial.npz"
    left.touch()
    with RunFolder(tmp_path / "run", config, resume=True):
        assert not left.exists()
        with pytest.raises(RunError, match="another process is training in .*run; wait until"):
            fit(
                small_model(), small_data(), recipe, output=tmp_path / "run", resume=True, verbose=0
            )
    fit(small_model(), small_data(), recipe, output=tmp_path / "run", resume=True, verbose=0)


def test_resume_takes_the_same_batches_and_teacher(tmp_path):
    (x, y), recipe = small_data(), Recipe(epochs=1, batch_size=16)

    def pipeline(seed):
        return Pipeline(ArraySource({"train": (x, y)}), batch_size=16, seed=seed)

    def start(data, name, **options):
        return fit(
            small_model(), data, recipe, output=tmp_path / name, verbose=0, resume=True, **options
        )

    for name, data in (("arrays", (x, y)), ("pipeline", pipeline(0))):
        fit(small_model(), data, recipe, output=tmp_path / name, verbose=0)
        start(data, name)
    taught = {"teacher": small_model(dropout=0.0)}
    fit(small_model(), (x, y), recipe, output=tmp_path / "taught", verbose=0, **taught)
    start((x, y), "taught", **taught)
    with pytest.raises(RunError, match="batches.labels is '.*', and '.*' in .*; resume with what"):
        start((x, y[::-1]), "arrays")
    with pytest.raises(RunError, match="batches.seed is 1, and 0 in"):
        start(pipeline(1), "pipeline")
    start(replace(pipeline(0), mixup=0, augment=[], shuffle=True, seed=np.int64(0)), "pipeline")
    with pytest.raises(RunError, match="teacher.parameters is None, and [0-9]+ in"):
        start((x, y), "taught")
    _forget_batches(tmp_path / "arrays")
    start((x, y), "arrays")


def _forget_batches(folder):
    """Make a run one of those that did not write of what their batches are."""
    config = json.loads((folder / "config.json").read_text())
    del config["batches"]
    (folder / "config.json").write_text(json.dumps(config))


def test_an_image_that_is_gone_is_told_as_it_is(tmp_path):
    for number in range(12):
        path = tmp_path / "data" / "train" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (20 * number, 0, 0)).save(path)
    pipeline = Pipeline(open_source(tmp_path / "data"), batch_size=4, cache=False)
    path.unlink()
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(2)(keras.layers.Flatten()(inputs))
    with pytest.raises(ValueError, match=r"^\S*11\.png cannot be read"):
        fit(keras.Model(inputs, outputs), pipeline, Recipe(epochs=1, batch_size=4), verbose=0)


class _Other(keras.callbacks.Callback):
    """Begins another run beside the one that is trained."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def on_train_begin(self, logs=None):
        (self.folder / "other").mkdir()


def test_bad_starts_leave_nothing(tmp_path):
    folder = tmp_path / "a" / "b"
    x, y = small_data()
    for data, recipe, message in [
        ((x, y + 1), RECIPE, "labels must be integers from 0 to 2"),
        ((x, y), Recipe(early_stopping=2), "early_stopping needs validation data"),
        ((x, y), Recipe(class_weights={"9": 2}), "names the class '9'"),
        ((x[:, :5], y), RECIPE, "shape"),
        (
            (x, y),
            Recipe(epochs=2, accumulate=5),
            "accumulate must be at most 4, the steps of the training, to update any weight; rec",
        ),
        (
            (x, y),
            Recipe(epochs=9, frozen_epochs=1, accumulate=3),
            "accumulate must be at most 2, the steps of the frozen epochs, .* received 3",
        ),
        (
            (x, y),
            Recipe(epochs=8, frozen_epochs=4, batch_size=16, accumulate=3, ema=0.9),
            "ema must be at most 0.7498 for the 8 updates of this training, .* received 0.9, low",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            fit(fresh_model(), data, recipe, output=folder, verbose=0)
    with pytest.raises(TypeError, match="recipe must be a Recipe; received {'epochs'"):
        fit(fresh_model(), (x, y), recipe={"epochs": 3})
    with pytest.raises(ValueError, match="resume=True needs the run folder"):
        fit(fresh_model(), (x, y), RECIPE, resume=True)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="shape"):
        fit(fresh_model(), (x[:, :5], y), RECIPE, output=folder, callbacks=[_Other(folder.parent)])
    assert list(folder.parent.iterdir()) == [folder.parent / "other"]
    (folder.parent / "other").rmdir()
    with pytest.raises(RunError, match="is no run folder: it has no config.json"):
        fit(fresh_model(), (x, y), RECIPE, output=folder, resume=True)
    folder.mkdir()
    with pytest.raises(RunError, match="exists already; name another folder with output"):
        fit(fresh_model(), (x, y), RECIPE, output=folder)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"freeze": "P9"}, "small has the levels none; received 'P9'"),
        (
            {"freeze": "hiden"},
            "what to freeze must be a level .* of small; received 'hiden'. Cl",
        ),
        ({"freeze": "predictions"}, "freeze must leave a part of small to train; received 'predic"),
        ({"freeze": "backbone", "frozen_epochs": 0}, "no_head has no head to leave out"),
        ({"frozen_epochs": 1}, "frozen_epochs needs a model that ends in a layer 'predictions'"),
        ({"layer_decay": 0.5}, "layer_decay needs a network with feature levels; small has none"),
    ],
)
def test_what_cannot_be_frozen_is_refused_at_once(tmp_path, settings, message):
    model = fresh_model()
    if "frozen_epochs" in settings:
        model = keras.Model(model.input, model.get_layer("head").output, name="no_head")
    before = variables(model)
    model.get_layer("drop").trainable = False
    recipe = Recipe(**{"epochs": 2, "frozen_epochs": 1} | settings)
    with pytest.raises(ValueError, match=message):
        fit(model, small_data(), recipe, output=tmp_path / "run", verbose=0)
    assert list(tmp_path.iterdir()) == []
    assert_equal(variables(model), before)
    assert [layer.name for layer in model.layers if not layer.trainable] == ["drop"]


def test_long_trainings_are_validated_now_and_then():
    assert validated_epochs(3) == [1, 2, 3]
    assert validated_epochs(2500) == list(range(10, 2501, 10))
    assert validated_epochs(777)[-2:] == [777 - 777 % 3 - 3, 777]


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("kzoo.training.recorder._CHECKPOINT_EVERY", 0)
    recipe, folder = Recipe(epochs=4, batch_size=16), tmp_path / "run"
    whole = fresh_model()
    fit(whole, small_data(), recipe, verbose=0)
    write, calls = np.savez, []

    def full(path, **arrays):
        calls.append(path)
        if len(calls) < 3:
            return write(path, **arrays)
        path.write_bytes(b"PK\x03\x04 half a file")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(OSError, match="No space left on device: .*epoch-000003.npz"):
            fit(fresh_model(), small_data(), recipe, output=folder, verbose=0)
    names = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert names == ["epoch-000001.npz", "epoch-000002.npz"]
    resumed = small_model()
    fit(resumed, small_data(), recipe, output=folder, resume=True, verbose=0)
    assert_equal(variables(whole), variables(resumed))
