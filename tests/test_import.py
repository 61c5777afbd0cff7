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
start = time.perf_counter()
import kzoo
seconds = time.perf_counter() - start
heavy = {"tensorflow_datasets", "keras_tuner", "matplotlib", "sklearn", "PIL", "scipy"}
print(json.dumps([seconds, sorted(heavy & (set(sys.modules) - before))]))
"""


def test_import_is_light():
    runs = [run(IMPORT) for _ in range(3)]
    assert min(seconds for seconds, _ in runs) < 0.1
    assert runs[0][1] == []


WITHOUT_TENSORFLOW = """
import json, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "tensorflow_datasets"):
            raise ModuleNotFoundError(f"no module named {name!r}", name=name)

sys.meta_path.insert(0, Refuse())
import keras, kzoo, numpy as np
shapes = []
for name in ("resnet20_cifar", "p4cnn", "lenet5", "udl_conv1d"):
    model = kzoo.create_model(name)
    x = np.ones((2, *model.input_shape[1:]), "float32")
    shapes.append(list(keras.ops.convert_to_numpy(model(x)).shape))
for conv in ("tiled", "locally_connected", "gabor"):
    model = kzoo.create_model("all_cnn_c", conv=conv, input_shape=(9, 9, 3))
    shapes.append(list(keras.ops.convert_to_numpy(model(np.ones((2, 9, 9, 3)))).shape))
print(json.dumps([keras.backend.backend(), shapes, "tensorflow" in sys.modules]))
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_models_work_where_tensorflow_is_not_installed(backend):
    pytest.importorskip(backend)
    name, shapes, tensorflow = run(WITHOUT_TENSORFLOW, KERAS_BACKEND=backend)
    assert name == backend
    assert shapes == [[2, 10]] * 7
    assert not tensorflow
