"""Feature maps at the strides of a model, as detection and segmentation networks need them.

The levels are those of Lin et al., Feature Pyramid Networks for Object Detection, CVPR 2017.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import keras

from kzoo.graph import calls, data_format, expand, head_layers, replay

# Sizes are traced at two sizes this far apart, which all strides up to it divide.
STEP = 1024
# The first of the two, where the input size is unknown: large enough for every architecture.
SIZE = 512
PADDINGS = (keras.layers.ZeroPadding1D, keras.layers.ZeroPadding2D)
# Names of timm and torchvision for what is still a convolution of the map but belongs to the head.
HEADS = ("classifier", "conv_head", "head", "pre_logits")
GLOBAL_POOLING = (
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D,
)


class _Step(NamedTuple):
    """One tensor: what makes it, its stride (`None` without one), whether it is a cut point."""

    tensor: keras.KerasTensor
    operation: keras.Operation
    stride: int | None
    is_cut: bool


def feature_extractor(
    model: keras.Model, levels: Sequence[str] = ("P3", "P4", "P5")
) -> keras.Model:
    """Return a model that gives feature maps of another, by level.

    Level Pn has stride 2**n: it is the last feature map of that stride through which everything
    after it is computed, before the padding, the block or the stage that leads to the next stride,
    and before global pooling. Models of kzoo tell blocks and stages by their layer names; in other
    models, every layer counts. Where these definitions agree with timm's `features_only=True`, the
    maps are equal to timm's: in ResNet, VGG, RegNet, ConvNeXt, MobileNetV3 and EfficientNet, whose
    last 1x1 convolution `conv_head` belongs to the head. They differ where timm takes the output of
    a stage that a skip runs past, or leaves out what comes after the last stage, such as the last
    convolution of FastViT.

    Args:
        model: functional model with one input, of known size or not. Models nested in it are looked
            into, such as one of kzoo behind layers of preprocessing.
        levels: names such as "P3"; P0 are the features of the input's size.

    Returns:
        A model from the input of `model` to a dictionary from level to feature map. It has the
        layers of `model`, not copies.

    Example:

    >>> model = kzoo.create_model("resnet18", input_shape=(64, 64, 3))
    >>> features = kzoo.feature_extractor(model, ["P3", "P5"])
    >>> {level: tensor.shape for level, tensor in features.output.items()}
    {'P3': (None, 8, 8, 128), 'P5': (None, 2, 2, 512)}

    Raises:
        ValueError: a level that the model does not have, no level at all, a model with several
            inputs, or one without a graph.
        TypeError: `model` is no `keras.Model`, or `levels` no sequence of strings.
    """
    if isinstance(levels, str) or not all(isinstance(level, str) for level in levels):
        raise TypeError(f"levels must be a sequence of names such as 'P3'; received {levels!r}.")
    model = expand(model)
    maps = level_tensors(model)
    chosen = {level: find_level(model, maps, level) for level in levels}
    if not chosen:
        raise ValueError("levels must name at least one level; received none.")
    inputs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    return keras.Model(inputs, chosen, name=f"{model.name}_features")


def find_level(model, maps, level):
    """Return the tensor of a level among `maps`, or refuse the level with the list."""
    if level not in maps:
        listed = ", ".join(maps) or "none"
        raise ValueError(f"{model.name} has the levels {listed}; received {level!r}.")
    return maps[level]


def level_tensors(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """Return the feature map of every level that a model has, from fine to coarse.

    Args:
        model: functional model in which none is nested; see `expand`.
    """
    if len(model.inputs) != 1:
        raise ValueError(
            f"feature levels need a model with one input; {model.name} has {len(model.inputs)}."
        )
    strides, head = _strides(model), head_layers(model)
    levels: dict[str, keras.KerasTensor] = {}
    for output in model.outputs:
        steps = _downwards(_steps(model, output, strides), head)
        for stride in sorted({step.stride for step in steps if step.stride}):
            tensor = _last(steps, stride)
            if tensor is not None:
                levels[f"P{stride.bit_length() - 1}"] = tensor
    return dict(sorted(levels.items(), key=lambda item: int(item[0][1:])))


def _steps(model, output, strides):
    """List the tensors that lead to an output, after the first layer that learns, in order.

    A tensor is a cut point where nothing made before it is used after it.
    """
    nodes = calls([output], {id(tensor) for tensor in model.inputs})
    last_use = {id(x): place for place, node in enumerate(nodes) for x in node.input_tensors}
    furthest = last_use.get(id(model.inputs[0]), -1)
    steps, has_learned = [], False
    for place, node in enumerate(nodes):
        operation = node.operation
        is_layer = isinstance(operation, keras.layers.Layer)
        if is_layer and not isinstance(operation, keras.layers.Normalization) and operation.weights:
            has_learned = True
        is_cut = furthest <= place and len(node.output_tensors) == 1
        furthest = max([furthest, *(last_use.get(id(x), -1) for x in node.output_tensors)])
        if has_learned:
            tensor = node.output_tensors[0]
            steps.append(_Step(tensor, operation, strides.get(id(tensor)), is_cut))
    return steps


def _downwards(steps, head):
    """Return the steps before the head, global pooling, a cut without stride, or a finer one."""
    largest = 1
    for place, step in enumerate(steps):
        if any(step.operation is layer for layer in head):
            return steps[:place]
        is_pooled = isinstance(step.operation, GLOBAL_POOLING)
        if step.is_cut and (is_pooled or step.stride is None or step.stride < largest):
            return steps[:place]
        if step.is_cut:
            largest = step.stride
    return steps


def _last(steps, stride):
    """Return the tensor of the level of a stride, or `None`."""
    cuts = [
        place
        for place, step in enumerate(steps)
        if step.is_cut and step.stride == stride and not isinstance(step.operation, PADDINGS)
    ]
    if not cuts:
        return None
    places = range(cuts[-1] + 1, len(steps))
    after = [place for place in places if steps[place].stride and steps[place].stride > stride]
    heads = [
        place for place, step in enumerate(steps) if step.operation.name.split(".")[0] in HEADS
    ]
    if after or heads:
        end = (after or heads)[0]
        name = steps[end].operation.name
        before = [place for place in cuts if place < end]
        outside = [place for place in before if not _same_block(steps[place].operation.name, name)]
        cuts = outside or before or cuts
    return steps[cuts[-1]].tensor


def _same_block(name, other):
    """Return whether two paths go through the same numbered block or stage, or the same layer."""
    shared = []
    for part, other_part in zip(name.split("."), other.split(".")):
        if part != other_part:
            break
        shared.append(part)
    numbered = any(character.isdigit() for part in shared for character in part)
    return numbered or shared == other.split(".")


class _Places(NamedTuple):
    """Which axes of a tensor are places."""

    number: int
    channels_last: bool

    def axes(self, rank):
        first = 1 if self.channels_last else rank - self.number
        return range(first, first + self.number)

    def of(self, shape):
        """Return the spatial sizes of a shape, or `None` where it is that of no feature map."""
        if not self.number or len(shape) < self.number + 2:
            return None
        sizes = [shape[axis] for axis in self.axes(len(shape))]
        return None if None in sizes else sizes


def _strides(model):
    """Return the stride of each tensor that has one, a power of 2, by identity.

    They follow from how the sizes grow with that of the input. A model that allows no other size
    than its own, where some layer refuses the larger one, is measured at its own, rounded.
    """
    shape = model.inputs[0].shape
    places = _Places(len(shape) - 2, data_format(model) == "channels_last")
    sizes = [shape[axis] or SIZE for axis in places.axes(len(shape))]
    at_size = _trace(model, places, sizes)
    try:
        at_larger = _trace(model, places, [size + STEP for size in sizes])
    except Exception:
        # Whatever a layer raises at a size it was not built for, it means that there is only one.
        own = {key: places.of(shape) for key, shape in at_size.items()}
        return {key: _rounded_stride(sizes, after) for key, after in own.items()}
    return {
        key: _exact_stride(places.of(shape), places.of(at_larger[key]))
        for key, shape in at_size.items()
    }


def _trace(model, places, sizes):
    """Return the shapes of all tensors for an input of `sizes`, without calling any layer."""
    tensor = model.inputs[0]
    shape = list(tensor.shape)
    for axis, size in zip(places.axes(len(shape)), sizes):
        shape[axis] = size
    shapes = {id(tensor): tuple(shape)}

    def call(node, args, kwargs):
        results = node.operation.compute_output_spec(*args, **kwargs)
        for old, new in zip(node.output_tensors, keras.tree.flatten(results), strict=True):
            shapes[id(old)] = tuple(new.shape)
        return results

    replay(model, [keras.KerasTensor(tuple(shape), dtype=tensor.dtype)], call)
    return shapes


def _exact_stride(sizes, larger):
    if sizes is None or larger is None:
        return None
    growth = {after - before for before, after in zip(sizes, larger)}
    if len(growth) > 1 or min(growth) <= 0 or STEP % min(growth):
        return None
    return STEP // min(growth)


def _rounded_stride(input_sizes, sizes):
    if sizes is None or any(before < after for before, after in zip(input_sizes, sizes)):
        return None
    strides = {2 ** round(math.log2(before / after)) for before, after in zip(input_sizes, sizes)}
    return strides.pop() if len(strides) == 1 else None
