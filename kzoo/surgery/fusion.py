"""Merging what inference need not compute apart: normalisation, and parallel linear branches.

Ding et al., RepVGG (CVPR 2021), section 3.3; Vasu et al., MobileOne (CVPR 2023), section 3.3;
Vasu et al., FastViT (ICCV 2023), section 3.2.
"""

from collections import Counter

import keras
import numpy as np
from keras import tree

from kzoo import layers
from kzoo.graph import expand, model_calls, new_inputs, rebuild, replay
from kzoo.surgery._linear import (
    CONVOLUTIONS,
    Convolution,
    Padded,
    Scaled,
    convolution,
    merged,
    normalisation,
    scales_channels,
)

NORMALISATIONS = (keras.layers.BatchNormalization, layers.BatchNormalization, layers.LayerScale)
PADDINGS = (keras.layers.ZeroPadding1D, keras.layers.ZeroPadding2D)


def fuse(model: keras.Model) -> keras.Model:
    """Return a model that computes the same at inference, with fewer layers.

    Batch normalisation and layer scale are folded into the convolution or dense layer before them,
    and convolutions of one tensor whose results are added, or the tensor itself, normalised or not,
    are merged into one. So RepVGG, MobileOne and FastViT become what their papers deploy. Only a
    layer whose result nothing else uses is folded, and no layer that is called several times;
    convolutions of other kinds, such as tiled ones, stay as they are.

    Args:
        model: functional model; it is left as it was. Models nested in it are opened.

    Returns:
        A model with weights of its own, not compiled, for inference: trained further, it has no
        batch normalisation where that was folded. Layers keep their names, a merged convolution
        that of the branch with the largest kernel.

    Example:

    >>> model = kzoo.create_model("resnet20_cifar")
    >>> fused = kzoo.fuse(model)
    >>> len(model.layers) - len(fused.layers)
    19

    Raises:
        ValueError: `model` has no graph, or nested models with layers of the same names.
        TypeError: `model` is no `keras.Model`.
    """
    flat = expand(model)
    inputs = new_inputs(flat)
    fusion = _Fusion(flat)
    outputs = [fusion.tensor(value) for value in replay(flat, inputs, fusion.call)]
    return rebuild(flat, inputs, outputs)


class _Fusion:
    """The calls of a model made anew, each put off until it is known what it can be merged with."""

    def __init__(self, model):
        nodes = model_calls(model)
        self.uses = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
        self.uses.update(id(tensor) for tensor in model.outputs)
        self.times_called = Counter(id(node.operation) for node in nodes)
        self.copies = {}

    def call(self, node, args, kwargs):
        """Make a call of the model, or return what stands for its result."""
        result = None
        if self.times_called[id(node.operation)] == 1 and not kwargs.get("training"):
            result = self._put_off(node, args)
        if result is None:
            args, kwargs = tree.map_structure(self.tensor, (args, kwargs))
            return self._copy(node.operation, *args, **kwargs)
        return result if self.uses[id(node.output_tensors[0])] == 1 else self.tensor(result)

    def _put_off(self, node, args):
        """Return what stands for the result of a call, `None` where the call has to be made."""
        layer = node.operation
        if isinstance(layer, (keras.layers.Add, keras.layers.Subtract)):
            return self._added(node, args[0])
        if len(args) != 1:
            return None
        (value,) = args
        is_tensor = isinstance(value, keras.KerasTensor)
        if type(layer) in PADDINGS and is_tensor:
            amounts = layer.padding if len(value.shape) > 3 else (layer.padding,)
            return Padded(value, layer, tuple(map(tuple, amounts)))
        if type(layer) in (*CONVOLUTIONS, keras.layers.Dense):
            return self._convolved(layer, value)
        if type(layer) in NORMALISATIONS:
            scale, offset = _scale_of(layer)
            rank = len(node.input_tensors[0].shape)
            if isinstance(value, Convolution) and scales_channels(layer, value, rank):
                return value.transformed(scale, offset)
            if is_tensor:
                return Scaled(value, layer, scale, offset, layer)
        return None

    def _convolved(self, layer, value):
        if layer.activation is not keras.activations.linear:
            return None
        if isinstance(value, Padded) and _data_format(value.layer) != _data_format(layer):
            value = self.tensor(value)
        source = value if isinstance(value, Padded) else self.tensor(value)
        return convolution(source, layer)

    def _added(self, node, values):
        """Return the sum of the values as one convolution, or as a shorter sum."""
        if len({tuple(tensor.shape) for tensor in node.input_tensors}) > 1:
            return None
        terms = [_term(value) for value in values]
        if isinstance(node.operation, keras.layers.Subtract):
            terms[1] = None if terms[1] is None else terms[1].times(-1)
        place = next((i for i, term in enumerate(terms) if isinstance(term, Convolution)), None)
        if place is None:
            return None
        total, rest = terms[place], []
        for i, term in enumerate(terms):
            if i == place:
                continue
            result = None if term is None else merged(total, term)
            if result is None:
                rest.append(i)
            else:
                total = result
        if not rest:
            return total
        if len(rest) == len(terms) - 1:
            return None
        tensors = [self.tensor(value) for value in (total, *(values[i] for i in rest))]
        return self._copy(node.operation, tensors)

    def tensor(self, value):
        """Return the tensor for which a value stands, by calling layers; others unchanged."""
        if isinstance(value, Padded):
            return self._copy(value.layer, value.source)
        if isinstance(value, Scaled):
            return self._copy(value.layer, value.source)
        if not isinstance(value, Convolution):
            return value
        config = value.layer.get_config() | {"use_bias": value.has_bias}
        if "kernel_size" in config:
            config["kernel_size"] = value.kernel.shape[:-2]
        layer = type(value.layer).from_config(config)
        result = layer(self.tensor(value.source))
        layer.set_weights([value.kernel, value.bias] if value.has_bias else [value.kernel])
        return result

    def _copy(self, operation, *args, **kwargs):
        """Call the copy of an operation, which has its weights."""
        is_new = id(operation) not in self.copies
        if is_new:
            self.copies[id(operation)] = type(operation).from_config(operation.get_config())
        copy = self.copies[id(operation)]
        result = copy(*args, **kwargs)
        if is_new and isinstance(operation, keras.layers.Layer) and operation.weights:
            copy.set_weights(operation.get_weights())
            if isinstance(copy, keras.layers.Normalization):
                copy.finalize_state()
        return result


def _data_format(layer):
    return getattr(layer, "data_format", None) or "channels_last"


def _scale_of(layer):
    if isinstance(layer, keras.layers.BatchNormalization):
        return normalisation(layer)
    scale = np.asarray(layer.gamma, "float64")
    return scale, np.zeros_like(scale)


def _term(value):
    """Return an addend as a linear map, `None` for what is none."""
    if isinstance(value, (Convolution, Scaled)):
        return value
    if isinstance(value, keras.KerasTensor):
        return Scaled(value, None, np.array(1.0), np.array(0.0))
    return None
