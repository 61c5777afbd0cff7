"""LiteRT files, and those of 8-bit integers, with their accuracy checked."""

import json
import math
import os
import re
import tempfile
import warnings
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from kzoo import layers
from kzoo.graph import copied, require_functional
from kzoo.surgery._saved_model import METADATA, names_of, write_archive

# Share of images for which a file must find the model's class.
MINIMUM_AGREEMENT = 0.9


@dataclass(frozen=True)
class Int8Report:
    """What an exported file was measured to be.

    Attributes:
        path: the file.
        size: its bytes.
        model_size: bytes of the model's weights.
        images: number of images on which file and model were compared.
        largest_difference: largest difference between an output of the file and one of the model.
        agreement: share of the images for which both find the same class.
    """

    path: Path
    size: int
    model_size: int
    images: int
    largest_difference: float
    agreement: float


def export_int8(
    model: keras.Model,
    path: str | os.PathLike,
    images,
    *,
    minimum_agreement: float = MINIMUM_AGREEMENT,
) -> Int8Report:
    """Write a classifier as a LiteRT file that computes with 8-bit integers, and check it.

    TensorFlow's converter chooses the ranges of the activations from the images. The file takes
    and gives what the model does (float32), one image at a time, of the images' size. It is loaded
    and run before it is written.

    Args:
        model: functional classifier with one input, on the TensorFlow backend.
        path: file to write, ending in ".tflite".
        images: what the model takes, `(count, height, width, channels)`: some hundred that are
            typical of its use. Comparing on images that the ranges were not chosen from is
            stricter.
        minimum_agreement: share of the images, from 0 to 1, for which file and model must find the
            same class; otherwise nothing is written. 0 accepts any.

    Returns:
        An `Int8Report`.

    Raises:
        ValueError: another backend than TensorFlow, a path with another ending, images that do not
            fit the model, something that LiteRT does not have, or an agreement below
            `minimum_agreement` or outside 0..1.
        TypeError: `model` is no `keras.Model`.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "export_int8 needs the TensorFlow backend; received "
            f"{keras.backend.backend()!r}: save the model, and export it from there."
        )
    require_functional(model)
    path = Path(path)
    if path.suffix != ".tflite":
        raise ValueError(f"path must end in '.tflite'; received {str(path)!r}.")
    if not 0 <= minimum_agreement <= 1:
        raise ValueError(f"minimum_agreement must be in 0..1; received {minimum_agreement}.")
    if minimum_agreement > 0 and model.output_shape[-1] == 1:
        raise ValueError(
            f"{model.name} has one output, which is always the largest: give minimum_agreement=0, "
            "and judge the file by its largest_difference."
        )
    images = _checked_images(model, images)
    content = convert(model, images.shape[1:], images)
    expected = np.concatenate([np.asarray(model(image, training=False)) for image in images])
    found = _run(content, images, names_of(model))
    agreement = float(np.mean(found.argmax(axis=-1) == expected.argmax(axis=-1)))
    if agreement < minimum_agreement:
        raise ValueError(
            f"the 8-bit {model.name} finds the model's class for {agreement:.1%} of the images, "
            f"below minimum_agreement={minimum_agreement}: nothing was written; give more typical "
            "images, or a lower minimum_agreement."
        )
    path.write_bytes(content)
    return Int8Report(
        path=path,
        size=len(content),
        model_size=sum(np.asarray(weight).nbytes for weight in model.weights),
        images=len(images),
        largest_difference=float(np.abs(found - expected).max()),
        agreement=agreement,
    )


def _checked_images(model, images):
    """Return the images as float32, each a batch of its own."""
    images = np.asarray(images, "float32")
    shape = model.inputs[0].shape
    fits = images.ndim == len(shape) and all(
        size in (None, given) for size, given in zip(shape[1:], images.shape[1:])
    )
    if len(model.inputs) > 1 or len(model.outputs) > 1 or len(model.outputs[0].shape) != 2:
        raise ValueError(
            f"export_int8 takes a classifier, from one input to (batch, classes); {model.name} has "
            f"{len(model.inputs)} inputs, and outputs of {[x.shape for x in model.outputs]}."
        )
    if not fits or not len(images):
        raise ValueError(
            f"images must be of shape {tuple(shape)}, and at least one; received {images.shape}."
        )
    return images[:, None]


def convert(model: keras.Model, shape, images=None) -> bytes:
    """Return the content of a LiteRT file.

    Args:
        model: model with one input and one output.
        shape: what the file takes; the first number `None` for any number of examples.
        images: what the ranges of 8-bit integers are taken from, one batch after the other; without
            them the file computes as the model does.

    Raises:
        ValueError: the model computes something that LiteRT does not have.
    """
    import tensorflow as tf

    if images is not None:
        model = copied(model, _with_finite_padding)
    with tempfile.TemporaryDirectory() as folder:
        write_archive(model, folder, shape)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if images is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([image] for image in images)
        with warnings.catch_warnings():
            # It misses statistics of the input, which the images above are there for.
            warnings.filterwarnings("ignore", "Statistics for quantized inputs were expected")
            try:
                return converter.convert()
            except Exception as error:  # the converter's own class is not public
                unknown = sorted(set(re.findall(r"'tf\.(\w+)' op is neither", str(error))))
                if not unknown:
                    raise
                reason = f"LiteRT does not have TensorFlow's {', '.join(unknown)}"
                raise ValueError(reason) from error


class _EdgePadding2D(layers.ConstantPadding2D):
    """Pads with the pixels at the edge.

    Their maximum over a window is what it is beside minus infinity, which 8 bits do not have.
    """

    def call(self, inputs):
        x, first = inputs, 1 if self.data_format == "channels_last" else 2
        for axis, (before, after) in enumerate(self.padding, start=first):
            at = (slice(None),) * axis
            parts = [x[*at, :1]] * before + [x] + [x[*at, -1:]] * after
            x = keras.ops.concatenate(parts, axis=axis)
        return x


def _with_finite_padding(layer):
    is_infinite = isinstance(layer, layers.ConstantPadding2D) and layer.value == -math.inf
    kind = _EdgePadding2D if is_infinite else type(layer)
    return kind.from_config(layer.get_config())


def write(model: keras.Model, path: Path, metadata: dict):
    """Write a LiteRT file with metadata; raises as `convert` does."""
    path.write_bytes(convert(model, model.inputs[0].shape))
    add_metadata(path, metadata)


def add_metadata(path: Path, metadata: dict):
    """Add `metadata.json` to a LiteRT file, as a ZIP archive at its end.

    So does TensorFlow Lite pack the files that belong to a model; interpreters do not read it.
    """
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(METADATA, json.dumps(metadata, indent=2) + "\n")


def run(path: Path, batches: Iterable, names: tuple[str, str]) -> np.ndarray:
    """Load a LiteRT file in the interpreter, and return its output for all examples."""
    return _run(path.read_bytes(), batches, names)


def _run(content, batches, names):
    """Return the output of the file for all examples."""
    import tensorflow as tf

    with warnings.catch_warnings():
        # TensorFlow announces that the interpreter will move to a package of its own.
        warnings.filterwarnings("ignore", "(?s).*tf.lite.Interpreter is deprecated")
        interpreter = tf.lite.Interpreter(model_content=content)
    runner = interpreter.get_signature_runner("serving_default")
    source, target = names
    return np.concatenate([runner(**{source: batch})[target] for batch in batches])
