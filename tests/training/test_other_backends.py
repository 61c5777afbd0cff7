"""`fit` on JAX and PyTorch, where TensorFlow cannot be imported."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("backend", "refusal"),
    [
        ("jax", "xla='off' is not possible with JAX, which always compiles; use 'auto'."),
        ("torch", "xla='on' needs TensorFlow or JAX; the backend is PyTorch, use 'auto'."),
    ],
)
def test_fit_and_resume(tmp_path, backend, refusal):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    script = Path(__file__).with_name("other_backend.py")
    root = script.parents[2]
    done = subprocess.run(
        [sys.executable, script, tmp_path / "run"],
        env=os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert float(lines[0].split()[1]) > 0.8
    said = "resuming after epoch 2 of 4"
    assert lines[1::2] == [said] * 4 + [f"{said} and 5 of 6 steps"] * 4
    assert lines[-1] == refusal
