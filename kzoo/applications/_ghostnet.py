"""The body of the GhostNets: their table of blocks, modules and bottlenecks."""

from dataclasses import dataclass

import keras

from kzoo.applications._family import channel_axis
from kzoo.applications._parts import (
    activation,
    add,
    average_pool,
    batch_norm,
    convolve,
    fully_connected,
)
from kzoo.layers import NearestResizing2D, SqueezeExcite
from kzoo.layers._divisible import make_divisible


@dataclass(frozen=True)
class GhostNetConfig:
    """`width` multiplies all filters; `version` is that of the papers, 1 to 3."""

    width: float
    version: int = 1


# Table 1 of GhostNet: kernel size, expanded and output channels, squeeze-and-excitation, strides.
STAGES = (
    ((3, 16, 16, False, 1),),
    ((3, 48, 24, False, 2),),
    ((3, 72, 24, False, 1),),
    ((5, 72, 40, True, 2),),
    ((5, 120, 40, True, 1),),
    ((3, 240, 80, False, 2),),
    (
        (3, 200, 80, False, 1),
        (3, 184, 80, False, 1),
        (3, 184, 80, False, 1),
        (3, 480, 112, True, 1),
        (3, 672, 112, True, 1),
    ),
    ((5, 672, 160, True, 2),),
    (
        (5, 960, 160, False, 1),
        (5, 960, 160, True, 1),
        (5, 960, 160, False, 1),
        (5, 960, 160, True, 1),
    ),
)
# Parallel convolutions of version 3 in training, which inference can merge into one.
BRANCHES = 3


def _conv_norm(x, options, filters, kernel_size, conv, norm, *, strides=1, depthwise=False):
    groups = x.shape[channel_axis()] if depthwise else 1
    x = convolve(x, options, filters, kernel_size, strides=strides, groups=groups, name=conv)
    return batch_norm(x, norm)


def _branch(x, options, filters, kernel_size, name, **kwargs):
    return _conv_norm(x, options, filters, kernel_size, f"{name}.conv", f"{name}.bn1", **kwargs)


def _sum(branches, name):
    return keras.layers.Add(name=name)(branches)


def _halves(x, options, filters, act, name):
    """Return the convolved half of the filters, and the "ghosts" of a depthwise convolution."""
    primary, cheap = f"{name}.primary_conv", f"{name}.cheap_operation"
    x = _conv_norm(x, options, filters // 2, 1, f"{primary}.0", f"{primary}.1")
    x = activation(x, act, f"{primary}.2")
    y = _conv_norm(x, options, filters // 2, 3, f"{cheap}.0", f"{cheap}.1", depthwise=True)
    return x, activation(y, act, f"{cheap}.2")


def _branched_halves(x, options, filters, act, name):
    """The same as sums of parallel convolutions (GhostNetV3, section 3.1)."""
    half, primary, cheap = filters // 2, f"{name}.primary", f"{name}.cheap"
    branches = [
        _branch(x, options, half, 1, f"{primary}_rpr_conv.{index}") for index in range(BRANCHES)
    ]
    x = activation(_sum(branches, f"{primary}_add"), act, f"{primary}_activation")
    branches = [
        _branch(x, options, half, 1, f"{cheap}_rpr_scale", depthwise=True),
        batch_norm(x, f"{cheap}_rpr_skip"),
    ]
    for index in range(BRANCHES):
        branch = f"{cheap}_rpr_conv.{index}"
        branches.append(_branch(x, options, half, 3, branch, depthwise=True))
    return x, activation(_sum(branches, f"{cheap}_add"), act, f"{cheap}_activation")


def _attention(x, options, filters, like, name):
    """Weights in 0..1 from rows and columns of the halved map (GhostNetV2, section 3.2)."""
    x = average_pool(x, 2, 2, f"{name}.pool")
    for index, size, depthwise in ((0, 1, False), (2, (1, 5), True), (4, (5, 1), True)):
        conv, norm = f"{name}.{index}", f"{name}.{index + 1}"
        x = _conv_norm(x, options, filters, size, conv, norm, depthwise=depthwise)
    x = activation(x, "sigmoid", f"{name}.gate")
    return NearestResizing2D(name=f"{name}.resize")([x, like])


def _ghost(x, config, options, filters, act, attention, name):
    """Ghost module: Figure 1b of GhostNet, Figure 4 of GhostNetV2 with attention."""
    halves = _halves if config.version < 3 else _branched_halves
    parts = halves(x, options, filters, act, name)
    y = keras.layers.Concatenate(axis=channel_axis(), name=f"{name}.concat")(parts)
    if not attention:
        return y
    weights = _attention(x, options, filters, y, f"{name}.short_conv")
    return keras.layers.Multiply(name=f"{name}.multiply")([y, weights])


def _depthwise(x, config, options, kernel_size, strides, name):
    channels = x.shape[channel_axis()]
    kwargs = {"strides": strides, "depthwise": True}
    if config.version < 3:
        return _conv_norm(
            x, options, channels, kernel_size, f"{name}.conv_dw", f"{name}.bn_dw", **kwargs
        )
    branches = [_branch(x, options, channels, 1, f"{name}.dw_rpr_scale", **kwargs)]
    for index in range(BRANCHES):
        branch = f"{name}.dw_rpr_conv.{index}"
        branches.append(_branch(x, options, channels, kernel_size, branch, **kwargs))
    return _sum(branches, f"{name}.dw_add")


def _shortcut(x, options, kernel_size, filters, strides, name):
    channels = x.shape[channel_axis()]
    if strides == 1 and channels == filters:
        return x
    name = f"{name}.shortcut"
    kwargs = {"strides": strides, "depthwise": True}
    x = _conv_norm(x, options, channels, kernel_size, f"{name}.0", f"{name}.1", **kwargs)
    return _conv_norm(x, options, filters, 1, f"{name}.2", f"{name}.3")


def _bottleneck(x, config, options, row, attention, name):
    """Figure 3 of GhostNet."""
    kernel_size, expanded, filters, squeeze, strides = row
    expanded = make_divisible(expanded * config.width, 4)
    filters = make_divisible(filters * config.width, 4)
    shortcut = _shortcut(x, options, kernel_size, filters, strides, name)
    x = _ghost(x, config, options, expanded, "relu", attention, f"{name}.ghost1")
    if strides > 1:
        x = _depthwise(x, config, options, kernel_size, strides, name)
    if squeeze:
        x = SqueezeExcite(
            reduced_channels=make_divisible(expanded * 0.25, 4),
            gate="hard_sigmoid",
            sublayer_names=("conv_reduce", "conv_expand"),
            name=f"{name}.se",
        )(x)
    x = _ghost(x, config, options, filters, None, False, f"{name}.ghost2")
    return add(x, shortcut, f"{name}.add")


def build(config, x, options, *, dropout_rate=0.2):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    width = make_divisible(16 * config.width, 4)
    x = activation(_conv_norm(x, options, width, 3, "conv_stem", "bn1", strides=2), "relu", "act1")
    count = 0
    for stage, rows in enumerate(STAGES):
        for index, row in enumerate(rows):
            attention = config.version > 1 and count > 1
            x = _bottleneck(x, config, options, row, attention, f"blocks.{stage}.{index}")
            count += 1
    name = f"blocks.{len(STAGES)}.0"
    x = _branch(x, options, make_divisible(STAGES[-1][-1][1] * config.width, 4), 1, name)
    x = activation(x, "relu", f"{name}.act")

    def classifier(x):
        x = keras.layers.GlobalAveragePooling2D(keepdims=True, name="global_pool")(x)
        x = fully_connected(x, options, 1280, "conv_head")
        x = keras.layers.Flatten(name="flatten")(activation(x, "relu", "act2"))
        return options.dense(x, "classifier", dropout_rate)

    return options.outputs(x, classifier)
