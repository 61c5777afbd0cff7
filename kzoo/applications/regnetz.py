"""RegNetZ with wide blocks: RegNet stages of inverted bottlenecks.

Wightman's networks after Dollar, Singh, Girshick, "Fast and Accurate Model Scaling", CVPR 2021
(https://arxiv.org/abs/2103.06877), table 2, which gives no exact numbers; these are timm's
(byobnet). The letter is the size and the number the group width. Layer names are timm's.

Deviations: unlike `regnetz_*` of the family regnet, squeeze-and-excitation is sized by the inside
of a block and uses ReLU, and the D and E networks have a stem of three convolutions.
"""

from dataclasses import dataclass

from kzoo.applications._conv_norm import conv_norm
from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import add, drop_path, drop_path_rates
from kzoo.layers import SqueezeExcite
from kzoo.layers._divisible import make_divisible


@dataclass(frozen=True)
class RegNetZConfig:
    """Blocks and widths per stage.

    Attributes:
        group_width: channels in a group of the 3x3 convolutions.
        ratio: width of a block's inside as part of its input.
        features: filters of the last 1x1 convolution.
        deep_stem: three convolutions of stride 2, 1, 2 instead of one of stride 2.
    """

    blocks: tuple[int, int, int, int]
    widths: tuple[int, int, int, int]
    group_width: int
    ratio: int
    features: int
    deep_stem: bool


# timm's model configurations.
VARIANTS = {
    "regnetz_b16": RegNetZConfig((2, 6, 12, 2), (48, 96, 192, 288), 16, 3, 1536, deep_stem=False),
    "regnetz_c16": RegNetZConfig((2, 6, 12, 2), (48, 96, 192, 288), 16, 4, 1536, deep_stem=False),
    "regnetz_d32": RegNetZConfig((3, 6, 12, 3), (64, 128, 256, 384), 32, 4, 1792, deep_stem=True),
    "regnetz_d8": RegNetZConfig((3, 6, 12, 3), (64, 128, 256, 384), 8, 4, 1792, deep_stem=True),
    "regnetz_e8": RegNetZConfig((3, 8, 16, 3), (96, 192, 384, 512), 8, 4, 2048, deep_stem=True),
}


def _stem(x, options, config):
    if not config.deep_stem:
        return conv_norm(x, options, 32, 3, "stem", kind="silu", strides=2)
    for index, (filters, strides) in enumerate(((24, 2), (32, 1), (64, 2)), start=1):
        name = f"stem.conv{index}"
        x = conv_norm(x, options, filters, 3, name, kind="silu", strides=strides)
    return x


def _block(x, options, config, width, strides, rate, name):
    """Inverted bottleneck, without a shortcut where the shape changes and linear at its end."""
    shortcut, in_channels = x, x.shape[channel_axis()]
    inner = make_divisible(in_channels * config.ratio, config.group_width)
    grouped = {"strides": strides, "groups": inner // config.group_width}
    x = conv_norm(x, options, inner, 1, f"{name}.conv1_1x1", kind="silu")
    x = conv_norm(x, options, inner, 3, f"{name}.conv2_kxk", kind="silu", **grouped)
    x = SqueezeExcite(0.25, name=f"{name}.attn")(x)
    x = conv_norm(x, options, width, 1, f"{name}.conv3_1x1")
    if strides > 1 or in_channels != width:
        return x
    return add(drop_path(x, rate, f"{name}.drop_path"), shortcut, f"{name}.add")


def build(config, x, options, *, dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    x = _stem(x, options, config)
    rates = drop_path_rates(drop_path_rate, config.blocks)
    for stage, (width, stage_rates) in enumerate(zip(config.widths, rates)):
        first_strides = 1 if stage == 0 and config.deep_stem else 2
        for index, rate in enumerate(stage_rates):
            strides = first_strides if index == 0 else 1
            x = _block(x, options, config, width, strides, rate, f"stages.{stage}.{index}")
    x = conv_norm(x, options, config.features, 1, "final_conv", kind="silu")
    return options.outputs(x, options.pooled_dense("head.fc", dropout_rate))


FAMILY = Family(
    name="regnetz",
    paper="Dollar, Singh and Girshick, Fast and Accurate Model Scaling, CVPR 2021; timm byobnet.",
    build=build,
    variants=VARIANTS,
    names=("RegNetZB16", "RegNetZC16", "RegNetZD32", "RegNetZD8", "RegNetZE8"),
    input_shape=(256, 256, 3),
    input_sizes={"regnetz_b16": 224},
    statistics="inception",
    width=("widths", "features"),
    depth=("blocks",),
)
