import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.layers.backend_cases import cases, outputs

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def expected():
    return outputs()


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_layers_without_tensorflow(backend, expected, tmp_path):
    """On another backend, where TensorFlow cannot be imported, every layer gives the same."""
    pytest.importorskip(backend)
    path = tmp_path / "outputs.npz"
    run = subprocess.run(
        [sys.executable, "-m", "tests.layers.backend_cases", str(path)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    results = dict(np.load(path))
    assert set(results) == set(expected)
    for name, target in expected.items():
        assert np.all(np.isfinite(target)), name
        assert results[name].dtype == target.dtype, name
        scale = max(1.0, np.abs(target).max())
        np.testing.assert_allclose(results[name], target, rtol=0, atol=1e-5 * scale, err_msg=name)


def test_no_layer_overwrites_what_torch_keeps_of_a_module():
    """With PyTorch every layer is a `torch.nn.Module`, which keeps its weights in dictionaries."""
    torch = pytest.importorskip("torch")
    theirs = {name for name, value in vars(torch.nn.Module()).items() if isinstance(value, dict)}
    assert "_parameters" in theirs
    for name, (layer, data) in cases().items():
        layer.build(data[0].shape if len(data) == 1 else [array.shape for array in data])
        assert not theirs & set(vars(layer)), name
