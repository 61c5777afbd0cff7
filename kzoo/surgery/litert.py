"""Export to a LiteRT file of 8-bit integers, with its accuracy checked."""

import os
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from kzoo.graph import require_functional


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
    minimum_agreement: float = 0.9,
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
            fit the model, or an agreement below `minimum_agreement` or outside 0..1.
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
    images = _checked_images(model, images)
    content = _convert(model, images)
    expected = np.concatenate([np.asarray(model(image, training=False)) for image in images])
    found = _run(content, images)
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


def _convert(model, images):
    """Return the content of the file."""
    import tensorflow as tf

    archive = keras.export.ExportArchive()
    archive.track(model)
    signature = [tf.TensorSpec(images.shape[1:], "float32")]
    archive.add_endpoint("serve", lambda image: model(image, training=False), signature)
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        return _quantise(tf.lite.TFLiteConverter.from_saved_model(folder), images)


def _quantise(converter, images):
    """Return what a converter makes, in 8-bit integers, with ranges from the images."""
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image] for image in images)
    with warnings.catch_warnings():
        # It misses statistics of the input, which the images above are there for.
        warnings.filterwarnings("ignore", "Statistics for quantized inputs were expected")
        return converter.convert()


def _run(content, images):
    """Return the outputs of the file for the images."""
    import tensorflow as tf

    with warnings.catch_warnings():
        # TensorFlow announces that the interpreter will move to a package of its own.
        warnings.filterwarnings("ignore", "(?s).*tf.lite.Interpreter is deprecated")
        interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    outputs = []
    for image in images:
        interpreter.set_tensor(source["index"], image)
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(target["index"]))
    return np.concatenate(outputs)
