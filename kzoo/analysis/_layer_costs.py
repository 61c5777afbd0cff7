"""What one call of a layer costs: its multiply-adds, and how many sums they make.

Layers are known by their class, the operations of `keras.ops` by the name of theirs.
"""

import inspect
from math import prod

import keras

from kzoo import layers
from kzoo.analysis._costs import (
    Cost,
    LayerCall,
    Rule,
    UnknownCostError,
    products,
    rules,
    times,
    total,
)
from kzoo.analysis._zoo_costs import RULES


def cost_of(call: LayerCall) -> Cost:
    """Return the cost of a call; nothing for a layer without products.

    Raises:
        UnknownCostError: a layer or operation may have products, and no rule says how many.
    """
    if not isinstance(call.layer, keras.Layer):
        return _cost_of_operation(call)
    for kind in type(call.layer).__mro__:
        if kind in _RULES:
            return _RULES[kind](call)
    if any(len(weight.shape) > 1 for weight in call.layer.weights):
        raise UnknownCostError(call.layer, "it has weights of two axes or more")
    return Cost()


def _cost_of_operation(call):
    kind = type(call.layer).__name__
    if kind in _UNKNOWN_OPERATIONS:
        raise UnknownCostError(call.layer, "it is a sum of products")
    rule = _OPERATIONS.get(kind)
    return rule(call) if rule else Cost()


def _nothing(call):
    return Cost()


def _convolution(call):
    return products(call.outputs, prod(call.layer.kernel.shape[:-1]))


def _transposed_convolution(call):
    inputs = prod(call.input_shape[1:]) // call.channels
    return Cost(inputs * prod(call.layer.kernel.shape), call.outputs)


def _depthwise_convolution(call):
    return products(call.outputs, prod(call.layer.kernel_size))


def _separable_convolution(call):
    layer = call.layer
    channels = layer.pointwise_kernel.shape[-2]
    return total(
        [
            products(call.positions * channels, prod(layer.kernel_size)),
            products(call.outputs, channels),
        ]
    )


def _dense(call):
    return products(call.outputs, call.layer.kernel.shape[0])


def _einsum(equation, shapes, outputs):
    """Cost of a sum over every combination of the indices; the batch counts as 1."""
    sizes: dict = {}
    for letters, shape in zip(equation.replace(" ", "").split("->")[0].split(","), shapes):
        before, _, after = letters.partition("...")
        middle = range(len(shape) - len(before) - len(after), 0, -1)
        for label, size in zip([*before, *middle, *after], shape, strict=True):
            sizes[label] = max(sizes.get(label, 1), size or 1)
    return Cost(prod(sizes.values()), outputs)


def _einsum_dense(call):
    layer = call.layer
    return _einsum(layer.equation, [call.input_shape, layer.kernel.shape], call.outputs)


def _attention(call):
    """Scores of every query and key, and a mean of values for every query."""
    query, value = call.input_shapes[:2]
    pairs = query[1] * value[1]
    return total([products(pairs, query[2]), products(query[1] * value[2], value[1])])


def _heads_attention(call):
    layer = call.layer
    # By their names, as masks are among the tensors, and keywords in another order.
    given = inspect.signature(layer.call).bind(*call.arguments, **call.keywords).arguments
    query, value = given["query"].shape, given["value"].shape
    key = value if given.get("key") is None else given["key"].shape
    parts = [(layer._query_dense, query), (layer._key_dense, key), (layer._value_dense, value)]
    if getattr(layer, "_gate_dense", None) is not None:
        parts.append((layer._gate_dense, query))
    costs = []
    for dense, shape in parts:
        positions = prod(shape[1:-1])
        costs.append(products(positions * prod(dense.kernel.shape[1:]), shape[-1]))
    heads, width = layer._query_dense.kernel.shape[1:]
    value_width = layer._value_dense.kernel.shape[-1]
    queries = prod(query[1:-1])
    axes = getattr(layer, "attention_axes", None) or range(1, len(value) - 1)
    keys = prod(value[axis] for axis in axes)
    costs.append(products(queries * keys * heads, width))
    costs.append(products(queries * heads * value_width, keys))
    costs.append(products(call.outputs, heads * value_width))
    return total(costs)


def _recurrent(call):
    cell = call.layer.cell
    kernels = [cell.kernel.shape, cell.recurrent_kernel.shape]
    steps = call.input_shape[1]
    return times(steps, total(products(shape[1], shape[0]) for shape in kernels))


def _both_directions(call):
    parts = (call.layer.forward_layer, call.layer.backward_layer)
    return total(cost_of(_call_of(part, call, call.input_shape)) for part in parts)


def _at_every_step(call):
    batch, steps, *shape = call.input_shape
    output = (batch, *call.output_shapes[0][2:])
    inner = LayerCall(call.layer.layer, (), ((batch, *shape),), (output,))
    return times(steps, cost_of(inner))


def _wrapped(call):
    return cost_of(_call_of(call.layer.layer, call, call.input_shape))


def _call_of(part, call, input_shape):
    return LayerCall(part, (), (input_shape,), call.output_shapes)


def _dot(call):
    axes = call.layer.axes
    axis = axes if isinstance(axes, int) else axes[0]
    return products(call.outputs, call.input_shape[axis])


def _matmul(call):
    return products(call.outputs, call.arguments[0].shape[-1])


def _einsum_operation(call):
    shapes = [operand.shape for operand in call.arguments]
    return _einsum(call.layer.subscripts, shapes, call.outputs)


def _reversible_embedding(call):
    if len(call.output_shapes[0]) > len(call.input_shape):
        return Cost()
    return products(call.outputs, call.layer.output_dim)


_RULES: dict[type, Rule] = RULES | rules(
    {
        _convolution: (
            keras.layers.Conv1D,
            keras.layers.Conv2D,
            keras.layers.Conv3D,
            layers.FFTConv1D,
            layers.FFTConv2D,
            layers.GroupedConv1D,
            layers.GroupedConv2D,
            layers.WeightStandardizedConv2D,
        ),
        _transposed_convolution: (
            keras.layers.Conv1DTranspose,
            keras.layers.Conv2DTranspose,
            keras.layers.Conv3DTranspose,
        ),
        _depthwise_convolution: (
            keras.layers.DepthwiseConv1D,
            keras.layers.DepthwiseConv2D,
            layers.FixedConv2D,
        ),
        _separable_convolution: (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D),
        _dense: (keras.layers.Dense,),
        _einsum_dense: (keras.layers.EinsumDense,),
        _attention: (keras.layers.Attention, keras.layers.AdditiveAttention),
        _heads_attention: (
            keras.layers.MultiHeadAttention,
            keras.layers.GroupQueryAttention,
        ),
        _recurrent: (keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU),
        _both_directions: (keras.layers.Bidirectional,),
        _at_every_step: (keras.layers.TimeDistributed,),
        _wrapped: (keras.layers.SpectralNormalization,),
        _dot: (keras.layers.Dot,),
        _reversible_embedding: (keras.layers.ReversibleEmbedding,),
        # Weights of several axes, and no product of matrices.
        _nothing: (
            keras.layers.BatchNormalization,
            keras.layers.Embedding,
            keras.layers.GroupNormalization,
            keras.layers.LayerNormalization,
            keras.layers.Normalization,
            keras.layers.PReLU,
            keras.layers.RMSNormalization,
            layers.HarmonicActivation,
            layers.HarmonicBatchNormalization,
        ),
    }
)
_OPERATIONS = {"Matmul": _matmul, "Dot": _matmul, "Einsum": _einsum_operation}
# fmt: off
_UNKNOWN_OPERATIONS = frozenset([
    "Conv", "ConvTranspose", "Correlate", "DepthwiseConv", "DotProductAttention", "Inner",
    "SeparableConv", "Tensordot", "Vdot", "Vecdot",
])
# fmt: on
