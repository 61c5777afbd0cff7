"""RegNetZ with wide blocks: RegNet stages of inverted bottlenecks.

Wightman's networks after Dollar, Singh, Girshick, "Fast and Accurate Model Scaling", CVPR 2021
(https://arxiv.org/abs/2103.06877), table 2, which gives no exact numbers; these are timm's
(byobnet). The letter is the size and the number the group width; `_evos` has EvoNorm-S0 in the
place of normalisation and activation. Layer names are timm's.

Deviations: unlike `regnetz_*` of the family regnet, squeeze-and-excitation is sized by the inside
of a block and uses ReLU, and the D and E networks have a stem of three convolutions.
"""

import math
from dataclasses import dataclass, replace

from kzoo.applications._conv_norm import conv_norm
from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import add, drop_path, drop_path_rates
from kzoo.layers import EvoNormS0, SqueezeExcite
from kzoo.layers._divisible import make_divisible


@dataclass(frozen=True)
class RegNetZConfig:
    """Blocks and widths per stage.

    Attributes:
        group_width: channels in a group of the 3x3 convolutions.
        ratio: width of a block's inside as part of its input.
        features: filters of the last 1x1 convolution.
        stem: filters of the convolutions of the stem, one or three; the last of three has a stride
            too.
        evo_norm: EvoNorm-S0 over groups of 16 channels instead of batch normalisation and SiLU.
    """

    blocks: tuple[int, int, int, int]
    widths: tuple[int, int, int, int]
    group_width: int
    ratio: int
    features: int
    stem: tuple[int, ...] = (24, 32, 64)
    evo_norm: bool = False


EVO_GROUP_WIDTH = 16
# timm's model configurations.
B16 = RegNetZConfig((2, 6, 12, 2), (48, 96, 192, 288), 16, 3, 1536, stem=(32,))
C16 = RegNetZConfig((2, 6, 12, 2), (48, 96, 192, 288), 16, 4, 1536, stem=(32,))
D8 = RegNetZConfig((3, 6, 12, 3), (64, 128, 256, 384), 8, 4, 1792)
VARIANTS = {
    "regnetz_b16": B16,
    "regnetz_b16_evos": replace(B16, evo_norm=True),
    "regnetz_c16": C16,
    "regnetz_c16_evos": replace(C16, evo_norm=True),
    "regnetz_d32": RegNetZConfig((3, 6, 12, 3), (64, 128, 256, 384), 32, 4, 1792),
    "regnetz_d8": D8,
    "regnetz_d8_evos": replace(D8, stem=(64, 64, 64), evo_norm=True),
    "regnetz_e8": RegNetZConfig((3, 8, 16, 3), (96, 192, 384, 512), 8, 4, 2048),
}


def _layer(x, options, config, filters, kernel_size, name, *, linear=False, **kwargs):
    """Convolution, normalisation and, unless `linear`, activation."""
    if not config.evo_norm:
        kind = None if linear else "silu"
        return conv_norm(x, options, filters, kernel_size, name, kind=kind, **kwargs)

    def norm(x, name):
        groups = math.gcd(max(filters // EVO_GROUP_WIDTH, 1), filters)
        return EvoNormS0(groups, epsilon=1e-3, gated=not linear, name=name)(x)

    return conv_norm(x, options, filters, kernel_size, name, norm=norm, **kwargs)


def _stem(x, options, config):
    if len(config.stem) == 1:
        return _layer(x, options, config, config.stem[0], 3, "stem", strides=2)
    for index, (filters, strides) in enumerate(zip(config.stem, (2, 1, 2)), start=1):
        x = _layer(x, options, config, filters, 3, f"stem.conv{index}", strides=strides)
    return x


def _block(x, options, config, width, strides, rate, name):
    """Inverted bottleneck, without a shortcut where the shape changes and linear at its end."""
    shortcut, in_channels = x, x.shape[channel_axis()]
    inner = make_divisible(in_channels * config.ratio, config.group_width)
    grouped = {"strides": strides, "groups": inner // config.group_width}
    x = _layer(x, options, config, inner, 1, f"{name}.conv1_1x1")
    x = _layer(x, options, config, inner, 3, f"{name}.conv2_kxk", **grouped)
    x = SqueezeExcite(0.25, name=f"{name}.attn")(x)
    x = _layer(x, options, config, width, 1, f"{name}.conv3_1x1", linear=True)
    if strides > 1 or in_channels != width:
        return x
    return add(drop_path(x, rate, f"{name}.drop_path"), shortcut, f"{name}.add")


def build(config, x, options, *, dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    x = _stem(x, options, config)
    rates = drop_path_rates(drop_path_rate, config.blocks)
    for stage, (width, stage_rates) in enumerate(zip(config.widths, rates)):
        first_strides = 1 if stage == 0 and len(config.stem) > 1 else 2
        for index, rate in enumerate(stage_rates):
            strides = first_strides if index == 0 else 1
            x = _block(x, options, config, width, strides, rate, f"stages.{stage}.{index}")
    x = _layer(x, options, config, config.features, 1, "final_conv")
    return options.outputs(x, options.pooled_dense("head.fc", dropout_rate))


FAMILY = Family(
    name="regnetz",
    paper="Dollar, Singh and Girshick, Fast and Accurate Model Scaling, CVPR 2021; timm byobnet.",
    build=build,
    variants=VARIANTS,
    names=(
        "RegNetZB16",
        "RegNetZB16EvoS",
        "RegNetZC16",
        "RegNetZC16EvoS",
        "RegNetZD32",
        "RegNetZD8",
        "RegNetZD8EvoS",
        "RegNetZE8",
    ),
    input_shape=(256, 256, 3),
    input_sizes={"regnetz_b16": 224, "regnetz_b16_evos": 224},
    statistics="inception",
    width=("widths", "features"),
    depth=("blocks",),
)
