"""`kzoo tune`: from the command to the best run, killed on the way, and refused."""

import csv
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import keras_tuner
import numpy as np
import pytest

import kzoo.tuning
from kzoo.cli import build_parser, main
from kzoo.data import export
from kzoo.training import Run
from kzoo.tuning import Choice, Search, tune
from kzoo.tuning.tuners import create_tuner
from tests.tuning.conftest import make_source

ROOT = Path(__file__).parents[2]
FAST = "--epochs 2 --optimizer adamw --batch-size 32 --space conv=standard"


def command(data_file, folder, options=""):
    return ["tune", "udl_conv1d", "--data", data_file, "--output", folder, *FAST.split()] + (
        options.split()
    )


def run(capsys, arguments):
    """Return exit status, output and error of a command."""
    capsys.readouterr()
    status = main([str(argument) for argument in arguments])
    return status, *capsys.readouterr()


def rows_of(folder):
    return list(csv.DictReader((folder / "results.csv").read_text().splitlines()))


def test_a_search_ends_in_an_ordinary_run(capsys, data_file, tmp_path):
    folder = tmp_path / "search"
    options = "--tuner random --max-trials 3 --latency --space width=0.5,1"
    status, out, error = run(capsys, command(data_file, folder, options))
    assert (status, error) == (0, "")
    assert "trial 3 of 3: val_accuracy" in out
    rows = rows_of(folder)
    assert [row["status"] for row in rows] == ["completed"] * 3
    assert all(float(row["latency"]) > 0 for row in rows)
    best = max(rows, key=lambda row: (float(row["val_accuracy"]), -float(row["parameters"])))
    for picture in ("trials.png", "effects.png", "pareto.png"):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")

    trained = Run.open(folder / f"best-{best['trial']}")
    assert trained.recipe.validation_split == 0
    assert trained.recipe.learning_rate == pytest.approx(float(best["learning_rate"]))
    assert trained.config["model"]["parameters"] == int(float(best["parameters"]))
    assert f"accuracy {trained.results['test']['accuracy']:.4f}" in out
    assert run(capsys, ["evaluate", trained.folder])[0] == 0
    assert run(capsys, ["export", trained.folder, "--format", "savedmodel"])[0] == 0

    # The printed command trains the same network.
    again = next(line for line in out.splitlines() if line.startswith("again"))
    words = again.removeprefix("again").split()[1:]
    assert run(capsys, [*words, "--output", tmp_path / "again"])[0] == 0
    first, second = (r.model().get_weights() for r in (trained, Run.open(tmp_path / "again")))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def killed_in(trial, arguments):
    """Run a search that is killed in a trial, counted from zero."""
    script = Path(__file__).with_name("killed_search.py")
    return subprocess.run(
        [sys.executable, str(script), str(trial), *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_killed_and_started_again(capsys, data_file, tmp_path):
    """Finished trials stay, the one that was cut off is done again, and the search ends."""
    folder = tmp_path / "search"
    arguments = [
        *map(str, command(data_file, folder, "--tuner random --max-trials 4 --no-retrain"))
    ]
    done = killed_in(2, arguments)
    assert done.returncode == -signal.SIGKILL, done.stderr
    before = {path.parent.name: json.loads(path.read_text()) for path in trial_files(folder)}
    assert [trial["status"] for trial in before.values()] == ["COMPLETED", "COMPLETED", "RUNNING"]
    status, out, error = run(capsys, arguments)
    assert (status, error) == (0, "")
    assert out.startswith("going on with a search of 2 trials\ntrial 3 of 4: val_accuracy")
    after = {path.parent.name: json.loads(path.read_text()) for path in trial_files(folder)}
    assert [trial["status"] for trial in after.values()] == ["COMPLETED"] * 4
    for name, trial in before.items():
        if trial["status"] == "COMPLETED":
            assert after[name] == trial
        else:
            values = trial["hyperparameters"]["values"]
            assert after[name]["hyperparameters"]["values"] == values

    # More trials can be asked for, and another search is not mixed into it.
    more = [word if word != "4" else "5" for word in arguments]
    assert run(capsys, [*more, "--resume"])[0] == 0
    assert len(rows_of(folder)) == 5
    assert refusal(capsys, [*arguments, "--objective", "val_loss"]) == (
        f"kzoo: error: {folder} has another search: it differs in objective; name another folder "
        "with output.\n"
    )


def trial_files(folder):
    return sorted(folder.glob("keras_tuner/trial_*/trial.json"))


def refusal(capsys, arguments):
    status, _, error = run(capsys, arguments)
    assert status == 2
    assert error.count("\n") == 1
    return error


def test_a_search_in_which_all_fail(capsys, data_file, tmp_path):
    folder = tmp_path / "search"
    options = "--tuner random --max-trials 2 --space learning_rate=1e30,1e31 --optimizer sgd"
    status, out, error = run(capsys, command(data_file, folder, options))
    assert status == 1
    assert "not one of 2 candidates could be trained" in error
    assert "failed: the loss became" in out
    assert {row["status"] for row in rows_of(folder)} == {"failed"}


def test_a_trial_that_ends_its_process_again_and_again(capsys, data_file, tmp_path):
    """As where the system ends it for its memory; the others are trained."""
    folder = tmp_path / "search"
    words = [*map(str, command(data_file, folder, "--tuner random --max-trials 2 --no-retrain"))]
    assert killed_in(0, words).returncode == -signal.SIGKILL
    path = folder / "keras_tuner/trial_0/outcome.json"
    outcome = json.loads(path.read_text())
    assert outcome["attempts"] == 1
    path.write_text(json.dumps(outcome | {"attempts": 3}))
    assert run(capsys, words)[0] == 0
    first, second = rows_of(folder)
    assert (first["status"], second["status"]) == ("failed", "completed")
    assert first["reason"].startswith("the process ended 3 times in it")


def test_a_budget_leaves_out_and_hyperband_goes_on(source, data_file, tmp_path):
    """Every trial that is drawn keeps to the budget, so that a Hyperband promotes."""
    said = []
    search = tune(
        ["udl_conv1d", "udl_dense"],
        data_file,
        tuner="hyperband",
        search_space={"conv": "standard", "width": Choice((0.5, 1.0, 2.0, 4.0, 8.0))},
        recipe={"epochs": 3, "batch_size": 64, "optimizer": "adamw"},
        budget=kzoo.tuning.Budget(parameters=2_000),
        retrain=False,
        output=tmp_path / "search",
        say=said.append,
    )
    assert isinstance(search, Search)
    assert said[0] == "udl_dense is left out: its smallest form is over the budget"
    assert {trial.status for trial in search.trials} == {"completed"}
    assert {trial.values["width"] for trial in search.trials} == {0.5, 1.0}
    assert {trial.epochs for trial in search.trials} == {1, 3}
    assert all(trial.metrics["parameters"] <= 2_000 for trial in search.trials)
    assert search.best in search.pareto_front("multiply_adds")


def test_rejected_points_of_a_grid_do_not_count(data_file, tmp_path):
    fixed = {"schedule": "cosine", "weight_decay": 0.01, "label_smoothing": 0.0, "mixup": 0.0}
    search = tune(
        "udl_conv1d",
        data_file,
        tuner="grid",
        max_trials=2,
        search_space={"conv": "standard", "width": Choice((8.0, 4.0, 1.0, 0.5)), "augment": ""}
        | fixed,
        recipe={"epochs": 1, "batch_size": 32, "optimizer": "adamw", "learning_rate": 0.01},
        budget=kzoo.tuning.Budget(parameters=2_000),
        retrain=False,
        output=tmp_path / "search",
        say=lambda line: None,
    )
    assert [trial.status for trial in search.trials] == ["failed"] * 2 + ["completed"] * 2
    assert search.trials[0].reason == "udl_conv1d has 88,563 parameters and the budget is 2,000"


def test_a_search_remembers_where_its_data_is(data_file, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    search = tune(
        "udl_conv1d",
        data_file,
        tuner="random",
        max_trials=1,
        search_space={"conv": "standard"},
        recipe={"epochs": 1},
        retrain=False,
        output=tmp_path / "search",
        data_dir="~/tfds",
        skip_unreadable=True,
        say=lambda line: None,
    )
    arguments = build_parser().parse_args(shlex.split(search.command())[1:])
    assert arguments.data == str(data_file)
    assert arguments.data_dir == str(tmp_path / "tfds")
    assert arguments.skip_unreadable


def test_a_grid_goes_on_where_it_was(source, tmp_path):
    """Started again for each trial, of which every other is cut off, it has each point once."""
    space = {"conv": Choice(("standard", "tiled=2")), "mixup": Choice((0.0, 0.1, 0.2), default=0.1)}
    space |= {"width": 1.0, "learning_rate": 0.01, "weight_decay": 0.01, "schedule": "cosine"}
    space |= {"batch_size": 32, "label_smoothing": 0.0, "augment": ""}
    hypermodel = kzoo.tuning.ZooHyperModel(["udl_conv1d", "udl_dense"], source.spec, space)

    def grid(folder, max_trials=None):
        return create_tuner(
            "grid", hypermodel, "val_loss", folder, max_trials=max_trials, max_epochs=1, seed=1
        ).oracle

    def trial_of(oracle):
        trial = oracle.create_trial("tuner0")
        return None if trial.status == "STOPPED" else trial

    def end(oracle, trial):
        oracle.update_trial(trial.trial_id, {"val_loss": 1.0})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
        return trial.hyperparameters.values

    whole = grid(tmp_path / "whole")
    expected = [end(whole, trial) for trial in iter(lambda: trial_of(whole), None)]
    found = []
    for number in range(1, len(expected) + 1):
        if number % 2:
            trial_of(grid(tmp_path / "parts", number))
        oracle = grid(tmp_path / "parts", number)
        found.append(end(oracle, trial_of(oracle)))
        assert trial_of(oracle) is None
    # Two optimisers; three of mixup; two convolutions in the one model, and none in the other.
    assert len(expected) == 2 * 3 * (2 + 1)
    assert sorted(map(str, found)) == sorted(map(str, expected))
    assert trial_of(grid(tmp_path / "parts")) is None


@pytest.mark.filterwarnings("ignore:mnist1d into mnist1d_resnet")
def test_a_search_from_weights(data_file, tmp_path):
    search = tune(
        "mnist1d_resnet.mnist1d",
        data_file,
        tuner="random",
        max_trials=2,
        search_space={"batch_size": 32, "optimizer": "adamw"},
        recipe={"epochs": 2},
        output=tmp_path / "search",
        say=lambda line: None,
    )
    assert {trial.status for trial in search.trials} == {"completed"}, search.trials
    assert {"frozen_epochs", "layer_decay", "freeze"} & set(search.best.values)
    assert search.run.config["model"]["options"]["weights"] == "mnist1d"
    assert "--weights mnist1d" in search.command()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--objective accuracey", "objective must be one of 'loss', 'accuracy', 'val_loss'"),
        ("--space widht=1,2", "there is no hyperparameter 'widht' for these models; there are"),
        ("--budget-params 10", "no candidate keeps to the budget: the smallest form of every"),
        ("--max-trials 0", "max_trials must be at least 1; received 0"),
        ("--workers 0", "workers must be at least 1; received 0"),
        ("--space width=1:x", "a range is LOW:HIGH or LOW:HIGH:log; received '1:x'"),
        ("--space learning_rate=0:1:log", "low must be at least 1; received 0"),
        ("--resume", "is no folder of a search: it has no search.json"),
        ("--epochs 0", "epochs must be at least 1; received 0"),
        ("--budget-params many", "'many' is no number such as 30000, 300K or 1M"),
        ("--space width", "'width' is not NAME=VALUES"),
    ],
)
def test_bad_input(capsys, options, message, data_file, tmp_path):
    folder = tmp_path / "search"
    assert message in refusal(capsys, command(data_file, folder, options))
    assert not folder.exists()


def test_other_bad_input(capsys, data_file, tmp_path, monkeypatch):
    folder = tmp_path / "search"
    words = ["tune", "nothing*", "--data", data_file, "--output", folder]
    assert "no model for signals matches 'nothing*'" in refusal(capsys, words)
    folder.mkdir()
    assert "has no search.json" in refusal(capsys, command(data_file, folder))
    (folder / "search.json").write_text("{")
    assert "search.json is damaged" in refusal(capsys, command(data_file, folder))
    (folder / "search.json").write_text("{}")
    assert "is not the search.json of a search" in refusal(capsys, command(data_file, folder))
    inside = data_file / "search"
    assert "is not a writable folder" in refusal(capsys, command(data_file, inside))
    without = export(make_source(validation=3), tmp_path / "without.npz")
    assert refusal(capsys, command(without, tmp_path / "s", "--validation-split 1"))
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
    assert "KERASTUNER_ORACLE_IP, KERASTUNER_ORACLE_PORT is not; set all of them" in refusal(
        capsys, command(data_file, tmp_path / "s")
    )


def test_a_search_among_its_data_is_refused(capsys, tmp_path):
    data = tmp_path / "data"
    for name in ("train/a", "train/b"):
        (data / name).mkdir(parents=True)
        for number in range(4):
            np.save(data / name / f"{number}.npy", np.zeros((40, 1), "float32"))
    before = sorted(data.rglob("*"))
    assert "search lies in the data" in refusal(capsys, command(data, data / "search"))
    assert sorted(data.rglob("*")) == before


def test_keras_tuner_draws_candidates_where_the_budget_is_looked_at(source, tmp_path):
    """Fails if an upgrade of keras-tuner takes `Oracle._random_values` away."""
    drawn = []

    class Counted(kzoo.tuning.ZooHyperModel):
        def rejects(self, values):
            drawn.append(values)
            return False

    hypermodel = Counted("udl_conv1d", source.spec)
    for count, kind in enumerate(("random", "hyperband", "bayesian"), start=1):
        tuner = create_tuner(
            kind, hypermodel, "val_loss", tmp_path / kind, max_trials=2, max_epochs=4, seed=1
        )
        assert tuner.oracle.create_trial("tuner0").status == "RUNNING"
        assert len(drawn) == count
    assert hasattr(keras_tuner.Oracle, "_random_values")
