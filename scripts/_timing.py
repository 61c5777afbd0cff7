"""Interleaved timing of functions, of Keras layers and of PyTorch modules, for the benchmarks."""

import time

import keras
import numpy as np
from keras import ops


class Compiled:
    """Forward pass and train step of a Keras layer as Keras runs them on the active backend.

    `forward()` is the inference graph; `train()` computes the output and the gradients of input
    and weights for a given gradient of the output.
    """

    def __init__(self, layer, shape, dtype="float32"):
        x = np.random.default_rng(0).standard_normal(shape, dtype="float32")
        x = ops.convert_to_tensor(x, dtype)
        if not layer.built:
            layer.build(shape)
        upstream = ops.ones(tuple(layer.compute_output_shape(shape)), dtype)
        make = {"tensorflow": _tensorflow, "jax": _jax}[keras.config.backend()]
        self.forward, self.train = make(layer, x, upstream)


def _tensorflow(layer, x, upstream):
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # it takes several layers for one that is traced again

    @tf.function(autograph=False, jit_compile=False)
    def forward(x):
        return layer(x, training=False)

    @tf.function(autograph=False, jit_compile=False)
    def train(x, upstream):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        with tf.control_dependencies([y]):  # the gradient of a loss is not there before its value
            upstream = tf.identity(upstream)
        return y, tape.gradient(y, [x, *layer.trainable_variables], upstream)

    return lambda: forward(x), lambda: train(x, upstream)


def _jax(layer, x, upstream):
    import jax

    trainable = [weight.value for weight in layer.trainable_variables]

    def apply(trainable, x):
        # `stateless_call` would leave the weights in float32.
        with keras.StatelessScope(zip(layer.trainable_variables, trainable)):
            return layer(x)

    @jax.jit
    def train(trainable, x, upstream):
        y, gradients = jax.vjp(apply, trainable, x)
        return y, gradients(upstream)

    forward = jax.jit(apply)
    return (
        lambda: jax.block_until_ready(forward(trainable, x)),
        lambda: jax.block_until_ready(train(trainable, x, upstream)),
    )


def compiled_torch(module, shape, memory_format="channels_last"):
    """Return forward and train step of a PyTorch module on the CPU, as `Compiled` does."""
    import torch

    layout = getattr(torch, memory_format)
    x = torch.randn(shape).to(memory_format=layout).requires_grad_()
    module = module.to(memory_format=layout)
    upstream = torch.ones_like(module(x))

    def forward():
        with torch.inference_mode():
            return module(x)

    def train():
        module.zero_grad(set_to_none=True)
        x.grad = None
        module(x).backward(upstream)

    return forward, train


def interleaved(functions, repeats, warm_up=3):
    """Time functions in turn: name -> seconds of each of the `repeats` rounds."""
    for function in functions.values():
        for _ in range(warm_up):
            function()
    times = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            times[name].append(time.perf_counter() - start)
    return {name: np.array(values) for name, values in times.items()}


def milliseconds(times):
    return f"{1e3 * np.median(times):.2f}"


def ratio(times, base):
    """Return the median and quartiles, over the rounds, of one time over another."""
    low, median, high = np.percentile(times / base, (25, 50, 75))
    return f"{median:.2f} ({low:.2f}-{high:.2f})"
