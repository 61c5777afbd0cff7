"""From a run to one file, or folder, that computes without kzoo, compared with the model."""

import contextlib
import functools
import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from kzoo import surgery
from kzoo.graph import copied
from kzoo.surgery import _onnx, _saved_model, litert
from kzoo.surgery._saved_model import names_of
from kzoo.training.devices import precision_of
from kzoo.training.evaluate import open_data, split_pipeline
from kzoo.training.folder import versions
from kzoo.training.objective import logits_model
from kzoo.training.run import Run

OUTPUT = "probabilities"
# Examples on which file and model are compared, and from which 8-bit ranges are taken.
COMPARED, REPRESENTATIVE = 32, 200
# Largest difference of a probability; of a fused model, whose sums are taken in another order.
TOLERANCE, FUSED_TOLERANCE = 1e-5, 1e-4
# Or this part of the largest logit, if that is more: what is left of float32's seven digits. With
# random weights, regnetx_002 and tiled_cnn differ by 2.5e-6 and 4e-7 of it.
ROUNDING = 3e-6


class ExportError(ValueError):
    """A format cannot hold a model, or its file computes something else."""


class _Format(NamedTuple):
    name: str  # of the file, in the run folder
    write: Callable[[keras.Model, Path, dict], None]
    run: Callable[[Path, Iterable, tuple[str, str]], np.ndarray]
    packages: tuple[str, ...] = ()


FORMATS = {
    "savedmodel": _Format("saved_model", _saved_model.write, _saved_model.run),
    "onnx": _Format("model.onnx", _onnx.write, _onnx.run, _onnx.PACKAGES),
    "litert": _Format("model.tflite", litert.write, litert.run),
}


class _Measured(NamedTuple):
    compared_on: str
    examples: int
    largest_difference: float
    model_accuracy: float | None = None
    file_accuracy: float | None = None


@dataclass(frozen=True)
class Exported:
    """What was exported, and what it was measured to be.

    Attributes:
        path: the file, or the folder of a SavedModel.
        size: its bytes.
        compared_on: split of the run's data on which it was compared with the model, or "random".
        examples: number of examples of that.
        largest_difference: largest difference of a probability.
        model_accuracy: of the model on that split, where the file is one of 8-bit integers.
        file_accuracy: of the file there.
    """

    path: Path
    size: int
    compared_on: str
    examples: int
    largest_difference: float
    model_accuracy: float | None = None
    file_accuracy: float | None = None


def export(
    run: Run | str | os.PathLike,
    format: str,
    output: str | os.PathLike | None = None,
    *,
    fuse: bool = False,
    int8: bool = False,
    data=None,
    data_dir=None,
    say=print,
) -> Exported:
    """Write the model of a run as a SavedModel, an ONNX or a LiteRT file, and compare them.

    The file takes what the model does, float32 in 0..255 for images, any number at a time, as
    `image` (or `signal`) and gives `probabilities`; the normalisation is inside, and so are the
    names of the classes. A network trained in mixed precision is exported in float32.

    It is loaded by its own runtime (TensorFlow, ONNX Runtime, the LiteRT interpreter) and compared
    with the model on examples of the run's data, or on random ones where the data are gone, before
    it takes its place. No probability may differ by more than 1e-5 (1e-4 with `fuse`), or 3e-6 of
    the largest logit if that is more. So the class is the same, unless two are as probable within
    twice that.

    Args:
        run: the run, or its folder.
        format: "savedmodel", "onnx" or "litert".
        output: where to write; default `saved_model`, `model.onnx` or `model.tflite` in the run
            folder, `model_int8.tflite` with `int8`. Nothing is overwritten.
        fuse: whether to fold batch normalisation and merge branches first, see `kzoo.fuse`.
        int8: whether a LiteRT file computes with 8-bit integers, one example at a time. The ranges
            are taken from the training images, and the accuracies of model and file are measured
            on the validation split (or test or training, the first that the run has). Both must
            find the same class for 90 % of those training images.
        data: where the run's folder or file of data is now, if it has moved.
        data_dir: where TensorFlow Datasets are now, likewise.
        say: function that takes each line worth telling.

    Raises:
        RunError: the run folder is incomplete or damaged.
        ExportError: the format cannot hold the model, or computes something else.
        ValueError: another backend than TensorFlow, an argument that cannot be, a missing package.
    """
    _check(format, int8)
    run = run if isinstance(run, Run) else Run.open(run)
    path = _free_path(run, format, output, int8)
    kind = run.data["kind"]
    model = run.model()
    if precision_of(model) != "float32":
        say(f"the network was trained in {precision_of(model)}; it is exported in float32")
        model = in_float32(model)
    reference = served(model, kind)
    open_it = functools.partial(open_data, run, data, data_dir)
    exported = served(surgery.fuse(model), kind) if fuse else reference
    with tempfile.TemporaryDirectory(prefix=".export-", dir=path.parent) as folder:
        partial = Path(folder, path.name)
        if int8:
            measured = _write_int8(run, reference, exported, partial, open_it)
        else:
            split, inputs = _examples(run, open_it, say)
            tolerance = FUSED_TOLERANCE if fuse else TOLERANCE
            difference = write_and_compare(
                exported, partial, format, _metadata(run), reference, inputs, tolerance
            )
            measured = _Measured(split, len(inputs), difference)
        size = _synchronise(partial)
        _refuse_taken(path)
        partial.rename(path)
    return Exported(path, size, *measured)


def in_float32(model: keras.Model) -> keras.Model:
    """Return a copy of a functional model that computes in float32 throughout."""

    def converted(layer):
        return type(layer).from_config(layer.get_config() | {"dtype": "float32"})

    return copied(model, converted)


def served(model: keras.Model, kind: str) -> keras.Model:
    """Return a classifier from an input called `kind` to an output called "probabilities"."""
    inner, from_logits = logits_model(model)
    inputs = keras.Input(inner.inputs[0].shape[1:], name=kind)
    last = keras.layers.Softmax if from_logits else keras.layers.Identity
    outputs = last(name=OUTPUT, dtype="float32")(inner(inputs))
    return keras.Model(inputs, outputs, name=model.name)


def write_and_compare(
    model: keras.Model,
    path: Path,
    format: str,
    metadata: dict,
    reference: keras.Model,
    inputs,
    tolerance: float = TOLERANCE,
) -> float:
    """Write a file, load it, and return the largest difference of its probabilities.

    Args:
        model: what to write, from `served`.
        path: file or folder to write.
        format: a name in `FORMATS`.
        metadata: what lies in the file besides, see `_metadata`.
        reference: the model whose probabilities it must give.
        inputs: examples, which the file takes all at once, and the first by itself.
        tolerance: the largest difference that is accepted; `ROUNDING` of the largest logit is
            accepted too.

    Raises:
        ExportError: the format cannot hold the model, or the difference is larger.
    """
    import tensorflow as tf

    inputs = np.asarray(inputs, "float32")
    # A GPU may multiply in TF32, whose error is a hundred times the tolerance.
    with tf.device("CPU:0"):
        both = keras.Model(reference.input, [reference.layers[-1].input, reference.output])
        logits, expected = map(np.asarray, both(inputs, training=False))
        accepted = max(tolerance, ROUNDING * np.abs(logits).max())
        with _explained(model, format):
            FORMATS[format].write(model, path, metadata)
            found = FORMATS[format].run(path, [inputs, inputs[:1]], names_of(model))
    difference = float(np.abs(found - np.concatenate([expected, expected[:1]])).max())
    if not difference <= accepted:
        raise ExportError(
            f"the {format} file of {model.name} gives probabilities that differ by up to "
            f"{difference:.1g} from the model's, where {accepted:.0e} is accepted: nothing was "
            "written; choose another format."
        )
    return difference


@contextlib.contextmanager
def _explained(model, format):
    """Give the reason why a format cannot hold a model, whatever its converter raises."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # what converters and runtimes raise is not public
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise ExportError(
            f"{model.name} cannot be exported to {format}: {reason}; choose another format."
        ) from error


def _check(format, int8):
    """Refuse what cannot be done, before anything is read."""
    if keras.config.backend() != "tensorflow":
        raise ValueError(
            f"export needs the TensorFlow backend; received {keras.config.backend()!r}: export "
            "the run with KERAS_BACKEND=tensorflow, which reads it too."
        )
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}; received {format!r}.")
    if int8 and format != "litert":
        raise ValueError(f"int8 is for the format litert; received {format!r}, leave int8 out.")
    packages = FORMATS[format].packages
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(
            f"format {format!r} needs {' and '.join(missing)}, not installed here: "
            f"pip install {' '.join(packages)}."
        )


def _free_path(run, format, output, int8):
    """Return where to write; refuse a place that is taken or cannot be."""
    name = "model_int8.tflite" if int8 else FORMATS[format].name
    path = run.folder / name if output is None else Path(output)
    suffix = Path(name).suffix
    if suffix and path.suffix != suffix:
        raise ValueError(
            f"output must end in {suffix!r} for the format {format}; received {str(path)!r}."
        )
    _refuse_taken(path)
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise ValueError(f"output {path} cannot be written: {path.parent} is no writable folder.")
    return path


def _refuse_taken(path):
    if os.path.lexists(path):
        raise ValueError(f"output {path} exists already; name another with output, or remove it.")


def _metadata(run):
    """Return what a user of the file needs to know: see `docs/export.md`."""
    is_image = run.data["kind"] == "image"
    return {
        "class_names": list(run.class_names),
        "model": run.config["model"]["name"],
        "data": Path(run.data["name"]).name,
        "input_shape": list(run.shape),
        "input_layout": "NHWC" if is_image else "NLC",
        "input_range": [0, 255] if is_image else None,
        "kzoo": versions()["kzoo"],
        "keras": versions()["keras"],
    }


def _split_to_compare_on(run):
    return next(name for name in ("validation", "test", "train") if run.data["splits"].get(name))


def _batch(pipeline):
    """Return one batch of the inputs, without reading the others."""
    inputs, _ = pipeline.batch(0, 0)
    return inputs.astype("float32")


def _examples(run, open_it, say):
    """Return a split and some inputs of it, or "random" and random inputs."""
    split = _split_to_compare_on(run)
    try:
        source = open_it()
        pipeline = split_pipeline(run, source, split, COMPARED, shuffle=True, cache=False)
        return split, _batch(pipeline)
    except (ValueError, OSError) as error:
        say(f"comparing on random inputs, for the data of the run cannot be read: {error}")
    shape = (COMPARED, *run.shape)
    rng = np.random.default_rng(0)
    if run.data["kind"] == "image":
        return "random", rng.integers(0, 256, shape).astype("float32")
    return "random", rng.normal(size=shape).astype("float32")


def _write_int8(run, reference, exported, path, open_it):
    """Write a file of 8-bit integers, and measure it and the model on a split."""
    try:
        source = open_it()
        training = split_pipeline(run, source, "train", REPRESENTATIVE, shuffle=True, cache=False)
        split = _split_to_compare_on(run)
        pipeline = split_pipeline(run, source, split, COMPARED)
    except ValueError as error:
        raise ExportError(f"int8 needs the run's data, which cannot be read: {error}") from None
    with _explained(exported, "litert"):
        report = surgery.export_int8(exported, path, _batch(training), minimum_agreement=0)
    if report.agreement < litert.MINIMUM_AGREEMENT:
        raise ExportError(
            f"the 8-bit {exported.name} finds the network's class for {report.agreement:.1%} of "
            f"{report.images} training images, below {litert.MINIMUM_AGREEMENT:.0%}: nothing was "
            "written; leave int8 out."
        )
    litert.add_metadata(path, _metadata(run))
    labels = pipeline.labels()
    expected = reference.predict(pipeline.dataset(), verbose=0)
    batches = pipeline.dataset().unbatch().batch(1).as_numpy_iterator()
    inputs = (image.astype("float32") for image, _ in batches)
    found = litert.run(path, inputs, names_of(exported))
    return _Measured(
        split,
        len(labels),
        float(np.abs(found - expected).max()),
        *(float(np.mean(rows.argmax(axis=1) == labels)) for rows in (expected, found)),
    )


def _synchronise(path):
    """Have the disk hold a file or folder, and return its bytes."""
    files = [file for file in (path, *path.rglob("*")) if file.is_file()]
    for file in files:
        with open(file, "rb+") as opened:
            os.fsync(opened.fileno())
    return sum(file.stat().st_size for file in files)
