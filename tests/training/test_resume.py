"""A run that is killed in mid-epoch, again and again, ends as one that was left alone."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from kzoo.cli import main
from kzoo.training import Run

OPTIONS = (
    "train cs231n --data digits --option n=1 --option m=1 --option k=1 --option filters=4 "
    "--option units=16 --option dropout_rate=0.3 --augment crop=1,noise=8 --epochs 5 "
    "--batch-size 100"
)


def start(folder, options):
    return [*OPTIONS.split(), *options.split(), "--output", str(folder)]


def history(run):
    """Return the columns of a run's history but the last, which is its time."""
    with open(run.folder / "history.csv", newline="", encoding="utf-8") as file:
        return [row[:-1] for row in csv.reader(file)]


# Where a run is killed, as epoch and batch counted from zero in each process, and the checkpoint
# that is the newest then.
AFTER_EPOCHS = [(1, 4, "epoch-000001"), (3, 9, "epoch-000003")]
WITHIN_EPOCHS = [
    (1, 4, "epoch-000001-step-000000005"),
    (3, 4, "epoch-000003-step-000000005"),
    (3, 4, "epoch-000003-step-000000010"),
]


@pytest.mark.parametrize(
    ("options", "seconds", "kills"),
    [
        ("--early-stopping 5", 300, AFTER_EPOCHS),
        # The averages must not become the weights where an epoch is cut.
        ("--early-stopping 5 --ema 0.9 --frozen-epochs 2", 0, WITHIN_EPOCHS),
    ],
)
def test_killed_in_mid_epoch(tmp_path, options, seconds, kills):
    assert main(start(tmp_path / "whole", options)) == 0
    script = Path(__file__).with_name("killed_run.py")
    root = script.parents[2]
    resume = ""
    for epoch, batch, newest in kills:
        run = start(tmp_path / "killed", options + resume)
        done = subprocess.run(
            [sys.executable, script, str(epoch), str(batch), str(seconds), *run],
            cwd=root,
            env=os.environ | {"PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        checkpoints = (tmp_path / "killed" / "checkpoints").iterdir()
        assert max(path.stem for path in checkpoints) == newest
        resume = " --resume"
    assert main(start(tmp_path / "killed", f"{options} --resume")) == 0

    whole, killed = (Run.open(tmp_path / name) for name in ("whole", "killed"))
    for first, second in zip(whole.model().weights, killed.model().weights, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(first), keras.ops.convert_to_numpy(second)
        )
    assert whole.results == killed.results
    assert history(whole) == history(killed)
    last = [np.load(run.folder / "checkpoints" / "epoch-000005.npz") for run in (whole, killed)]
    assert set(last[0]) == set(last[1])
    # The state of dropout.
    assert any(last[0][key].shape == (2,) for key in last[0])
    for key in set(last[0]) - {"progress"}:
        np.testing.assert_array_equal(last[0][key], last[1][key])
    for archive in last:
        archive.close()
