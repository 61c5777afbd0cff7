"""Gradients of a function with respect to its input, on each backend of Keras."""

from collections.abc import Callable

import keras
import numpy as np


def input_gradient(function: Callable, x: np.ndarray) -> np.ndarray:
    """Return the gradient, at `x`, of a function that takes and returns tensors.

    Args:
        function: from a tensor of the shape of `x` to a scalar.
        x: array of floats.

    Returns:
        An array of the shape of `x`.

    Raises:
        NotImplementedError: the backend is none of TensorFlow, JAX and PyTorch.
    """
    backend = keras.backend.backend()
    if backend not in _GRADIENTS:
        raise NotImplementedError(
            f"gradients are computed by {', '.join(_GRADIENTS)}; Keras runs on {backend!r}: choose "
            "another backend with KERAS_BACKEND."
        )
    gradient = _GRADIENTS[backend](function, keras.ops.convert_to_tensor(x))
    return keras.ops.convert_to_numpy(gradient)


def _tensorflow(function, x):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def _jax(function, x):
    import jax

    return jax.grad(function)(x)


def _torch(function, x):
    import torch

    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        y = function(x)
    if not y.requires_grad:
        return torch.zeros_like(x)
    (gradient,) = torch.autograd.grad(y, x, allow_unused=True)
    return torch.zeros_like(x) if gradient is None else gradient


_GRADIENTS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
