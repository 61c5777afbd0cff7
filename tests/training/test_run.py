"""`train`, `evaluate` and `predict`: the whole path, and what it refuses."""

import contextlib
import csv
import dataclasses
import json
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image

import kzoo
from kzoo.data import ArraySource, DataSpec, Resize, export, open_source
from kzoo.data.splits import resolve
from kzoo.registry import find_family
from kzoo.training import Recipe, Run, RunError, evaluate, fit, predict, train
from kzoo.training.evaluate import open_data
from kzoo.training.plots import draw_confusion_matrix
from kzoo.training.run import run_folder
from kzoo.training.setup import Start
from kzoo.training.views import Views, choose_views
from kzoo.weights.tags import records_of
from tests.training.small import small_data, small_model

SHORT = Recipe(epochs=1, batch_size=200)


@pytest.fixture
def colours(tmp_path):
    """A folder of three classes of plain images, unequal in number, and none to test on."""
    for name, colour, count in [("red", 0, 12), ("green", 1, 6), ("blue", 2, 3)]:
        (tmp_path / "colours" / "train" / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.full((20, 24, 3), 10 * number, np.uint8)
            pixels[..., colour] = 200
            Image.fromarray(pixels).save(tmp_path / "colours" / "train" / name / f"{number}.png")
    return tmp_path / "colours"


def test_a_run_says_all_about_itself(lenet_run):
    assert {path.name for path in lenet_run.folder.iterdir()} == {
        "checkpoints",
        "config.json",
        "confusion_matrix.png",
        "confusion_validation.png",
        "curves.png",
        "history.csv",
        "model.keras",
        "results.json",
        "tensorboard",
    }
    assert lenet_run.class_names == tuple("0123456789")
    assert lenet_run.recipe == Recipe(epochs=2, batch_size=100, learning_rate=0.005)
    assert lenet_run.config["model"] == {
        "name": "lenet5",
        "options": {"conv": "standard", "classes": 10, "input_shape": [16, 16, 1]},
        "parameters": sum(np.prod(w.shape) for w in lenet_run.model().trainable_weights),
    }
    assert set(lenet_run.results) == {"train", "validation", "test"}
    assert lenet_run.results["test"]["accuracy"] > 0.5


def test_evaluate_agrees_with_keras(lenet_run):
    import kzoo

    measured = evaluate(lenet_run.folder, "test")
    dataset = kzoo.data.load("digits", "test", image_size=16, shuffle=False, batch_size=64)
    model = lenet_run.model()
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = model.evaluate(dataset, verbose=0)
    assert measured["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert measured["loss"] == pytest.approx(loss, rel=1e-5)
    matrix = np.array(measured["confusion_matrix"])
    labels = np.concatenate([label for _, label in dataset.as_numpy_iterator()])
    np.testing.assert_array_equal(matrix.sum(axis=1), np.bincount(labels))
    assert matrix.trace() / matrix.sum() == pytest.approx(accuracy)
    with Image.open(lenet_run.folder / "confusion_matrix.png") as picture:
        assert picture.width > 300


def test_predict_names_the_classes(lenet_run, tmp_path):
    import kzoo

    images, labels = next(
        kzoo.data.load("digits", "test", shuffle=False, batch_size=8).as_numpy_iterator()
    )
    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for path, image in zip(paths, images):
        Image.fromarray(image[:, :, 0]).save(path)
    guesses = predict(lenet_run, paths, top=3)
    assert [len(classes) for classes in guesses] == [3] * 8
    whole = predict(lenet_run.folder, paths[0], top=99)[0]
    assert sum(guess.probability for guess in whole) == pytest.approx(1)
    assert sorted(guess.class_name for guess in whole) == list("0123456789")
    probabilities = [guess.probability for guess in whole]
    assert probabilities == sorted(probabilities, reverse=True)
    right = [classes[0].class_name == str(label) for classes, label in zip(guesses, labels)]
    assert np.mean(right) > 0.4


def test_the_saved_model_loads_in_a_new_process(lenet_run, tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 1)).astype("uint8")
    np.save(tmp_path / "x.npy", x)
    script = (
        "import sys, numpy, keras, kzoo\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "numpy.save(sys.argv[3], model.predict(numpy.load(sys.argv[2]), verbose=0))\n"
    )
    arguments = [lenet_run.folder / "model.keras", tmp_path / "x.npy", tmp_path / "y.npy"]
    subprocess.run([sys.executable, "-c", script, *arguments], check=True, capture_output=True)
    expected = lenet_run.model().predict(x, verbose=0)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)


@pytest.mark.parametrize("conv", ["tiled", "locally_connected"])
def test_any_conv_trains_and_loads(tmp_path, conv):
    run = train("lenet5", "digits", recipe=SHORT, output=tmp_path / "r", conv=conv, verbose=0)
    assert run.config["model"]["options"]["conv"] == conv
    assert run.model().output_shape == (None, 10)


def test_a_folder_of_images(colours, tmp_path):
    said = []
    run = train(
        "all_cnn_c",
        colours,
        recipe=Recipe(
            epochs=1, batch_size=8, class_weights="balanced", augment=("flip",), image_size=16
        ),
        output=tmp_path / "run",
        verbose=0,
        say=said.append,
    )
    assert said == []
    assert set(run.results) == {"train", "validation"}
    assert set(run.class_names) == {"red", "green", "blue"}
    assert run.config["data"]["name"] == str(colours)
    guesses = predict(run, colours / "train" / "red" / "0.png")[0]
    assert {guess.class_name for guess in guesses} == {"red", "green", "blue"}
    with pytest.raises(ValueError, match="split must be one of train, validation for"):
        evaluate(run, "test")


def test_small_images_get_a_small_stem(colours, tmp_path):
    said = []
    run = train(
        "lcnet_035",
        colours,
        recipe=Recipe(epochs=1, batch_size=8, image_size=20),
        output=tmp_path / "run",
        verbose=0,
        say=said.append,
    )
    assert run.config["model"]["options"]["stem"] == "small"
    assert run.model().get_layer("conv_stem").strides == (1, 1)
    assert said == [
        "the images are small: lcnet_035 gets stem='small', without the first two halvings of its "
        "map; the option stem=published keeps them"
    ]


def test_another_stem_may_be_asked_for(colours, tmp_path):
    said = []
    with pytest.raises(ValueError, match="image_size must be at least 32 for convnext_atto; .* 20"):
        train(
            "convnext_atto",
            colours,
            recipe=Recipe(image_size=20),
            output=tmp_path / "run",
            model_options={"stem": "published"},
            say=said.append,
        )
    assert said == []


def test_images_may_be_smaller_with_a_small_stem():
    family, spec = find_family("convnext_atto"), DataSpec("x", "image", (28, 28, 1), ("a",), {})
    said = []
    views = choose_views("convnext_atto", family, spec, Recipe(), None, said.append, "small")
    assert (views.training, said) == (None, [])
    assert choose_views("convnext_atto", family, spec, Recipe(), None, said.append).training
    assert said == [
        "images of 28 x 28 are too small; resizing them to 32 x 32, the smallest that "
        "convnext_atto takes"
    ]


def test_images_grow_and_are_tested_larger(colours, tmp_path):
    recipe = {
        "epochs": 4,
        "batch_size": 8,
        "image_size": 24,
        "progressive": 0.5,
        "test_size": 32,
        "test_crop": 0.8,
        "interpolation": "bicubic",
        "augment": ("resized_crop", "flip"),
        "mixup": 0.2,
        "cutmix": 1.0,
        "repeats": 2,
        "drop_path_rate": 0.1,
    }
    run = train("resnet10t", colours, recipe=recipe, output=tmp_path / "run", verbose=0)
    assert run.shape == (32, 32, 3)
    assert (run.resize.crop, run.resize.interpolation) == (0.8, "bicubic")
    assert run.model().input_shape == (None, None, None, 3)
    assert run.config["model"]["options"]["drop_path_rate"] == 0.1
    assert len(predict(run, colours / "train" / "red" / "0.png")[0]) == 3


def test_a_run_expects_the_images_it_was_evaluated_on(tmp_path):
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "data" / "train" / name).mkdir(parents=True)
        for number in range(4):
            image = Image.fromarray(random.integers(0, 256, (20, 20, 3), np.uint8))
            image.save(tmp_path / "data" / "train" / name / f"{number}.png")
    recipe = {"epochs": 1, "batch_size": 4, "image_size": 16, "test_size": 20}
    run = train("all_cnn_c", tmp_path / "data", recipe=recipe, output=tmp_path / "run", verbose=0)
    assert (run.shape, run.resize) == ((20, 20, 3), None)
    path = tmp_path / "data" / "train" / "a" / "0.png"
    expected = run.model().predict(np.asarray(Image.open(path))[None], verbose=0)
    found = predict(run, path, top=1)[0][0].probability
    assert found == pytest.approx(expected.max(), abs=1e-6)


def test_sizes_grow_in_four_stages():
    family, spec = find_family("resnet18"), DataSpec("x", "image", (None, None, 3), ("a",), {})
    recipe = Recipe(epochs=8, image_size=128, progressive=0.5)
    sizes = choose_views("resnet18", family, spec, recipe, None, print).sizes
    expected = [64, 64, 88, 88, 104, 104, 128, 128]
    assert [sizes(epoch) for epoch in range(8)] == [(side, side) for side in expected]
    small = DataSpec("x", "image", (32, 32, 3), ("a",), {})
    tenth = Recipe(epochs=4, progressive=0.1)
    name = "resnet20_cifar"
    sizes = choose_views(name, find_family(name), small, tenth, None, print).sizes
    assert [sizes(epoch)[0] for epoch in range(4)] == [8, 16, 24, 32]


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_a_short_training_ends_at_the_size_too(epochs):
    spec = DataSpec("x", "image", (32, 32, 3), ("a",), {})
    name, recipe = "resnet20_cifar", Recipe(epochs=epochs, progressive=0.1)
    sizes = choose_views(name, find_family(name), spec, recipe, None, print).sizes
    assert [sizes(epoch)[0] for epoch in range(epochs)] == [16, 24, 32][3 - epochs :]


def test_images_that_are_not_square_grow_to_their_shape():
    family, spec = find_family("resnet18"), DataSpec("x", "image", (96, 128, 3), ("a",), {})
    views = choose_views("resnet18", family, spec, Recipe(epochs=4, progressive=0.5), None, print)
    assert [views.sizes(epoch) for epoch in range(4)] == [(48, 64), (64, 88), (80, 104), (96, 128)]


@pytest.mark.parametrize(
    ("name", "weights", "size"),
    [
        ("resnet50", "resnet50.a1_in1k", (224, 224)),
        ("resnet50", "hf-hub:timm/resnet50.a1_in1k", (224, 224)),
        ("resnet50", "imagenet", (224, 224)),
        ("resnet20_cifar", "resnet20_cifar.tiled_cifar10", (32, 32)),
    ],
)
def test_weights_are_known_by_each_of_their_names(name, weights, size):
    start = Start.of(name, weights)
    assert start.trained_on.size == size
    assert start.implied.get("conv") == ("tiled" if "tiled" in weights else None)


def test_evaluation_is_that_of_the_weights(colours):
    family, said = find_family("resnet50"), []
    record = next(w for w in records_of("resnet50") if w.tag == "a1_in1k")
    spec = DataSpec("x", "image", (None, None, 3), ("a",), {})
    views = choose_views("resnet50", family, spec, Recipe(), record.preprocessing, said.append)
    assert (views.evaluation.crop, views.evaluation.interpolation) == (0.95, "bicubic")
    assert views.evaluation.size == views.training.size == (224, 224)
    assert views.training.crop == 1
    assert said == [
        "images differ in size; resizing them to 224 x 224, as resnet50 expects; image_size gives "
        "another size"
    ]


def test_images_of_one_size_reach_weights_at_the_size_of_the_weights():
    family, said = find_family("resnet50"), []
    inputs = next(w for w in records_of("resnet50") if w.tag == "a1_in1k").preprocessing
    spec = DataSpec("x", "image", (48, 48, 3), ("a",), {})
    views = choose_views("resnet50", family, spec, Recipe(), inputs, said.append)
    assert views.evaluation.size == views.training.size == (224, 224)
    assert said == [
        "images are 48 x 48; resizing them to 224 x 224, as resnet50 expects; image_size gives "
        "another size"
    ]
    views = choose_views("resnet50", family, spec, Recipe(image_size=48), inputs, said.append)
    assert len(said) == 1
    # Of images at their size, what is cropped from them in training, and others in prediction.
    bicubic = Resize((48, 48), interpolation="bicubic")
    assert views.training == views.evaluation == bicubic
    assert choose_views("resnet50", family, spec, Recipe(), None, said.append) == Views()


def test_a_run_can_teach(lenet_run, tmp_path):
    recipe = Recipe(epochs=1, batch_size=200)
    run = train(
        "lenet5",
        "digits",
        recipe=recipe,
        teacher=lenet_run.folder,
        output=tmp_path / "r",
        verbose=0,
    )
    assert run.config["teacher"] == str(lenet_run.folder)


def test_a_teacher_of_other_classes_is_refused(lenet_run, tmp_path):
    config = json.loads((lenet_run.folder / "config.json").read_text())
    config["data"]["class_names"] = list("9876543210")
    (tmp_path / "teacher").mkdir()
    (tmp_path / "teacher" / "config.json").write_text(json.dumps(config))
    with pytest.raises(
        ValueError, match="teacher must be a run of the same classes, 0, 1, .* 9, 8"
    ):
        train(
            "lenet5", "digits", recipe=SHORT, teacher=tmp_path / "teacher", output=tmp_path / "run"
        )
    assert not (tmp_path / "run").exists()


def test_signals(tmp_path):
    recipe = Recipe(epochs=1, batch_size=500, validation_split=0)
    run = train("udl_conv1d", "mnist1d", recipe=recipe, output=tmp_path / "run", verbose=0)
    assert set(run.results) == {"train", "test"}
    np.save(tmp_path / "x.npy", np.zeros(40, "float32"))
    assert len(predict(run, tmp_path / "x.npy")[0]) == 5


def test_small_images_are_brought_to_the_smallest_size(tmp_path):
    said = []
    train("lenet5", "digits", recipe=SHORT, output=tmp_path / "run", verbose=0, say=said.append)
    assert said == [
        "images of 8 x 8 are too small; resizing them to 16 x 16, the smallest that lenet5 takes"
    ]


def test_resume_of_a_finished_run_changes_nothing(lenet_run):
    before = [keras.ops.convert_to_numpy(w) for w in lenet_run.model().weights]
    recipe, folder = lenet_run.recipe, lenet_run.folder
    again = train("lenet5", "digits", recipe=recipe, output=folder, resume=True, verbose=0)
    for old, new in zip(before, again.model().weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_resume_with_other_options_is_refused(lenet_run):
    for arguments, message in [
        ({"recipe": SHORT}, "recipe.batch_size is 200, and 100 in"),
        ({"recipe": lenet_run.recipe, "conv": "tiled"}, "model.options.conv is 'tiled', and 'sta"),
        (
            {"recipe": replace(lenet_run.recipe, image_size=20)},
            "recipe.image_size is 20, and None in",
        ),
    ]:
        with pytest.raises(RunError, match=message):
            train("lenet5", "digits", output=lenet_run.folder, resume=True, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"recipe": {"image_size": 8}}, "image_size must be at least 16 for lenet5; received 8"),
        ({"recipe": {"test_size": 8}}, "test_size must be at least 16 for lenet5; received 8"),
        ({"data": "mnist1d"}, "lenet5 takes images and mnist1d has signals"),
        (
            {"model_name": "udl_conv1d", "data": "mnist1d", "recipe": {"image_size": 9}},
            "image_size is for images; mnist1d has signals",
        ),
        ({"recipe": "cifra"}, "recipe must be one of .*; received 'cifra'. Did you mean cifar?"),
        ({"recipe": {"epoch": 3}}, "a recipe has no epoch; it may have epochs, batch_size"),
        (
            {"recipe": {"dropout_rate": 0.5}, "model_options": {"dropout_rate": 0.1}},
            "dropout_rate is 0.5 in the recipe and 0.1 among the model's options; give it once",
        ),
        (
            {"model_name": "resnet50.a1_in1k", "weights": "a2_in1k"},
            "'resnet50.a1_in1k' names its weights, and weights='a2_in1k' names others; give one",
        ),
        ({"teacher": "resnet50"}, "teacher must be a run folder, or a model with a tag of its wei"),
        ({"model_options": {"classifier_activation": "sigmoid"}}, "ends in 'sigmoid'"),
        ({"conv": "foo"}, "conv must be one of"),
        (
            {"model_options": {"conv": "tiled"}},
            r"conv cannot be among the model's options \(received 'tiled'\); give it as conv",
        ),
        ({"model_options": {"input_shape": (20, 20, 1)}}, "input_shape cannot .*; give image_size"),
        (
            {"recipe": Recipe(validation_split=0.0, epochs=1, augment=("fly",))},
            "augment for images",
        ),
    ],
)
def test_bad_input_leaves_nothing(tmp_path, arguments, message):
    arguments = {"model_name": "lenet5", "data": "digits", "recipe": SHORT} | arguments
    with pytest.raises(ValueError, match=message):
        train(**arguments, output=tmp_path / "new" / "run", verbose=0)
    assert list(tmp_path.iterdir()) == []


def test_training_is_reported_of_the_weights_that_are_kept(tmp_path):
    recipe = Recipe(epochs=12, batch_size=200, learning_rate=0.03, early_stopping=1)
    run = train("lenet5", "digits", recipe=recipe, output=tmp_path / "run", verbose=0)
    with open(run.folder / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    best = max(rows, key=lambda row: (float(row["val_accuracy"]), -float(row["val_loss"])))
    assert best is not rows[-1]
    assert run.results["train"]["loss"] == float(best["loss"])
    assert run.results["validation"]["accuracy"] == pytest.approx(float(best["val_accuracy"]))


def test_the_home_folder_is_written_out(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    run = train("lenet5", "digits", recipe=SHORT, output=tmp_path / "r", data_dir="~/d", verbose=0)
    assert run.data["data_dir"] == str(tmp_path / "d")


def test_a_test_split_without_labels_is_not_measured(tmp_path, monkeypatch):
    monkeypatch.setattr("kzoo.data.tfds_source.TfdsSource.is_labelled", lambda *_: False)
    said = []
    run = train("lenet5", "digits", recipe=SHORT, output=tmp_path / "r", verbose=0, say=said.append)
    assert set(run.results) == {"train", "validation"}
    assert said[-1] == "the test split of digits has no labels and is not measured"


def test_a_run_among_its_data_is_refused(colours, monkeypatch):
    before = sorted(colours.rglob("*"))
    with pytest.raises(RunError, match="run lies in the data .*colours, .*; name a folder beside"):
        train("lenet5", colours, recipe={"epochs": 1}, output=colours / "run", verbose=0)
    monkeypatch.chdir(colours)
    with pytest.raises(RunError, match="output runs/lenet5-colours lies in the data"):
        train("lenet5", ".", recipe={"epochs": 1}, verbose=0)
    assert sorted(colours.rglob("*")) == before


def test_a_class_that_would_be_held_out_whole_is_refused(tmp_path):
    images = np.zeros((41, 16, 16, 3), np.uint8)
    labels = np.arange(41) % 2
    labels[resolve(ArraySource({"train": (images, labels)}).spec, "train[90%:]")[1][0]] = 2
    source = ArraySource({"train": (images, labels)}, class_names=("ant", "bee", "cat"))
    data = export(source, tmp_path / "data.npz")
    with pytest.raises(ValueError, match="held out for validation has all examples of 'cat', so"):
        train("lenet5", data, recipe=SHORT, output=tmp_path / "run", verbose=0)


def test_exported_data_that_have_changed_are_refused(colours, tmp_path):
    recipe = {"epochs": 1, "batch_size": 8, "image_size": 16}
    data = export(open_source(colours), tmp_path / "data.npz")
    run = train("lenet5", data, recipe=recipe, output=tmp_path / "run", verbose=0)
    red = colours / "train" / "red" / "1.png"
    red.rename(red.with_name("renamed.png"))
    # The same set by another name, of which only the numbers are known.
    assert evaluate(run, "validation", data=colours)["examples"]
    data.unlink()
    export(open_source(colours), data)
    with pytest.raises(ValueError, match="the validation examples of .* are not those that"):
        evaluate(run, "validation")


def test_data_that_have_changed_are_refused(colours, tmp_path):
    recipe = {"epochs": 1, "batch_size": 8, "image_size": 16}
    run = train("lenet5", colours, recipe=recipe, output=tmp_path / "run", verbose=0)
    assert evaluate(run, "validation")["examples"] == run.results["validation"]["examples"]
    before = run.results
    red = colours / "train" / "red" / "1.png"
    red.rename(red.with_name("renamed.png"))
    message = "the validation examples of .*colours are not those that .*run knows: some were added"
    with pytest.raises(ValueError, match=message):
        evaluate(run, "validation")
    assert run.results == before


def test_a_split_of_its_own_may_stay_as_others_change(colours, tmp_path):
    (colours / "validation").mkdir()
    for name in ("red", "green", "blue"):
        (colours / "validation" / name).mkdir()
        image = colours / "train" / name / "0.png"
        image.rename(colours / "validation" / name / "0.png")
    recipe = {"epochs": 1, "batch_size": 8, "image_size": 16}
    run = train("lenet5", colours, recipe=recipe, output=tmp_path / "run", verbose=0)
    (colours / "train" / "red" / "1.png").unlink()
    assert evaluate(run, "validation")["accuracy"] == run.results["validation"]["accuracy"]


def test_data_that_have_moved_are_found_again(lenet_run, tmp_path):
    config = json.loads((lenet_run.folder / "config.json").read_text())
    config["data"]["data_dir"] = str(tmp_path / "gone")
    run = Run(lenet_run.folder, config)
    assert open_data(run).spec.name == "digits"


def test_a_folder_that_has_moved_may_be_given(colours, tmp_path):
    recipe = {"epochs": 1, "batch_size": 8, "image_size": 16}
    run = train("lenet5", colours, recipe=recipe, output=tmp_path / "run", verbose=0)
    moved = colours.rename(tmp_path / "moved")
    with pytest.raises(ValueError, match="colours, the data of .*run, is gone; .* as --data"):
        evaluate(run, "validation")
    assert evaluate(run, "validation", data=moved)["loss"] == run.results["validation"]["loss"]


def test_a_run_is_the_weights_of_the_next(colours, tmp_path):
    recipe = {"epochs": 1, "batch_size": 8, "image_size": 20}
    first = train("lcnet_035", colours, recipe=recipe, output=tmp_path / "first", verbose=0)
    for weights in (first.folder, first.folder / "model.keras"):
        start = Start.of("lcnet_035", weights)
        assert (start.implied["stem"], start.trained_on.size) == ("small", (20, 20))
        model = kzoo.create_model("lcnet_035", weights=weights)
        for old, new in zip(first.model().weights, model.weights, strict=True):
            np.testing.assert_array_equal(old, new)
    other = train(
        "lcnet_035",
        colours,
        weights=first.folder,
        recipe={"epochs": 1, "batch_size": 8},
        output=tmp_path / "other",
        verbose=0,
        say=lambda line: None,
    )
    assert (other.config["model"]["options"]["stem"], other.shape) == ("small", (20, 20, 3))
    assert other.recipe.layer_decay < 1
    again = kzoo.create_model("lcnet_035", weights=first.folder, classifier_activation=None)
    assert again.output_shape == (None, 3)
    named = kzoo.create_model("lcnet_035", stem="small", classes=3)
    named = keras.Model(named.input, named.output, name="mine")
    report = kzoo.load_weights(named, first.folder / "model.keras")
    assert len(report.loaded) == len(named.weights)
    with pytest.raises(ValueError, match="is a run of lcnet_035, not of resnet18; to load it"):
        kzoo.create_model("resnet18", weights=str(first.folder))
    (first.folder / "model.keras").unlink()
    with pytest.raises(ValueError, match="first has no model.keras yet: its training has not end"):
        kzoo.create_model("lcnet_035", weights=first.folder)
    (first.folder / "config.json").write_text("{")
    with pytest.raises(ValueError, match="config.json is damaged"):
        kzoo.create_model("lcnet_035", weights=first.folder)


def test_grey_weights_refuse_colour(colours, tmp_path):
    with pytest.raises(ValueError, match="mnist are for grey images, .* --channels 1`, and"):
        train("lenet5.mnist", colours, output=tmp_path / "run")


def test_a_resizing_that_leaves_images_as_they_are_may_be_new(colours, tmp_path):
    arguments = {"recipe": {"epochs": 1, "batch_size": 8, "image_size": 16}, "verbose": 0}
    data = export(open_source(colours), tmp_path / "data.npz", image_size=16)
    run = train("lenet5", data, output=tmp_path / "run", **arguments)
    bicubic = dataclasses.asdict(Resize((16, 16), interpolation="bicubic"))
    for resize, may in ((bicubic, True), (bicubic | {"crop": 0.9}, False)):
        config = run.config | {"data": run.data | {"resize": resize}}
        (run.folder / "config.json").write_text(json.dumps(config))
        expected = contextlib.nullcontext() if may else pytest.raises(RunError, match="resize")
        with expected:
            train("lenet5", data, output=tmp_path / "run", resume=True, **arguments)


def test_resume_where_files_have_changed_says_so(colours, tmp_path, monkeypatch):
    recipe = {"epochs": 1, "batch_size": 8, "image_size": 16}
    arguments = {"recipe": recipe, "output": tmp_path / "run", "verbose": 0}
    train("lenet5", colours, **arguments)
    monkeypatch.chdir(tmp_path)
    train("lenet5", "run/../colours", resume=True, **arguments)
    red = colours / "train" / "red" / "1.png"
    red.rename(red.with_name("renamed.png"))
    with pytest.raises(RunError, match="the train examples are not those .* some were added, rem"):
        train("lenet5", colours, resume=True, **arguments)


def test_names_of_classes_are_no_formulas_and_may_be_of_any_bytes(tmp_path):
    draw_confusion_matrix(tmp_path / "m.png", np.eye(2, dtype=int), ("$0_$1", "${"))
    draw_confusion_matrix(tmp_path / "m.png", np.eye(2, dtype=int), ("caf\udce9", "tea"))
    assert (tmp_path / "m.png").exists()


def test_conv_must_be_a_name(tmp_path):
    with pytest.raises(TypeError, match="conv must be a name, so that the run can be repeated"):
        train("lenet5", "digits", conv=keras.layers.Conv2D, output=tmp_path / "run")


def test_damaged_runs_are_refused(lenet_run, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    with pytest.raises(RunError, match="run is no run folder: it has no config.json"):
        evaluate(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(RunError, match="config.json is damaged"):
        Run.open(folder)
    (folder / "config.json").write_text("[1]")
    with pytest.raises(RunError, match="is not the config.json of a run"):
        Run.open(folder)
    (folder / "config.json").write_text(json.dumps(lenet_run.config))
    with pytest.raises(RunError, match="has no model.keras: its training has not ended"):
        evaluate(folder)
    whole = (lenet_run.folder / "model.keras").read_bytes()
    (folder / "model.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RunError, match="model.keras is damaged .*; train again"):
        evaluate(folder)
    # The first byte of the first part's contents.
    middle = len(whole) // 2
    changed = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
    (folder / "model.keras").write_bytes(changed)
    with pytest.raises(RunError, match="model.keras is damaged"):
        evaluate(folder)


def test_predict_refuses(lenet_run, tmp_path):
    with pytest.raises(ValueError, match="top must be an integer of at least 1; received 0"):
        predict(lenet_run, "x.png", top=0)
    with pytest.raises(ValueError, match="needs one input at least"):
        predict(lenet_run, [])
    with pytest.raises(ValueError, match="x.png"):
        predict(lenet_run, tmp_path / "x.png")


def test_default_run_folder(tmp_path, monkeypatch):
    assert str(run_folder(None, "lenet5", "/data/pets")) == "runs/lenet5-pets"
    assert str(run_folder("here", "lenet5", "digits")) == "here"
    monkeypatch.chdir(tmp_path)
    assert str(run_folder(None, "lenet5", ".")) == f"runs/lenet5-{tmp_path.name}"


def test_a_folder_that_fit_wrote_does_not_know_its_data(tmp_path):
    fit(small_model(), small_data(), Recipe(epochs=1), output=tmp_path / "run", verbose=0)
    with pytest.raises(RunError, match="does not name its data: it was written by fit"):
        evaluate(tmp_path / "run")
