"""Networks whose stages name their block, their width and their groups.

The body that RegNetZ, GENet and Wightman's ResNets of tiered stems share: a stem of 3x3
convolutions, stages, a last 1x1 convolution. Layer names are timm's (byobnet).
"""

import math
from dataclasses import dataclass
from functools import partial

from kzoo.applications._conv_norm import conv_norm
from kzoo.applications._family import channel_axis
from kzoo.applications._parts import activation, add, convolve, drop_path, drop_path_rates, max_pool
from kzoo.layers import EfficientChannelAttention, EvoNormS0, SqueezeExcite
from kzoo.layers._divisible import make_divisible

EVO_GROUP_WIDTH = 16


@dataclass(frozen=True)
class Stage:
    """Blocks of one width.

    Attributes:
        blocks: their number.
        width: filters of a block.
        strides: of the first block.
        kind: the convolutions of a block, "bottleneck" (1x1, 3x3, 1x1), "basic" (3x3, 3x3) or
            "edge" (3x3, 1x1).
        ratio: width of a block's inside as part of its width (in an expanding network, of its
            input).
        group_width: channels in a group of the 3x3 convolutions; 0 for no groups.
        extra_conv: whether a bottleneck has a second 3x3 convolution.
    """

    blocks: int
    width: int
    strides: int = 2
    kind: str = "bottleneck"
    ratio: float = 0.25
    group_width: int = 0
    extra_conv: bool = False


@dataclass(frozen=True)
class StagedNetwork:
    """A network, by what its variants differ in.

    Attributes:
        stages: the stages.
        stem: filters of the stem's 3x3 convolutions, of which the first has a stride and, if there
            are several and no pooling, the last.
        features: filters of the last 1x1 convolution; 0 for none.
        stem_pool: whether the stem ends in a max pooling of stride 2.
        bare: how many of the stem's convolutions have no normalisation and activation.
        attention: inside the blocks but the basic ones, "se" (squeeze-and-excitation), "eca"
            (efficient channel attention) or `None`.
        squeeze: width of the squeeze as part of its input.
        activation: of all layers.
        expanding: whether blocks are linear at their end and without a shortcut where the shape
            changes, and their inside is a multiple of their input.
        evo_norm: EvoNorm-S0 over groups of 16 channels instead of batch normalisation and
            activation.
    """

    stages: tuple[Stage, ...]
    stem: tuple[int, ...]
    features: int = 0
    stem_pool: bool = False
    bare: int = 0
    attention: str | None = None
    squeeze: float = 1 / 16
    activation: str = "relu"
    expanding: bool = False
    evo_norm: bool = False


def _layer(x, filters, kernel_size, name, *, network, options, linear=False, **kwargs):
    """Convolution, normalisation and, unless `linear`, activation."""
    if not network.evo_norm:
        kind = None if linear else network.activation
        return conv_norm(x, options, filters, kernel_size, name, kind=kind, **kwargs)

    def norm(x, name):
        groups = math.gcd(max(filters // EVO_GROUP_WIDTH, 1), filters)
        return EvoNormS0(groups, epsilon=1e-3, gated=not linear, name=name)(x)

    return conv_norm(x, options, filters, kernel_size, name, norm=norm, **kwargs)


def _stem(x, layer, network, options):
    if len(network.stem) == 1:
        return layer(x, network.stem[0], 3, "stem", strides=2)
    for index, filters in enumerate(network.stem):
        name, is_last = f"stem.conv{index + 1}", index == len(network.stem) - 1
        strides = 2 if index == 0 or (is_last and not network.stem_pool) else 1
        if index < network.bare:
            x = convolve(x, options, filters, 3, strides=strides, name=name)
        else:
            x = layer(x, filters, 3, name, strides=strides)
    return max_pool(x, 3, 2, "stem.pool", padding=1) if network.stem_pool else x


def _attend(x, network, name):
    if network.attention == "se":
        return SqueezeExcite(network.squeeze, name=f"{name}.attn")(x)
    if network.attention == "eca":
        return EfficientChannelAttention(name=f"{name}.attn")(x)
    return x


def _inside(x, layer, network, stage, strides, name):
    """The convolutions of a block, the last one linear."""
    source = x.shape[channel_axis()] if network.expanding else stage.width
    inner = make_divisible(source * stage.ratio, max(8, stage.group_width))
    groups = inner // stage.group_width if stage.group_width else 1
    if stage.kind == "basic":
        x = layer(x, inner, 3, f"{name}.conv1_kxk", strides=strides)
        return layer(x, stage.width, 3, f"{name}.conv2_kxk", groups=groups, linear=True)
    if stage.kind == "edge":
        x = layer(x, inner, 3, f"{name}.conv1_kxk", strides=strides, groups=groups)
        x = _attend(x, network, name)
        return layer(x, stage.width, 1, f"{name}.conv2_1x1", linear=True)
    x = layer(x, inner, 1, f"{name}.conv1_1x1")
    x = layer(x, inner, 3, f"{name}.conv2_kxk", strides=strides, groups=groups)
    if stage.extra_conv:
        x = layer(x, inner, 3, f"{name}.conv2b_kxk", groups=groups)
    x = _attend(x, network, name)
    return layer(x, stage.width, 1, f"{name}.conv3_1x1", linear=True)


def _block(x, layer, network, stage, strides, rate, name):
    """One block with its shortcut."""
    shortcut = x
    x = _inside(x, layer, network, stage, strides, name)
    if strides > 1 or shortcut.shape[channel_axis()] != stage.width:
        if network.expanding:
            return x
        shortcut = layer(shortcut, stage.width, 1, f"{name}.shortcut", strides=strides, linear=True)
    x = add(drop_path(x, rate, f"{name}.drop_path"), shortcut, f"{name}.add")
    return x if network.expanding else activation(x, network.activation, f"{name}.act")


def build(config, x, options, *, dropout_rate=0.0, drop_path_rate=0.0):
    """Build a `StagedNetwork`; see `Family`. `dropout_rate` applies before the classifier."""
    layer = partial(_layer, network=config, options=options)
    x = _stem(x, layer, config, options)
    rates = drop_path_rates(drop_path_rate, [stage.blocks for stage in config.stages])
    for number, (stage, stage_rates) in enumerate(zip(config.stages, rates)):
        for index, rate in enumerate(stage_rates):
            strides = stage.strides if index == 0 else 1
            x = _block(x, layer, config, stage, strides, rate, f"stages.{number}.{index}")
    if config.features:
        x = layer(x, config.features, 1, "final_conv")
    return options.outputs(x, options.pooled_dense("head.fc", dropout_rate))
