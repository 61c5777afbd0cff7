"""What `import kzoo` costs and brings, checked in new processes."""

import json
import os
import subprocess
import sys

import pytest


def run(code, **environment):
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


IMPORT = """
import json, sys, time
import keras
before = set(sys.modules)
start = time.process_time()
import kzoo
seconds = time.process_time() - start
heavy = {"tensorflow_datasets", "keras_tuner", "matplotlib", "sklearn", "PIL", "scipy"}
print(json.dumps([seconds, sorted(heavy & (set(sys.modules) - before))]))
"""


def test_import_is_light():
    runs = [run(IMPORT, PYTHONDONTWRITEBYTECODE="") for _ in range(3)]
    assert min(seconds for seconds, _ in runs) < 0.1
    assert runs[0][1] == []


WITHOUT_TENSORFLOW = """
import importlib.machinery, json, sys

class NotInstalled(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.split(".")[0] not in ("tensorflow", "tensorflow_datasets"):
            return super().find_spec(name, path, target)

sys.meta_path[:] = [
    NotInstalled if finder is importlib.machinery.PathFinder else finder
    for finder in sys.meta_path
]
import keras, kzoo, numpy as np
shapes = []
cases = [("resnet20_cifar", {"input_shape": (8, 8, 3)}), ("p4cnn", {}), ("udl_conv1d", {})]
cases += [("lenet5", {"conv": conv}) for conv in ("tiled", "locally_connected", "gabor")]
for name, options in cases:
    model = kzoo.create_model(name, **options)
    x = np.ones((2, *model.input_shape[1:]), "float32")
    shapes.append(list(keras.ops.convert_to_numpy(model(x)).shape))
print(json.dumps([keras.backend.backend(), shapes]))
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_models_work_where_tensorflow_is_not_installed(backend):
    pytest.importorskip(backend)
    name, shapes = run(WITHOUT_TENSORFLOW, KERAS_BACKEND=backend)
    assert name == backend
    assert shapes == [[2, 10]] * 6
