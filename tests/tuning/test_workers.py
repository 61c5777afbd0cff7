"""A chief and its workers: one that dies does not take the search with it."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

from kzoo.tuning import tune, workers
from kzoo.tuning.results import read_trials
from tests.tuning.test_search import command

ROOT = Path(__file__).parents[2]
LIMIT = 240


def start(arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "kzoo", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_until(true):
    limit = time.monotonic() + LIMIT
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.2)


def become_chief(monkeypatch):
    for name, value in {"TUNER_ID": "chief", "ORACLE_IP": "127.0.0.1", "ORACLE_PORT": "1"}.items():
        monkeypatch.setenv(f"KERASTUNER_{name}", value)


def test_one_process_and_a_chief_go_on_with_each_others_search(data_file, tmp_path, monkeypatch):
    """A Hyperband would wait for ever for trials that nobody trains."""
    folder = tmp_path / "search"
    options = {
        "tuner": "hyperband",
        "recipe": {"epochs": 2, "optimizer": "adamw", "batch_size": 64},
        "search_space": {"conv": "standard"},
        "retrain": False,
        "output": folder,
        "say": lambda line: None,
    }
    whole = tune("udl_conv1d", data_file, **options)
    shutil.rmtree(folder / "keras_tuner")
    with monkeypatch.context() as patch:
        become_chief(patch)
        oracle = whole.plan.tuner(folder).oracle
        ended, begun = (oracle.create_trial(name) for name in ("worker-8", "worker-9"))
        oracle.update_trial(ended.trial_id, {"val_accuracy": 0.0, "parameters": 1.0})
        ended.status = "COMPLETED"
        oracle.end_trial(ended)
    again = tune("udl_conv1d", data_file, **options)
    assert {trial.status for trial in again.trials} == {"completed"}
    assert len(again.trials) == len(whole.trials)
    # The first was not trained again, and the second was.
    assert again.trials[0].metrics == {"val_accuracy": 0.0, "parameters": 1.0}
    assert again.trials[1].values["learning_rate"] == begun.hyperparameters["learning_rate"]
    assert again.trials[1].metrics["parameters"] > 1

    become_chief(monkeypatch)
    chief = whole.plan.tuner(folder)
    assert tuple(read_trials(chief)) == again.trials
    assert chief.oracle.create_trial("worker-1").status == "STOPPED"


def test_the_end_of_all_workers_is_heard_in_the_background(tmp_path, monkeypatch):
    """There a shell has Ctrl-C ignored, and keras-tuner's chief would wait for ever."""

    def start_worker(argv, environment, log):
        log.write_text("out of memory")
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])

    monkeypatch.setattr(workers, "_RESTARTS", 0)
    monkeypatch.setattr(workers, "start_worker", start_worker)
    oracle = types.SimpleNamespace(tuner_ids=set(), ongoing_trials={}, end_order=[])
    tuner = types.SimpleNamespace(oracle=oracle)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    begin = time.monotonic()
    try:
        with (
            pytest.raises(workers.WorkerError, match=r"worker 1 ended .*3 \(out of memory\)"),
            workers._Crew(tmp_path, tuner, 1, None) as crew,
        ):
            crew.wait_for(lambda: time.sleep(LIMIT))
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - begin < LIMIT / 2
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL


def test_the_workers_of_tensorflow_are_no_search(data_file, tmp_path, monkeypatch):
    cluster = {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}
    task = {"type": "worker", "index": 0}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
    with pytest.raises(ValueError, match="TF_CONFIG names workers .* unset TF_CONFIG, and say"):
        tune("udl_conv1d", data_file, output=tmp_path / "search")
    assert not (tmp_path / "search").exists()


def test_a_worker_that_is_killed(data_file, tmp_path):
    folder = tmp_path / "search"
    options = "--tuner random --max-trials 6 --workers 2 --no-retrain --epochs 8"
    chief = start(command(data_file, folder, options))
    try:
        # The second worker has a trial.
        outcomes = [f"trial_{number}/outcome.json" for number in range(6)]
        wait_until(
            lambda: any(
                '"worker-2"' in path.read_text()
                for name in outcomes
                if (path := folder / "keras_tuner" / name).exists()
            )
        )
        mine = [
            int(path.parent.name)
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if f"kzoo.tuning\0{folder}" in path.read_text()
        ]
        assert len(mine) == 2
        os.kill(max(mine), signal.SIGKILL)
        output, _ = chief.communicate(timeout=LIMIT)
    finally:
        chief.kill()
    assert chief.returncode == 0, output
    # keras-tuner's server prints the values of conditions.
    assert "adamw" not in output.splitlines()
    rows = list(csv.DictReader((folder / "results.csv").read_text().splitlines()))
    assert [row["status"] for row in rows] == ["completed"] * 6, output
    assert len(list((folder / "workers").glob("*.log"))) == 3
