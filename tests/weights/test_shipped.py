"""The weights that come with kzoo: they load, they do what their records say, they are small."""

import fnmatch
import hashlib
import json
import tomllib
from pathlib import Path

import keras
import numpy as np
import pytest

import kzoo
from kzoo.data import Pipeline, open_source
from kzoo.weights import tags
from kzoo.weights.half_precision import write_half_precision
from scripts.train_shipped import TOLERANCES

ROOT = Path(__file__).resolve().parents[2]
RECORDS = [json.loads(path.read_text()) for path in sorted(tags.SHIPPED.glob("*.json"))]


def names(record):
    return record["name"]


def test_they_are_at_most_25_megabytes_together():
    assert RECORDS
    assert sum(path.stat().st_size for path in tags.SHIPPED.iterdir()) <= 25e6


def test_they_are_in_the_wheel():
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = configuration["tool"]["setuptools"]["package-data"]["kzoo.weights"]
    for path in tags.SHIPPED.rglob("*"):
        inside = str(path.relative_to(tags.SHIPPED.parent))
        assert any(fnmatch.fnmatchcase(inside, pattern) for pattern in patterns), inside


@pytest.mark.parametrize("record", RECORDS, ids=names)
def test_each_loads_into_its_model_by_name(record):
    content = (tags.SHIPPED / record["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == record["sha256"]
    (listed,) = (
        listed for listed in kzoo.list_weights(record["model"]) if listed.tag == record["tag"]
    )
    assert listed.top1 == pytest.approx(100 * record["file_accuracy"], abs=0.005)
    assert not listed.recommended
    model = kzoo.create_model(record["name"])
    assert model.input_shape[1:] == tuple(record["input_shape"])
    assert model.output_shape[-1] == len(record["data"]["class_names"])
    assert kzoo.analysis.count_parameters(model) == record["parameters"]
    for layer in model.layers:
        if layer.name == "preprocessing":
            mean = np.asarray(layer.input_mean) / 255
            np.testing.assert_allclose(mean, record["preprocessing"]["mean"], atol=1e-6)


@pytest.mark.parametrize("record", RECORDS, ids=names)
def test_the_file_does_what_its_run_did(record):
    first = record["seeds"][0]
    assert first["seed"] == record["shipped_seed"] == 0
    tolerance = TOLERANCES[record["recipe"]["precision"]]
    assert abs(record["file_accuracy"] - first["accuracy"]) <= tolerance


@pytest.mark.parametrize(
    "record",
    [record for record in RECORDS if record["data"]["name"] == "mnist1d"],
    ids=names,
)
def test_accuracy_on_the_data_that_comes_with_kzoo(record, tmp_path, monkeypatch):
    monkeypatch.setenv("KZOO_CACHE", str(tmp_path))
    signals, labels = Pipeline(open_source("mnist1d"), "test").arrays()
    model = kzoo.create_model(record["name"])
    predicted = model.predict(signals, verbose=0).argmax(axis=1)
    assert len(labels) == record["data"]["examples"]["test"]
    # One example in a thousand may be at the border.
    assert abs(np.mean(predicted == labels) - record["file_accuracy"]) <= 0.001


def ship(folder, name, options):
    """Write a weight of a network with `options`, tagged "tiled"; return the network."""
    model = kzoo.create_model(name, classes=10, **options)
    path = write_half_precision(model, folder / f"{name}.tiled.npz")
    row = dict.fromkeys(tags.SHIPPED_COLUMNS, "") | {
        "name": name,
        "tag": "tiled",
        "source": f"shipped:{path.name}",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "classes": "10",
        "interpolation": "bilinear",
        "crop": "1.0",
        "crop_mode": "center",
        "size": "16x16",
        "facts_from": "this test",
        "options": '"' + json.dumps(options).replace('"', '""') + '"',
    }
    (folder / "tags.csv").write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
    return model


@pytest.fixture
def tiled(tmp_path, monkeypatch):
    """A shipped weight of a tiled network on images of another size; returns the network."""
    monkeypatch.setattr(tags, "SHIPPED", tmp_path)
    return ship(tmp_path, "resnet20_cifar", {"conv": "tiled", "input_shape": [16, 16, 3]})


def kinds(model):
    return [type(layer) for layer in model.layers]


def test_a_tag_brings_the_options_that_its_weights_need(tiled):
    (record,) = kzoo.list_weights("resnet20_cifar")
    assert record.options == {"conv": "tiled", "input_shape": [16, 16, 3]}
    assert hash(record) == hash(record)
    for model in (
        kzoo.create_model("resnet20_cifar.tiled"),
        kzoo.create_model("resnet20_cifar", weights="tiled", conv="tiled"),
        kzoo.applications.ResNet20CIFAR(weights="tiled"),
    ):
        assert kinds(model) == kinds(tiled)
        assert model.input_shape == (None, 16, 16, 3)
        for new, old in zip(model.weights, tiled.weights, strict=True):
            np.testing.assert_allclose(new, old, rtol=1e-3, atol=1e-7)
    larger = kzoo.create_model("resnet20_cifar.tiled", input_shape=(32, 32, 3))
    assert larger.input_shape == (None, 32, 32, 3)
    as_keras = kzoo.create_model("resnet20_cifar.tiled", input_tensor=None, input_shape=None)
    assert as_keras.input_shape == (None, 16, 16, 3)
    on_top = kzoo.create_model("resnet20_cifar.tiled", input_tensor=keras.Input((24, 24, 3)))
    assert on_top.input_shape == (None, 24, 24, 3)


def test_another_option_than_the_tags_is_refused(tiled):
    message = "the weights tiled are those of conv='tiled'; received conv='gabor', leave conv out"
    with pytest.raises(kzoo.weights.WeightsError, match=message):
        kzoo.create_model("resnet20_cifar.tiled", conv="gabor")
    plain = kzoo.create_model("resnet20_cifar")
    with pytest.raises(kzoo.weights.WeightsError, match="these weights need a model built with co"):
        kzoo.load_weights(plain, "tiled")


def test_training_starts_from_the_options_of_the_tag(tmp_path, monkeypatch):
    from kzoo.data import ArraySource, export
    from kzoo.training import train

    monkeypatch.setattr(tags, "SHIPPED", tmp_path)
    ship(tmp_path, "udl_conv1d", {"conv": "tiled"})
    signals = np.random.default_rng(0).normal(size=(16, 40, 1)).astype("float32")
    arrays = {"train": (signals, np.arange(16) % 10)}
    file = export(ArraySource(arrays, "noise"), tmp_path / "noise.npz")
    fields = {"epochs": 1, "batch_size": 8, "validation_split": 0, "frozen_epochs": 0}
    run = train("udl_conv1d.tiled", file, recipe=fields, output=tmp_path / "run", verbose=0)
    assert run.config["model"]["options"]["conv"] == "tiled"
    assert run.config["model"]["options"]["weights"] == "tiled"


def test_channels_first_turns_the_input_shape(tiled):
    keras.config.set_image_data_format("channels_first")
    assert kzoo.create_model("resnet20_cifar.tiled").input_shape == (None, 3, 16, 16)
