"""What an exported file computes, and SavedModel, TensorFlow's own format."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np

METADATA = "metadata.json"
# Where a SavedModel keeps the files that TensorFlow itself does not read.
EXTRA = "assets.extra"


def names_of(model: keras.Model) -> tuple[str, str]:
    """Return the names of the input and of the output of a model, and so of its files."""
    return model.inputs[0].name, model.output_names[0]


def served(model: keras.Model, shape):
    """Return a function of one tensor, to a dictionary of one, and its signature.

    Args:
        model: model with one input and one output.
        shape: what the function takes; the first number `None` for any number of examples.
    """
    import tensorflow as tf

    source, target = names_of(model)

    def serve(inputs):
        return {target: model(inputs, training=False)}

    return serve, [tf.TensorSpec(shape, "float32", name=source)]


def write_archive(model: keras.Model, folder, shape):
    """Write a SavedModel of `served`."""
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", *served(model, shape))
    archive.write_out(os.fspath(folder), verbose=False)


def write(model: keras.Model, path: Path, metadata: dict):
    """Write a SavedModel; the metadata lie in it as `assets.extra/metadata.json`."""
    write_archive(model, path, model.inputs[0].shape)
    (path / EXTRA).mkdir()
    (path / EXTRA / METADATA).write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")


def run(path: Path, batches: Iterable, names: tuple[str, str]) -> np.ndarray:
    """Load a SavedModel, and return its output for all examples."""
    import tensorflow as tf

    loaded = tf.saved_model.load(os.fspath(path))
    function = loaded.signatures["serving_default"]
    source, target = names
    return np.concatenate(
        [np.asarray(function(**{source: tf.constant(batch)})[target]) for batch in batches]
    )
