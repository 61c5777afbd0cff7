"""Exported files: what they compute, what lies in them, and what is refused."""

import importlib
import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import erf, softmax

import kzoo
from kzoo.training import ExportError, Recipe, Run, RunError, export
from kzoo.training.folder import save_model, write_json

MODULE = importlib.import_module("kzoo.training.export")


@keras.saving.register_keras_serializable(package="tests")
class Inverse(keras.layers.Layer):
    """Invert matrices."""

    def call(self, inputs):
        return keras.ops.inv(inputs)


def run_of(model, folder, kind="image", classes=("a", "b", "c")):
    """Return a run folder with this model, whose data are gone."""
    data = {"name": "/no/such/folder", "data_dir": None, "kind": kind, "skip_unreadable": False}
    data |= {"class_names": list(classes), "splits": {"train": "train"}, "resize": None}
    data["shape"] = list(model.input_shape[1:])
    config = {"model": {"name": model.name, "options": {}}, "data": data}
    folder.mkdir()
    write_json(folder / "config.json", config | {"recipe": Recipe().to_dict()})
    save_model(folder, model)
    return Run.open(folder)


def small(layers, shape=(6, 6, 2), seed=0):
    """Return a classifier of three classes with random weights."""
    keras.utils.set_random_seed(seed)
    x = inputs = keras.Input(shape)
    for layer in (*layers, keras.layers.Flatten(), keras.layers.Dense(3)):
        x = layer(x)
    return keras.Model(inputs, keras.layers.Softmax(name="predictions")(x), name="small")


def run_onnx(path, inputs, name="image"):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session, session.run(["probabilities"], {name: inputs.astype("float32")})[0]


@pytest.mark.filterwarnings("ignore:(?s).*tf.lite.Interpreter is deprecated")
def run_litert(path, inputs):
    runner = tf.lite.Interpreter(str(path)).get_signature_runner()
    return runner(image=inputs.astype("float32"))["probabilities"]


def check_metadata(metadata, run):
    assert metadata["class_names"] == [str(digit) for digit in range(10)]
    assert metadata["input_shape"] == run.config["model"]["options"]["input_shape"]
    assert metadata["input_range"] == [0, 255]
    assert metadata["input_layout"] == "NHWC"
    assert (metadata["model"], metadata["data"]) == ("lenet5", "digits")
    assert metadata["kzoo"] == kzoo.__version__


def lenet_inputs(run, count=5):
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (count, *run.config["model"]["options"]["input_shape"]), np.uint8)


def test_saved_model(lenet_run, tmp_path):
    exported = export(lenet_run.folder, "savedmodel", tmp_path / "digits")
    assert (exported.compared_on, exported.examples) == ("validation", 32)
    assert exported.largest_difference < 1e-5
    images = lenet_inputs(lenet_run)
    function = tf.saved_model.load(str(exported.path)).signatures["serving_default"]
    for count in (1, 5):
        found = function(image=tf.constant(images[:count].astype("float32")))["probabilities"]
        np.testing.assert_allclose(found, lenet_run.model()(images[:count]), atol=1e-6)
    check_metadata(
        json.loads((exported.path / "assets.extra/metadata.json").read_text()), lenet_run
    )
    files = [file for file in exported.path.rglob("*") if file.is_file()]
    assert exported.size == sum(file.stat().st_size for file in files)
    assert list(tmp_path.iterdir()) == [exported.path]


def test_onnx(lenet_run, tmp_path):
    pytest.importorskip("tf2onnx")
    exported = export(lenet_run, "onnx", tmp_path / "digits.onnx")
    images = lenet_inputs(lenet_run)
    session, found = run_onnx(exported.path, images)
    np.testing.assert_allclose(found, lenet_run.model()(images), atol=1e-6)
    np.testing.assert_allclose(run_onnx(exported.path, images[:1])[1], found[:1], atol=1e-6)
    assert [put.shape[0] for put in (*session.get_inputs(), *session.get_outputs())] == [
        "batch"
    ] * 2
    texts = session.get_modelmeta().custom_metadata_map
    written = ("class_names", "input_shape", "input_range")
    check_metadata(texts | {key: json.loads(texts[key]) for key in written}, lenet_run)


@pytest.mark.filterwarnings("ignore:(?s).*tf.lite.Interpreter is deprecated")
def test_litert(lenet_run, tmp_path):
    exported = export(lenet_run, "litert", tmp_path / "digits.tflite")
    images = lenet_inputs(lenet_run)
    found = run_litert(exported.path, images)
    np.testing.assert_allclose(found, lenet_run.model()(images), atol=1e-6)
    np.testing.assert_allclose(run_litert(exported.path, images[:1]), found[:1], atol=1e-6)
    with zipfile.ZipFile(exported.path) as archive:
        check_metadata(json.loads(archive.read("metadata.json")), lenet_run)


@pytest.mark.filterwarnings("ignore:(?s).*tf.lite.Interpreter is deprecated")
def test_int8(lenet_run, tmp_path, monkeypatch):
    monkeypatch.setattr(MODULE, "REPRESENTATIVE", 50)
    path = tmp_path / "digits.tflite"
    exported = export(lenet_run, "litert", path, int8=True)
    # The accuracy that training measured on that split.
    assert exported.model_accuracy == pytest.approx(lenet_run.results["validation"]["accuracy"])
    assert exported.examples == lenet_run.results["validation"]["examples"]
    assert abs(exported.file_accuracy - exported.model_accuracy) < 0.1
    assert exported.size < 0.6 * (lenet_run.folder / "model.keras").stat().st_size
    image = lenet_inputs(lenet_run, 1)
    np.testing.assert_allclose(run_litert(path, image), lenet_run.model()(image), atol=0.1)
    with zipfile.ZipFile(path) as archive:
        check_metadata(json.loads(archive.read("metadata.json")), lenet_run)


def test_int8_that_finds_other_classes_is_refused(lenet_run, tmp_path, monkeypatch):
    monkeypatch.setattr(MODULE, "REPRESENTATIVE", 10)
    monkeypatch.setattr("kzoo.surgery.litert.MINIMUM_AGREEMENT", 1.1)
    with pytest.raises(
        ExportError, match="the 8-bit lenet5 finds the network's class for .* of 10"
    ):
        export(lenet_run, "litert", tmp_path / "digits.tflite", int8=True)
    assert list(tmp_path.iterdir()) == []


def test_int8_says_why_the_converter_fails(lenet_run, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("tensor 3 is odd.\nat line 7")

    monkeypatch.setattr("kzoo.surgery.litert.convert", fails)
    with pytest.raises(
        ExportError, match="lenet5 cannot be exported to litert: tensor 3 is odd; ch"
    ):
        export(lenet_run, "litert", tmp_path / "digits.tflite", int8=True)
    assert list(tmp_path.iterdir()) == []


def test_int8_needs_the_data(tmp_path):
    run = run_of(small([]), tmp_path / "run")
    with pytest.raises(ExportError, match="int8 needs the run's data, which cannot be read: "):
        export(run, "litert", int8=True)
    assert not list(run.folder.glob("*.tflite"))


def test_fused(tmp_path):
    normalisation = kzoo.layers.BatchNormalization(name="norm")
    model = small([keras.layers.Conv2D(4, 3, name="conv"), normalisation])
    rng = np.random.default_rng(0)
    normalisation.set_weights([rng.uniform(0.5, 2, 4) for _ in range(4)])
    run = run_of(model, tmp_path / "run")
    plain = export(run, "savedmodel", say=lambda line: None)
    fused = export(run, "savedmodel", tmp_path / "fused", fuse=True, say=lambda line: None)
    assert fused.largest_difference < 1e-4

    def variables(exported):
        return sum(np.size(v) for v in tf.saved_model.load(str(exported.path)).variables)

    # The four numbers per channel of the normalisation are gone, a bias was there.
    assert variables(plain) - variables(fused) == 16


def test_data_that_are_gone_are_replaced_by_random_inputs(tmp_path):
    run = run_of(small([], (5, 2)), tmp_path / "run", kind="signal")
    said = []
    exported = export(run, "savedmodel", say=said.append)
    assert exported.compared_on == "random"
    assert exported.path == run.folder / "saved_model"
    assert len(said) == 1
    assert "comparing on random inputs, for the data of the run cannot be read: " in said[0]
    function = tf.saved_model.load(str(exported.path)).signatures["serving_default"]
    assert list(function.structured_input_signature[1]) == ["signal"]
    metadata = json.loads((exported.path / "assets.extra/metadata.json").read_text())
    assert (metadata["input_layout"], metadata["input_range"]) == ("NLC", None)
    assert metadata["data"] == "folder"


def test_mixed_precision_becomes_float32(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        keras.utils.set_random_seed(0)
        model = kzoo.create_model("lenet5", classes=3)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("c1").compute_dtype == "float16"
    run = run_of(model, tmp_path / "run")
    said = []
    exported = export(run, "savedmodel", say=said.append)
    assert said[0] == "the network was trained in mixed_float16; it is exported in float32"
    keras.utils.set_random_seed(0)
    whole = kzoo.create_model("lenet5", classes=3)
    images = np.random.default_rng(0).uniform(0, 255, (4, *whole.input_shape[1:])).astype("float32")
    function = tf.saved_model.load(str(exported.path)).signatures["serving_default"]
    found = function(image=tf.constant(images))["probabilities"]
    np.testing.assert_allclose(found, whole(images), atol=1e-6)


def test_exact_gelu_and_logits_in_onnx(tmp_path):
    pytest.importorskip("tf2onnx")
    image = keras.Input((1, 1, 64))
    outputs = keras.layers.Flatten()(keras.layers.Activation("gelu")(image))
    run = run_of(keras.Model(image, outputs, name="gelu"), tmp_path / "run")
    path = export(run, "onnx", say=lambda line: None).path
    x = np.linspace(-8, 8, 64)[None, None, None]
    expected = softmax((x * 0.5 * (1 + erf(x / np.sqrt(2)))).reshape(1, 64), axis=1)
    np.testing.assert_allclose(run_onnx(path, x)[1], expected, rtol=1e-5, atol=1e-7)


def test_groups_in_onnx(tmp_path):
    pytest.importorskip("tf2onnx")
    run = run_of(small([kzoo.layers.GroupedConv2D(8, 3, groups=2)]), tmp_path / "run")
    assert export(run, "onnx", say=lambda line: None).largest_difference < 1e-6


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("format", "message"),
    [
        ("onnx", "small cannot be exported to onnx: ONNX does not have TensorFlow's .*; choose"),
        (
            "litert",
            "small cannot be exported to litert: LiteRT does not have TensorFlow's MatrixInverse;",
        ),
    ],
)
def test_what_a_format_does_not_have_is_refused(tmp_path, format, message):
    if format == "onnx":
        pytest.importorskip("tf2onnx")
    model = small([Inverse()], (2, 4, 4))
    run = run_of(model, tmp_path / "run")
    before = sorted(run.folder.iterdir())
    with pytest.raises(ExportError, match=message):
        export(run, format, say=lambda line: None)
    assert sorted(run.folder.iterdir()) == before


def test_a_file_that_computes_something_else_is_refused(tmp_path, monkeypatch):
    run = run_of(small([]), tmp_path / "run")
    before = sorted(run.folder.iterdir())

    def wrong(path, batches, names):
        return np.concatenate([np.full((len(batch), 3), np.nan) for batch in batches])

    monkeypatch.setitem(
        MODULE.FORMATS, "savedmodel", MODULE.FORMATS["savedmodel"]._replace(run=wrong)
    )
    with pytest.raises(ExportError, match="savedmodel file of small .* differ by up to nan from"):
        export(run, "savedmodel", say=lambda line: None)
    assert sorted(run.folder.iterdir()) == before


def test_large_logits_are_held_to_what_float32_can_do(tmp_path, monkeypatch):
    """Of logits of 100, 3e-6 is 3e-4."""
    image = keras.Input((2,))
    outputs = keras.layers.Softmax()(keras.layers.Rescaling(100.0)(image))
    model = MODULE.served(keras.Model(image, outputs, name="steep"), "signal")
    inputs = np.eye(2)

    def write(name, error):
        def run(path, batches, names):
            return np.concatenate([np.asarray(model(batch)) for batch in batches]) + error

        changed = MODULE.FORMATS["savedmodel"]._replace(run=run)
        monkeypatch.setitem(MODULE.FORMATS, "savedmodel", changed)
        return MODULE.write_and_compare(model, tmp_path / name, "savedmodel", {}, model, inputs)

    assert write("close", 2e-4) == pytest.approx(2e-4, rel=1e-3)
    with pytest.raises(ExportError, match="differ by up to 0.0004 .*, where 3e-04 is accepted"):
        write("far", 4e-4)


def test_nothing_is_overwritten(lenet_run, tmp_path):
    taken = tmp_path / "taken.tflite"
    taken.write_text("mine")
    with pytest.raises(ValueError, match="taken.tflite exists already; name another with output"):
        export(lenet_run, "litert", taken)
    assert taken.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("keras",), {}, "format must be one of savedmodel, onnx, litert; received 'keras'"),
        (("onnx",), {"int8": True}, "int8 is for the format litert; received 'onnx'"),
        (("litert", "x.onnx"), {}, "output must end in '.tflite' for the format litert; received"),
        (("litert", "no/x.tflite"), {}, "x.tflite cannot be written: no is no writable folder"),
    ],
)
def test_bad_arguments(lenet_run, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        export(lenet_run, *arguments, **options)


def test_another_backend_is_refused(lenet_run, monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="export needs the TensorFlow backend; received 'jax'"):
        export(lenet_run, "litert")


def test_a_missing_package_is_named(lenet_run, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "onnx" else name)
    message = "'onnx' needs onnx, not installed here: pip install tf2onnx onnx onnxruntime"
    with pytest.raises(ValueError, match=message):
        export(lenet_run, "onnx")


def test_a_run_without_data_or_model_is_refused(tmp_path, lenet_run):
    write_json(tmp_path / "config.json", {"recipe": Recipe().to_dict()})
    with pytest.raises(RunError, match="does not name its data"):
        export(tmp_path, "litert")
    write_json(tmp_path / "config.json", lenet_run.config)
    with pytest.raises(RunError, match="its training has not ended"):
        export(tmp_path, "litert")
