"""What layers and operations make of the view of their inputs.

Layers with windows are known by their attributes: `kernel_size` or `pool_size`, `strides`,
`padding`, `dilation_rate` and `data_format`, as Keras names them. Layers and operations that move
or mix positions in other ways are known by the name of their class, which must come from Keras or
from this package; so are those that do neither.
"""

import itertools
from dataclasses import replace

from kzoo.analysis import _window_rules as rules
from kzoo.analysis._views import Call, View, join

# Layers and operations whose output at a position comes from that position.
# fmt: off
_POINTWISE = frozenset([
    "Activation", "ActivityRegularization", "AlphaDropout", "Dropout", "ELU", "GaussianDropout",
    "GaussianNoise", "Identity", "LeakyReLU", "Masking", "PReLU", "ReLU", "Rescaling",
    "SpatialDropout1D", "SpatialDropout2D", "BatchNormalization", "GroupNormalization",
    "LayerNormalization", "Normalization", "RMSNormalization", "UnitNormalization", "Add",
    "Maximum", "Minimum", "Multiply", "Subtract", "GroupPooling2D", "HarmonicActivation",
    "HarmonicBatchNormalization", "HarmonicMagnitude", "LayerScale", "Maxout", "StochasticDepth",
    "ChannelShuffle", "EvoNormS0", "FilterResponseNormalization", "ScaleNormalization", "SkipInit",
    "CustomScaleLayer", "Abs", "Absolute", "Cast", "Celu", "Clip", "Divide", "Elu", "Erf", "Exp",
    "Expm1", "Gelu", "HardSigmoid", "HardSilu", "HardTanh", "Log", "Log1p", "LogSigmoid", "Mish",
    "Negative", "Power", "Reciprocal", "Relu", "Relu6", "Rsqrt", "Selu", "Sigmoid", "Sign", "Silu",
    "Softplus", "Softsign", "Sqrt", "Square", "StopGradient", "Tanh", "TrueDivide",
])
# fmt: on
_REDUCTIONS = frozenset(["Amax", "Amin", "Max", "Mean", "Min", "Prod", "Std", "Sum", "Var"])
# Layers that multiply maps by weights made from the whole of them.
_GATES = frozenset(["BaseChannelAttention", "GlobalResponseNormalization"])
# Layers with windows whose output is not one value for each window.
_REFUSED = frozenset(["RNN", "Bidirectional", "TimeDistributed"])


def view_after(call: Call) -> View:
    """Return the view of what an operation returns.

    Raises:
        ValueError: the operation is not known, or joins paths that are not aligned.
    """
    operation = call.operation
    kinds = _kinds(operation)
    if operation.name in call.options.pointwise:
        return _elementwise(call)
    if kinds & _REFUSED:
        raise _unknown(call)
    if kinds & _GATES:
        return rules.gated(call, call.view)
    for kind, rule in _RULES.items():
        if kind in kinds:
            return rule(call)
    if kinds & _POINTWISE:
        return _elementwise(call)
    if kinds & _REDUCTIONS:
        return _reduction(call)
    if rules.windows_of(operation):
        return rules.convolution(call)
    raise _unknown(call)


def _kinds(operation):
    """Names of the classes of an operation that Keras and this package define."""
    return {
        cls.__name__
        for cls in type(operation).__mro__
        if cls.__module__.partition(".")[0] in ("keras", "kzoo")
    }


def _unknown(call):
    return call.refuse(
        "is not known to the receptive field: name an output before it, or, if it mixes no "
        f"positions, pass pointwise=({call.operation.name!r},)"
    )


def _all_positions(call):
    return call.view.without_places(call.rank)


def _dense(call):
    spans = call.view.spans
    return replace(
        call.view,
        spans=(*spans[:-1], None),
        whole=call.view.whole | call.view.axes([-1]),
    )


def _softmax(call):
    axis = call.operation.axis
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    return replace(call.view, whole=call.view.whole | call.view.axes(axes))


def _reduction(call):
    rank, axis = len(call.view.spans), call.operation.axis
    axes = range(rank) if axis is None else (axis,) if isinstance(axis, int) else axis
    gone = {a % rank for a in axes}
    spans: list = list(call.view.spans)
    for a in sorted(gone, reverse=True):
        spans[a : a + 1] = [None] if call.operation.keepdims else []
    return View(tuple(spans), call.view.whole | call.view.axes(gone))


def _reshape(call):
    """Keep the places before, or behind, the axes that change."""
    before, after = call.input_shapes[0], call.output_shapes[0]
    spans: list = [None] * len(after)
    for axis, span in enumerate(call.view.spans):
        if span is None:
            continue
        from_end = axis - len(before)
        if before[: axis + 1] == after[: axis + 1]:
            spans[axis] = span
        elif before[from_end:] == after[from_end:] and spans[from_end] is None:
            spans[from_end] = span
        elif len(after) == 2:
            return _all_positions(call)
        else:
            raise call.refuse(
                f"moves positions to other axes, {before} to {after}, which the receptive field "
                "does not follow: name an output before it"
            )
    return replace(call.view, spans=tuple(spans))


def _permute(call):
    operation = call.operation
    order = (0, *operation.dims) if hasattr(operation, "dims") else operation.axes
    return replace(call.view, spans=tuple(call.view.spans[axis] for axis in order))


def _expand_dims(call):
    axis = call.operation.axis % call.rank
    spans = call.view.spans
    return replace(call.view, spans=(*spans[:axis], None, *spans[axis:]))


def _selection(call):
    """Indexing: whole axes of places, whatever of the others."""
    key = call.arguments[1]
    items = list(key) if isinstance(key, tuple) else [key]
    rank = len(call.view.spans)
    if Ellipsis in items:
        at = items.index(Ellipsis)
        items[at : at + 1] = [slice(None)] * (rank - len(items) + 1)
    items += [slice(None)] * (rank - len(items))
    spans = []
    for item, span in zip(items, call.view.spans):
        if not isinstance(item, (int, slice)) or (span is not None and item != slice(None)):
            raise call.refuse(
                f"selects {key!r}, part of the positions, which the receptive field does not "
                "follow: name an output before it"
            )
        if isinstance(item, slice):
            spans.append(span)
    return replace(call.view, spans=tuple(spans))


def _take(call):
    axis, spans = call.operation.axis, call.view.spans
    if axis is None or spans[axis] is not None or call.rank > len(spans):
        raise _unknown(call)
    kept = call.rank == len(spans)
    places = [span for i, span in enumerate(spans) if kept or i != axis % len(spans)]
    return replace(call.view, spans=tuple(places))


def _split(call):
    if call.view.spans[call.operation.axis] is not None:
        raise _unknown(call)
    return call.view


def _concatenation(call):
    if any(view.spans[call.operation.axis] is not None for view in call.views):
        raise call.refuse(
            "concatenates along an axis of positions, which the receptive field does not follow: "
            "name an output before it"
        )
    return join(call, call.views, call.names)


def _average(call):
    """The layer `Average`; `ops.average`, whose class has the name too, has an axis."""
    if hasattr(call.operation, "axis"):
        raise _unknown(call)
    return _elementwise(call)


def _elementwise(call):
    views, names = call.views, call.names
    if call.options.ignore_gates and type(call.operation).__name__ == "Multiply":
        maps = [any(view.spans) for view in views]
        if any(maps):
            views = tuple(itertools.compress(views, maps))
            names = tuple(itertools.compress(names, maps))
    view = join(call, views, names)
    if len(view.spans) == call.rank:
        return view
    count = sum(span is not None for span in view.spans)
    return replace(call, views=(view,)).along_places(count, lambda _, span: span)


_RULES = {
    **{f"Conv{n}DTranspose": rules.transposed_convolution for n in (1, 2, 3)},
    **{f"UpSampling{n}D": rules.upsampling for n in (1, 2, 3)},
    **{f"ZeroPadding{n}D": rules.zero_padding for n in (1, 2, 3)},
    **{f"Cropping{n}D": rules.cropping for n in (1, 2, 3)},
    **{
        f"{which}{kind}Pooling{n}D": rule
        for which, rule in (("Global", _all_positions), ("Adaptive", rules.adaptive_pooling))
        for kind in ("Average", "Max")
        for n in (1, 2, 3)
    },
    "CondConv2D": rules.conditional_convolution,
    "CropLike2D": rules.cropping_like,
    "NearestResizing2D": rules.nearest_resizing,
    "MaxUnpooling2D": rules.unpooling,
    "BlurPooling2D": rules.blur_pooling,
    "IdentityShortcut2D": rules.identity_shortcut,
    "BaseAttentionConv2D": rules.attention_convolution,
    "MinimumSizePooling2D": rules.minimum_size_pooling,
    "LearnedPooling2D": _all_positions,
    "SpatialPyramidPooling2D": _all_positions,
    "Average": _average,
    "Flatten": _all_positions,
    "Dense": _dense,
    "Softmax": _softmax,
    "Reshape": _reshape,
    "Permute": _permute,
    "Transpose": _permute,
    "ExpandDims": _expand_dims,
    "Squeeze": _reshape,
    "GetItem": _selection,
    "Take": _take,
    "Split": _split,
    "Concatenate": _concatenation,
    "Pad": rules.pad,
}
