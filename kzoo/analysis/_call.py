"""Calling what is analysed: a layer, a model or a function, on NumPy arrays."""

import keras
import numpy as np
from keras import ops


def evaluate(function, inputs):
    """Return the output for a NumPy array, as float64; layers and models are called for inference.

    Raises:
        TypeError: `function` cannot be called, or has several outputs.
    """
    if not callable(function):
        raise TypeError(f"a layer, a model or a function is needed; received {function!r}.")
    is_layer = isinstance(function, keras.layers.Layer)
    outputs = function(inputs, training=False) if is_layer else function(inputs)
    if isinstance(outputs, (tuple, list, dict)):
        raise TypeError(
            f"one output is needed; received {len(outputs)}: pass a model of the one that is meant."
        )
    return as_float64(outputs)


def as_float64(tensor):
    """Return a tensor, a variable, an array or nested lists as a NumPy array of float64."""
    if not hasattr(tensor, "dtype") or isinstance(tensor, (np.ndarray, np.generic)):
        return np.asarray(tensor, "float64")
    # Through float32, because NumPy has no bfloat16.
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    tensor = ops.cast(tensor, dtype if dtype == "float64" else "float32")
    return ops.convert_to_numpy(tensor).astype("float64")


def check_float_input(model: keras.Model):
    """Refuse a model of integers, which cuts noise to them and has no gradient.

    Raises:
        ValueError: its input has a type of integers.
    """
    dtype = model.inputs[0].dtype
    if "float" not in dtype:
        raise ValueError(
            f"the model must take floating-point numbers; {model.name!r} takes {dtype}: build it "
            "with an input of float32."
        )


def input_shape_of(function, shape, name="input_shape"):
    """Return `shape`, the argument `name`, or where it is None that of a model's input, no batch.

    Raises:
        ValueError: it is not given and not known, or the model takes integers.
    """
    inputs = getattr(function, "inputs", None) if isinstance(function, keras.Model) else None
    if inputs:
        check_float_input(function)
    if shape is None and inputs:
        shape = tuple(inputs[0].shape[1:])
    if shape is None or None in shape:
        raise ValueError(
            f"{name} must be given, a shape without the batch and with every size; "
            f"received {shape}."
        )
    return tuple(shape)
