"""ONNX files, by tf2onnx."""

import contextlib
import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np

from kzoo.surgery._saved_model import served

PACKAGES = ("tf2onnx", "onnx", "onnxruntime")
# Of ONNX 1.10 (2021), the newest for which tf2onnx has been checked throughout.
OPSET = 15


def write(model: keras.Model, path: Path, metadata: dict):
    """Write an ONNX file; the metadata are properties of the model, as text or JSON.

    Raises:
        ValueError: it computes something that ONNX does not have.
    """
    import onnx
    import tensorflow as tf
    import tf2onnx

    serve, signature = served(model, model.inputs[0].shape)
    function = tf.function(serve, signature)
    with _quiet("tf2onnx"):
        file, _ = tf2onnx.convert.from_function(
            function,
            signature,
            opset=OPSET,
            custom_op_handlers={"Erfc": (_complementary_error_function, [])},
        )
    unknown = sorted({node.op_type for node in file.graph.node if not _is_known(node)})
    if unknown:
        raise ValueError(f"ONNX does not have TensorFlow's {', '.join(unknown)}")
    _fix_constants(file.graph, function.get_concrete_function())
    for tensor in (*file.graph.input, *file.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"
    texts = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in metadata.items()
    }
    onnx.helper.set_model_props(file, texts)
    onnx.save(file, os.fspath(path))


def run(path: Path, batches: Iterable, names: tuple[str, str]) -> np.ndarray:
    """Load an ONNX file in ONNX Runtime, and return its output for all examples."""
    import onnxruntime

    session = onnxruntime.InferenceSession(os.fspath(path), providers=["CPUExecutionProvider"])
    source, target = names
    return np.concatenate([session.run([target], {source: batch})[0] for batch in batches])


def _fix_constants(graph, function):
    """Store the constants of the model, which tf2onnx leaves as inputs where they are no variables.

    Those of the normalisation of the images are.
    """
    import onnx

    captured = function.captured_inputs
    names = [tensor.name for tensor in function.inputs[len(function.inputs) - len(captured) :]]
    constants = dict(zip(names, captured))
    used = {name for node in graph.node for name in node.input}
    for given in [given for given in graph.input if given.name in constants]:
        graph.input.remove(given)
        if given.name in used:
            value = np.asarray(constants[given.name])
            graph.initializer.append(onnx.numpy_helper.from_array(value, given.name))


def _is_known(node):
    import onnx

    return onnx.defs.has(node.op_type, node.domain)


def _complementary_error_function(context, node, name, args):
    """Convert TensorFlow's Erfc, which exact GELU is made of: 1 - erf(x)."""
    import tf2onnx

    dtype = tf2onnx.utils.map_onnx_to_numpy_type(context.get_dtype(node.input[0]))
    one = context.make_const(tf2onnx.utils.make_name("one"), np.ones((), dtype))
    same = {"shapes": node.output_shapes, "dtypes": node.output_dtypes}
    (source,), outputs = node.input, node.output
    context.remove_node(node.name)
    erf = context.make_node("Erf", [source], **same)
    context.make_node("Sub", [one.output[0], erf.output[0]], name=name, outputs=outputs, **same)


@contextlib.contextmanager
def _quiet(name):
    """Keep a logger from repeating what becomes an error."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
