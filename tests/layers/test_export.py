"""Every layer, exported to SavedModel and ONNX, gives the same from the file."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.layers import GroupedConv2D
from tests.layers.backend_cases import cases

CASES = cases()
NOT_IN_ONNX = ("fft", "fft 1d")  # tf2onnx has no transform of real maps


def model_and_arrays(name):
    """Return a model of the layer `name` with random weights, arrays for it, and its outputs."""
    layer, arrays = CASES[name]
    inputs = [keras.Input(a.shape[1:], dtype=str(a.dtype)) for a in arrays]
    outputs = layer(inputs if len(inputs) > 1 else inputs[0])
    model = keras.Model(inputs, list(outputs) if isinstance(outputs, tuple) else [outputs])
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.1, 1, size=w.shape).astype("float32") for w in model.weights])
    return model, arrays, model(arrays)


def listed(outputs):
    return outputs if isinstance(outputs, (list, tuple)) else [outputs]


def check_equal(results, expected):
    results, expected = listed(results), listed(expected)
    for result, target in zip(results, expected, strict=True):
        result, target = np.asarray(result), np.asarray(target)
        assert result.dtype == target.dtype
        scale = max(1.0, np.abs(target).max())
        np.testing.assert_allclose(result, target, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("name", CASES)
def test_saved_model(name, tmp_path):
    model, arrays, expected = model_and_arrays(name)
    model.export(tmp_path / "model", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    check_equal(loaded.serve([tf.constant(a) for a in arrays]), expected)


@pytest.mark.filterwarnings("ignore:.*np.object:FutureWarning")  # in tf2onnx
@pytest.mark.parametrize("name", [name for name in CASES if name not in NOT_IN_ONNX])
def test_onnx(name, tmp_path):
    pytest.importorskip("tf2onnx")
    runtime = pytest.importorskip("onnxruntime")
    model, arrays, expected = model_and_arrays(name)
    path = str(tmp_path / "model.onnx")
    model.export(path, format="onnx", verbose=False)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    results = session.run(None, dict(zip([i.name for i in session.get_inputs()], arrays)))
    check_equal(results, expected)


@pytest.mark.filterwarnings("ignore:.*np.object:FutureWarning")  # in tf2onnx
def test_onnx_of_dilated_groups_at_unknown_size(tmp_path):
    pytest.importorskip("tf2onnx")
    runtime = pytest.importorskip("onnxruntime")
    inputs = keras.Input((None, None, 64))
    layer = GroupedConv2D(64, 3, padding="same", dilation_rate=2, groups=2)
    model = keras.Model(inputs, layer(inputs))
    images = np.random.default_rng(0).normal(size=(2, 9, 8, 64)).astype("float32")
    expected = model(images)
    path = str(tmp_path / "model.onnx")
    model.export(path, format="onnx", verbose=False)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    check_equal(session.run(None, {session.get_inputs()[0].name: images}), expected)
