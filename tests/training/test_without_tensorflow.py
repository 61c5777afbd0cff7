"""An exported data set trains on JAX where TensorFlow cannot be imported."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kzoo.data import ArraySource, Pipeline, export


def test_train_and_evaluate_from_an_exported_file(tmp_path):
    pytest.importorskip("jax")
    random = np.random.default_rng(0)
    labels = np.arange(48) % 3
    images = (random.integers(0, 60, (48, 8, 8, 3)) + 80 * labels[:, None, None, None]).astype("u1")
    source = ArraySource(
        {"train": (images[:32], labels[:32]), "test": (images[32:], labels[32:])}, "shades"
    )
    file = export(source, tmp_path / "shades.npz")
    script = Path(__file__).with_name("without_tensorflow.py")
    done = subprocess.run(
        [sys.executable, script, file, tmp_path / "run"],
        env=os.environ
        | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(script.parents[2]), "TFDS_DATA_DIR": "."},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    here = Pipeline(source, batch_size=8, augment="flip,crop=1", seed=3).batch(2, 1)[0]
    assert f"batch {np.sum(here, dtype=np.int64)}" in lines
    assert "examples 16" in lines
    for name in ("cifar10", "digits"):
        assert (
            f"The data set {name!r} needs tensorflow, which is not installed: give a folder, or a "
            "file that `kzoo data export` wrote where it is installed."
        ) in lines
    assert lines[-1] == "ready []"
    assert (tmp_path / "run" / "results.json").exists()
    assert not (tmp_path / "run" / "tensorboard").exists()
