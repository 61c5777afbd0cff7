"""The script that trains what is shipped: what it writes, and what it refuses."""

import json
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

import kzoo
from kzoo.data import ArraySource, export
from kzoo.registry import find_family
from kzoo.training import Recipe
from kzoo.weights import tags
from scripts import _shipped_cards as cards
from scripts import train_shipped
from scripts._shipped_table import ROWS, SHIPPED

NAME = "udl_conv1d.mnist1d"


@pytest.fixture(scope="module")
def signals(tmp_path_factory):
    """An exported file of 300 signals of ten kinds, by the name of MNIST-1D."""
    random = np.random.default_rng(0)
    labels = np.arange(300) % 10
    inputs = (random.normal(size=(300, 40, 1)) + labels[:, None, None]).astype("float32")
    arrays = {"train": (inputs[:200], labels[:200]), "test": (inputs[200:], labels[200:])}
    return export(ArraySource(arrays, "mnist1d"), tmp_path_factory.mktemp("data") / "mnist1d.npz")


@pytest.fixture
def project(tmp_path):
    """A folder in place of a checkout."""
    (tmp_path / "docs").mkdir()
    (tmp_path / train_shipped.WEIGHTS).mkdir(parents=True)
    (tmp_path / "README.md").write_text("a\n<!-- shipped -->\n<!-- /shipped -->\nb\n")
    return tmp_path


def arguments_for(project, file, *more):
    folders = ["--runs", str(project / "runs"), "--project", str(project)]
    few = ["--seeds", "2", "--epochs", "2", "--verbose", "0"]
    return [NAME, "--data", str(file), *folders, *few, *more]


def test_every_row_names_a_model_a_recipe_and_options_that_there_are():
    assert len(SHIPPED) == len(ROWS)
    for row in ROWS:
        recipe = row.recipe_for(1)
        assert (recipe.seed, recipe.validation_split) == (1, 0)
        assert row.recipe_for(0, epochs=9).epochs == 9
        assert row.tag.endswith(row.data)
        assert row.data in cards.DATA_SETS
        assert set(row.options) <= set(find_family(row.model).signature.parameters)


def test_what_is_written_from_the_records_is_current():
    written = train_shipped.pages(train_shipped.ROOT)
    for path, text in written.items():
        assert path.read_text() == text, f"{path} is stale: run scripts/train_shipped.py --pages"
    on_disk = {path for path in tags.SHIPPED.iterdir() if path.suffix == ".md"}
    assert on_disk == {path for path in written if path.parent == tags.SHIPPED} - {
        tags.SHIPPED / "tags.csv"
    }
    files = {path.stem for path in tags.SHIPPED.glob("*.npz")}
    assert files == {path.stem for path in on_disk} <= set(SHIPPED)


def test_recorded_recipes_are_those_of_the_table():
    for record in cards.read_records(tags.SHIPPED):
        expected = SHIPPED[record["name"]].recipe_for(0).to_dict()
        assert record["recipe"] | {"seed": 0} == expected


def test_training_writes_file_record_card_and_tables(signals, project, capsys, monkeypatch):
    assert train_shipped.main(arguments_for(project, signals, "--note", "made of noise")) == 0
    folder = project / train_shipped.WEIGHTS
    record = json.loads((folder / f"{NAME}.json").read_text())
    runs = [
        json.loads((project / "runs" / NAME / f"seed-{seed}" / "results.json").read_text())
        for seed in range(2)
    ]
    assert [seed["accuracy"] for seed in record["seeds"]] == [
        run["test"]["accuracy"] for run in runs
    ]
    assert abs(record["file_accuracy"] - runs[0]["test"]["accuracy"]) <= 0.001
    assert record["data"]["note"] == "made of noise"
    card = (folder / f"{NAME}.md").read_text()
    command = f"python scripts/train_shipped.py {NAME} --seeds 2 --epochs 2 --data mnist1d.npz"
    assert command in card
    for shown in ("made of noise", record["sha256"], record["hardware"], "epochs            2"):
        assert shown in card
    assert str(project) not in card + json.dumps(record)
    readme = (project / "README.md").read_text()
    assert readme.startswith("a\n")
    assert readme.endswith("b\n")
    assert NAME in readme
    assert "| MNIST-1D<sup>1</sup> |" in readme
    assert "\n<sup>1</sup> made of noise\n" in readme
    assert NAME in (project / "docs" / "weights.md").read_text()
    monkeypatch.setattr(tags, "SHIPPED", folder)
    model = kzoo.create_model(NAME)
    assert kzoo.list_weights("udl_conv1d")[0].sha256 == record["sha256"]

    # The runs have ended: they are used as they are, and the same is written again.
    model_file = project / "runs" / NAME / "seed-0" / "model.keras"
    before = model_file.stat().st_mtime_ns
    assert train_shipped.main(arguments_for(project, signals, "--note", "made of noise")) == 0
    assert model_file.stat().st_mtime_ns == before
    assert json.loads((folder / f"{NAME}.json").read_text()) == record
    assert kzoo.create_model(NAME).count_params() == model.count_params()

    fewer = [*arguments_for(project, signals), "--epochs", "1"]
    assert train_shipped.main(fewer) == 2
    assert "was trained by another recipe than udl_conv1d.mnist1d has now; remove it, or give" in (
        capsys.readouterr().err
    )


def test_one_seed_alone_ships_nothing(signals, project):
    alone = [*arguments_for(project, signals), "--seed", "1"]
    assert train_shipped.main(alone) == 0
    assert [path.name for path in (project / "runs" / NAME).glob("seed-?")] == ["seed-1"]
    assert not list((project / train_shipped.WEIGHTS).iterdir())


def test_a_file_that_lost_accuracy_is_refused_and_taken_away(signals, project, capsys, monkeypatch):
    monkeypatch.setattr(train_shipped, "measure", lambda *arguments: 2.0)
    assert train_shipped.main([*arguments_for(project, signals), "--seeds", "1"]) == 2
    assert "has a test accuracy of 2.0000, and its run 0." in capsys.readouterr().err
    assert not list((project / train_shipped.WEIGHTS).iterdir())


@pytest.mark.parametrize(
    ("precision", "lost", "refused"),
    [
        ("float32", 0.0009, False),
        ("float32", 0.0011, True),
        ("mixed_bfloat16", 0.0049, False),
        ("mixed_bfloat16", 0.0051, True),
    ],
)
def test_how_much_a_file_may_lose(precision, lost, refused):
    recipe = Recipe(precision=precision)
    run = SimpleNamespace(recipe=recipe, results={"test": {"accuracy": 0.9}})
    with pytest.raises(ValueError, match="not shipped") if refused else nullcontext():
        train_shipped.check_accuracy(SHIPPED[NAME], run, 0.9 - lost)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lenet6.mnist"], "there is nothing called 'lenet6.mnist' to train: NAME is one of resne"),
        (["lenet5.mnist"], "lenet5.mnist is trained on mnist, and --data .* holds mnist1d; give "),
    ],
)
def test_what_cannot_be_trained_is_refused(arguments, message, signals, project, capsys):
    assert train_shipped.main([*arguments, "--data", str(signals)]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_no_seeds_and_no_checkout_are_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        train_shipped.main([NAME, "--seeds", "0"])
    assert "--seeds must be at least 1; received 0" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        train_shipped.main([NAME, "--project", str(tmp_path)])
    assert "has no kzoo/weights/shipped" in capsys.readouterr().err


def test_the_list_is_printed(capsys):
    assert train_shipped.main(["--list"]) == 0
    assert capsys.readouterr().out.count("\n") == len(SHIPPED)


def test_it_runs_on_jax_without_tensorflow(signals, project):
    pytest.importorskip("jax")
    program = (
        "import sys; sys.modules['tensorflow'] = sys.modules['tensorflow_datasets'] = None;"
        "from scripts import train_shipped; sys.exit(train_shipped.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments_for(project, signals), "--seeds", "1"],
        env=os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    record = json.loads((project / train_shipped.WEIGHTS / f"{NAME}.json").read_text())
    assert record["versions"]["backend"] == "jax"
    assert record["command"].startswith("KERAS_BACKEND=jax python scripts/train_shipped.py")
