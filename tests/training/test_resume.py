"""A run that is killed in mid-epoch, twice, ends as one that was left alone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np

from kzoo.cli import main
from kzoo.training import Run

OPTIONS = (
    "train cs231n --data digits --option n=1 --option m=1 --option k=1 --option filters=4 "
    "--option units=16 --option dropout_rate=0.3 --augment crop=1,noise=8 --epochs 5 "
    "--batch-size 100 --early-stopping 5"
)


def start(folder, *options):
    return [*OPTIONS.split(), "--output", str(folder), *options]


def test_killed_twice_in_mid_epoch(tmp_path):
    assert main(start(tmp_path / "whole")) == 0
    script = Path(__file__).with_name("killed_run.py")
    root = script.parents[2]
    for epoch, batch, options in [(1, 4, ()), (3, 9, ("--resume",))]:
        command = [sys.executable, script, epoch, batch, *start(tmp_path / "killed", *options)]
        done = subprocess.run(
            [*map(str, command)],
            cwd=root,
            env=os.environ | {"PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        newest = max((tmp_path / "killed" / "checkpoints").iterdir()).name
        assert newest == f"epoch-{epoch:06d}.npz"
    assert main(start(tmp_path / "killed", "--resume")) == 0

    whole, killed = (Run.open(tmp_path / name) for name in ("whole", "killed"))
    for first, second in zip(whole.model().weights, killed.model().weights, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(first), keras.ops.convert_to_numpy(second)
        )
    assert whole.results == killed.results
    last = [np.load(run.folder / "checkpoints" / "epoch-000005.npz") for run in (whole, killed)]
    assert set(last[0]) == set(last[1])
    # The state of dropout.
    assert any(last[0][key].shape == (2,) for key in last[0])
    for key in set(last[0]) - {"progress"}:
        np.testing.assert_array_equal(last[0][key], last[1][key])
    for archive in last:
        archive.close()
