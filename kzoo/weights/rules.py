"""How the variables of a Keras layer are called and laid out in a PyTorch state dict.

A rule belongs to a kind of layer and gives, for each variable, the suffix of the source's name and
a function from the source's array to the variable's layout. Nothing is matched by order or shape.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

from kzoo import layers
from kzoo.graph import upstream


class Entry(NamedTuple):
    """One variable: its name in the source, the Keras variable, and the change of layout."""

    source: str
    variable: keras.Variable
    convert: Callable[[np.ndarray], np.ndarray]


def _convolution_kernel(layer):
    """From `(out, in, *kernel)`, or a dense layer's `(out, in)`, to `(*kernel, in, out)`."""

    def convert(array):
        ones = (1,) * (len(layer.kernel.shape) - array.ndim)
        return np.moveaxis(array.reshape(array.shape + ones), (0, 1), (-1, -2))

    return convert


def _same(array):
    return array


def _dense_kernel(layer):
    """From `(out, in)` to `(in, out)`; a flattened map's inputs from channels first to last.

    The source's may be a 1x1 convolution, `(out, in, 1, 1)`.
    """
    flattened = _flattened_shape(layer)

    def convert(array):
        kernel = _pointwise_kernel(array) if array.shape[2:] == (1, 1) else array.T
        if flattened is None or kernel.ndim != 2:
            return kernel
        *sizes, channels = flattened
        if kernel.shape[0] != channels * int(np.prod(sizes)):
            return kernel
        kernel = kernel.reshape(channels, *sizes, -1)
        return np.moveaxis(kernel, 0, -2).reshape(-1, kernel.shape[-1])

    return convert


def _flattened_shape(layer):
    """Shape `(*sizes, channels)` of the map that reaches a dense layer flattened, or `None`.

    Looks back from the layer through dropout and activations.
    """
    for source in upstream(layer.input):
        if isinstance(source, keras.layers.Flatten):
            # Which puts the channels last before it flattens.
            shape = tuple(source.input.shape[1:])
            return shape if source.data_format == "channels_last" else (*shape[1:], shape[0])
        if isinstance(source, layers.SpatialPyramidPooling2D) and len(source.levels) == 1:
            cells = source.levels[0] ** 2
            return (*source.levels, *source.levels, source.output.shape[1] // cells)
        if not isinstance(source, (keras.layers.Dropout, keras.layers.Activation)):
            return None
    return None


def _convolution(layer):
    entries = [("weight", layer.kernel, _convolution_kernel(layer))]
    if layer.use_bias:
        entries.append(("bias", layer.bias, _same))
    return entries


def _standardized_convolution(layer):
    entries = _convolution(layer)
    if layer.filter_gain is not None:
        entries.append(("gain", layer.filter_gain, np.ravel))
    return entries


def _conditional_convolution(layer):
    """From `(experts, out * in * kernel)` to `(experts, *kernel, in, out)`."""
    experts, *kernel, inputs, filters = layer.kernel.shape

    def convert(array):
        if array.size != math.prod(layer.kernel.shape):
            return array
        return np.moveaxis(array.reshape(experts, filters, inputs, *kernel), (1, 2), (-1, -2))

    entries = [("weight", layer.kernel, convert)]
    return entries + ([("bias", layer.bias, _same)] if layer.use_bias else [])


def _depthwise(layer):
    """Kernel from `(in * multiplier, 1, *kernel)` to `(*kernel, in, multiplier)`."""

    def convert(array):
        if array.ndim < 3 or array.shape[0] % layer.depth_multiplier:
            return array
        kernel = array.reshape(-1, layer.depth_multiplier, *array.shape[2:])
        return np.moveaxis(kernel, (0, 1), (-2, -1))

    entries = [("weight", layer.kernel, convert)]
    if layer.use_bias:
        entries.append(("bias", layer.bias, _same))
    return entries


def _dense(layer):
    entries = [("weight", layer.kernel, _dense_kernel(layer))]
    if layer.use_bias:
        entries.append(("bias", layer.bias, _same))
    return entries


def _batch_normalization(layer):
    return [
        *_normalization(layer),
        ("running_mean", layer.moving_mean, _same),
        ("running_var", layer.moving_variance, _same),
    ]


def _normalization(layer):
    """Of layers without running statistics."""
    entries = [("weight", layer.gamma, _same)] if layer.scale else []
    return entries + ([("bias", layer.beta, _same)] if layer.center else [])


def _layer_scale(layer):
    """From `(channels,)` or `(channels, 1, 1)`."""
    return [("gamma", layer.gamma, np.ravel)]


def _skip_init(layer):
    """One number, of the block that bears the layer's name."""
    return [("skipinit_gain", layer.gain, np.squeeze)]


def _threshold_normalization(layer):
    return [*_response_normalization(layer), ("tau", layer.tau, _same)]


def _evo_norm(layer):
    gate = [("v", layer.v, _same)] if layer.gated else []
    return _response_normalization(layer) + gate


def _scale_normalization(layer):
    return [("weight", layer.gamma, _same)]


def _response_normalization(layer):
    return [("weight", layer.gamma, _same), ("bias", layer.beta, _same)]


def _sublayers(layer):
    """A layer's own layers, below its name; dense ones are 1x1 convolutions in some sources."""
    entries = []
    for part in layer.sublayers:
        rule = _inner_dense if type(part) is keras.layers.Dense else RULES[type(part)]
        entries += [(f"{part.name}.{suffix}", *rest) for suffix, *rest in rule(part)]
    return entries


def _inner_dense(layer):
    entries = [("weight", layer.kernel, _pointwise_kernel)]
    if layer.use_bias:
        entries.append(("bias", layer.bias, _same))
    return entries


def _pointwise_kernel(array):
    """From `(out, in)`, with or without the axes of a 1x1 kernel, to `(in, out)`."""
    return array.reshape(array.shape[:2]).T


RULES = {
    keras.layers.Conv1D: _convolution,
    keras.layers.Conv2D: _convolution,
    keras.layers.DepthwiseConv2D: _depthwise,
    keras.layers.Dense: _dense,
    keras.layers.BatchNormalization: _batch_normalization,
    keras.layers.GroupNormalization: _normalization,
    keras.layers.LayerNormalization: _normalization,
    layers.BatchNormalization: _batch_normalization,
    layers.CondConv2D: _conditional_convolution,
    layers.EffectiveSqueezeExcite: _sublayers,
    layers.EfficientChannelAttention: _sublayers,
    layers.EvoNormS0: _evo_norm,
    layers.FilterResponseNormalization: _threshold_normalization,
    layers.GlobalResponseNormalization: _response_normalization,
    layers.FFTConv1D: _convolution,
    layers.FFTConv2D: _convolution,
    layers.GroupedConv1D: _convolution,
    layers.GroupedConv2D: _convolution,
    layers.LayerScale: _layer_scale,
    layers.ScaleNormalization: _scale_normalization,
    layers.SelectiveKernel: _sublayers,
    layers.SkipInit: _skip_init,
    layers.SplitAttention: _sublayers,
    layers.SqueezeExcite: _sublayers,
    layers.WeightStandardizedConv2D: _standardized_convolution,
}

# What a PyTorch state dict holds beside the weights.
COUNTERS = ("num_batches_tracked",)


def entries(layer) -> list[Entry]:
    """Return the variables of a layer with their names in the source.

    Raises:
        ValueError: no rule is known for this kind of layer, which has variables.
    """
    rule = RULES.get(type(layer))
    if rule is None:
        if layer.weights:
            raise ValueError(
                f"layer {layer.name!r} is a {type(layer).__name__}, which has no counterpart in a "
                "PyTorch state dict; load such a model from its own .keras file."
            )
        return []
    return [Entry(f"{layer.name}.{suffix}", *rest) for suffix, *rest in rule(layer)]
