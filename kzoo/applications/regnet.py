"""RegNet: networks whose widths grow linearly, quantised to four stages.

Radosavovic, Kosaraju, Girshick, He, Dollar, "Designing Network Design Spaces", CVPR 2020
(https://arxiv.org/abs/2003.13678), equations 2 to 4; the parameters of X and Y are those of its
published code (pycls), Y of 64 GF and more those of Goyal et al., "Self-supervised Pretraining of
Visual Features in the Wild", 2021 (https://arxiv.org/abs/2103.01988), and Singh et al., CVPR 2022
(https://arxiv.org/abs/2201.08371). Z is from Dollar, Singh, Girshick, "Fast and Accurate Model
Scaling", CVPR 2021 (https://arxiv.org/abs/2103.06877). Layer names are timm's.

Deviations: the variants `_tv` round widths to groups as torchvision does, `regnety_040_sgn` has
SiLU and group normalisation, and the V networks, Y with activations before the convolutions, are
timm's own. Z has no shortcut where the shape changes, as timm infers from the paper's counts.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from kzoo.applications._conv_norm import conv_norm
from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import (
    activation,
    add,
    average_pool,
    batch_norm,
    convolve,
    drop_path,
    drop_path_rates,
    group_norm,
)
from kzoo.applications._scaling import scale_blocks
from kzoo.layers import SqueezeExcite
from kzoo.layers._divisible import make_divisible


@dataclass(frozen=True)
class RegNetConfig:
    """The paper's parameters, and what timm's variants add.

    Attributes:
        initial_width, slope, quantisation, group_width, depth: w0, wa, wm, g and d of the paper.
        se_ratio: squeezed channels as part of a block's input; 0 for no squeeze-and-excitation.
        bottleneck_ratio: width of a block's inside as part of its output.
        group_limit: round widths to groups by `make_divisible` instead of to the nearest.
        kind: activation.
        norm_group: channels in a group of group normalisation; None for batch normalisation.
        preact: whether normalisation and activation come before the convolutions.
        shortcut: where the shape changes, a strided "conv", an average "pool" with a 1x1
            convolution, or None.
        features: filters of a last 1x1 convolution, 0 for none.
        linear_blocks: whether a block ends without activation.
        width_factor, depth_factor: what multiplies the widths and the blocks of the stages.
    """

    initial_width: int
    slope: float
    quantisation: float
    group_width: int
    depth: int
    se_ratio: float = 0.0
    bottleneck_ratio: float = 1.0
    group_limit: bool = False
    kind: str = "relu"
    norm_group: int | None = None
    preact: bool = False
    shortcut: str | None = "conv"
    features: int = 0
    linear_blocks: bool = False
    width_factor: float = 1.0
    depth_factor: float = 1.0


X = RegNetConfig
Y = partial(RegNetConfig, se_ratio=0.25)
V = partial(RegNetConfig, se_ratio=0.25, preact=True, kind="silu")
Z = partial(
    RegNetConfig,
    se_ratio=0.25,
    bottleneck_ratio=4.0,
    kind="silu",
    shortcut=None,
    linear_blocks=True,
)

# w0, wa, wm, g, d; the number in a name is that of multiply-adds in hundreds of millions.
VARIANTS = {
    "regnetx_002": X(24, 36.44, 2.49, 8, 13),
    "regnetx_004": X(24, 24.48, 2.54, 16, 22),
    "regnetx_004_tv": X(24, 24.48, 2.54, 16, 22, group_limit=True),
    "regnetx_006": X(48, 36.97, 2.24, 24, 16),
    "regnetx_008": X(56, 35.73, 2.28, 16, 16),
    "regnetx_016": X(80, 34.01, 2.25, 24, 18),
    "regnetx_032": X(88, 26.31, 2.25, 48, 25),
    "regnetx_040": X(96, 38.65, 2.43, 40, 23),
    "regnetx_064": X(184, 60.83, 2.07, 56, 17),
    "regnetx_080": X(80, 49.56, 2.88, 120, 23),
    "regnetx_120": X(168, 73.36, 2.37, 112, 19),
    "regnetx_160": X(216, 55.59, 2.1, 128, 22),
    "regnetx_320": X(320, 69.86, 2.0, 168, 23),
    "regnety_002": Y(24, 36.44, 2.49, 8, 13),
    "regnety_004": Y(48, 27.89, 2.09, 8, 16),
    "regnety_006": Y(48, 32.54, 2.32, 16, 15),
    "regnety_008": Y(56, 38.84, 2.4, 16, 14),
    "regnety_008_tv": Y(56, 38.84, 2.4, 16, 14, group_limit=True),
    "regnety_016": Y(48, 20.71, 2.65, 24, 27),
    "regnety_032": Y(80, 42.63, 2.66, 24, 21),
    "regnety_040": Y(96, 31.41, 2.24, 64, 22),
    "regnety_040_sgn": Y(96, 31.41, 2.24, 64, 22, kind="silu", norm_group=16),
    "regnety_064": Y(112, 33.22, 2.27, 72, 25),
    "regnety_080": Y(192, 76.82, 2.19, 56, 17),
    "regnety_080_tv": Y(192, 76.82, 2.19, 56, 17, group_limit=True),
    "regnety_120": Y(168, 73.36, 2.37, 112, 19),
    "regnety_160": Y(200, 106.23, 2.48, 112, 18),
    "regnety_320": Y(232, 115.89, 2.53, 232, 20),
    "regnety_640": Y(352, 147.48, 2.4, 328, 20),
    "regnety_1280": Y(456, 160.83, 2.52, 264, 27),
    "regnety_2560": Y(640, 230.83, 2.53, 373, 27),
    "regnetv_040": V(96, 31.41, 2.24, 64, 22),
    "regnetv_064": V(112, 33.22, 2.27, 72, 25, shortcut="pool"),
    "regnetz_005": Z(16, 10.7, 2.51, 4, 21, features=1024),
    "regnetz_040": Z(48, 14.5, 2.226, 8, 28),
    "regnetz_040_h": Z(48, 14.5, 2.226, 8, 28, features=1536),
}


def stages(config):
    """Return `(width, group width, blocks)` of each stage.

    The widths of equations 2 to 4 are rounded to multiples of 8, then so that the inside of a block
    is a multiple of the group width.
    """
    linear = config.initial_width + config.slope * np.arange(config.depth)
    exponents = np.round(np.log(linear / config.initial_width) / np.log(config.quantisation))
    widths = np.round(config.initial_width * config.quantisation**exponents / 8) * 8
    rows = []
    for width, blocks in zip(*np.unique(widths, return_counts=True)):
        width = make_divisible(width * config.width_factor)
        inner = int(width * config.bottleneck_ratio)
        group = min(config.group_width, inner)
        inner = make_divisible(inner, group) if config.group_limit else round(inner / group) * group
        repeats = scale_blocks(int(blocks), config.depth_factor)
        rows.append((int(inner / config.bottleneck_ratio), group, repeats))
    return rows


def _norm(config):
    """Return the normalisation `(x, name) -> x`."""
    if config.norm_group is None:
        return batch_norm
    return partial(group_norm, width=config.norm_group)


def _squeeze_excite(x, config, in_channels, name):
    if not config.se_ratio:
        return x
    reduced = round(in_channels * config.se_ratio)
    return SqueezeExcite(reduced_channels=reduced, activation=config.kind, name=f"{name}.se")(x)


def _add_shortcut(x, shortcut, options, config, strides, rate, name):
    """Add the block's input, brought to the shape of `x`; without a shortcut return `x`."""
    axis = channel_axis()
    width = x.shape[axis]
    if strides > 1 or shortcut.shape[axis] != width:
        name_of = f"{name}.downsample"
        if config.shortcut is None:
            return x
        if config.shortcut == "pool":
            if strides > 1:
                shortcut = average_pool(shortcut, 2, 2, f"{name_of}.0", padding="same")
            name_of, strides = f"{name_of}.1", 1
        if config.preact:
            shortcut = convolve(shortcut, options, width, 1, strides=strides, name=name_of)
        else:
            norm = _norm(config)
            shortcut = conv_norm(shortcut, options, width, 1, name_of, strides=strides, norm=norm)
    return add(drop_path(x, rate, f"{name}.drop_path"), shortcut, f"{name}.add")


def _block(x, options, config, width, group, strides, rate, name):
    shortcut, in_channels = x, x.shape[channel_axis()]
    inner = round(width * config.bottleneck_ratio)
    unit = {"kind": config.kind, "norm": _norm(config)}
    groups = inner // group
    x = conv_norm(x, options, inner, 1, f"{name}.conv1", **unit)
    x = conv_norm(x, options, inner, 3, f"{name}.conv2", strides=strides, groups=groups, **unit)
    x = _squeeze_excite(x, config, in_channels, name)
    x = conv_norm(x, options, width, 1, f"{name}.conv3", norm=_norm(config))
    x = _add_shortcut(x, shortcut, options, config, strides, rate, name)
    return activation(x, None if config.linear_blocks else config.kind, f"{name}.act3")


def _preact_block(x, options, config, width, group, strides, rate, name):
    in_channels = x.shape[channel_axis()]
    inner = round(width * config.bottleneck_ratio)
    x = shortcut = activation(batch_norm(x, f"{name}.norm1"), config.kind, f"{name}.act1")
    x = convolve(x, options, inner, 1, name=f"{name}.conv1")
    x = activation(batch_norm(x, f"{name}.norm2"), config.kind, f"{name}.act2")
    grouped = {"strides": strides, "groups": inner // group}
    x = convolve(x, options, inner, 3, name=f"{name}.conv2", **grouped)
    x = _squeeze_excite(x, config, in_channels, name)
    x = activation(batch_norm(x, f"{name}.norm3"), config.kind, f"{name}.act3")
    x = convolve(x, options, width, 1, name=f"{name}.conv3")
    return _add_shortcut(x, shortcut, options, config, strides, rate, name)


def build(config, x, options, *, dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    unit = {"kind": config.kind, "norm": _norm(config)}
    if config.preact:
        x = convolve(x, options, 32, 3, strides=2, name="stem")
    else:
        x = conv_norm(x, options, 32, 3, "stem", strides=2, **unit)
    rows = stages(config)
    rates = drop_path_rates(drop_path_rate, [blocks for _, _, blocks in rows])
    block = _preact_block if config.preact else _block
    for stage, ((width, group, _), stage_rates) in enumerate(zip(rows, rates), start=1):
        for index, rate in enumerate(stage_rates):
            strides = 2 if index == 0 else 1
            name = f"s{stage}.b{index + 1}"
            x = block(x, options, config, width, group, strides, rate, name)
    if config.features:
        x = conv_norm(x, options, config.features, 1, "final_conv", **unit)
    elif config.preact or config.linear_blocks:
        x = activation(x, config.kind, "final_conv")
    return options.outputs(x, options.pooled_dense("head.fc", dropout_rate))


FAMILY = Family(
    name="regnet",
    paper="Radosavovic et al., Designing Network Design Spaces, CVPR 2020, equations 2 to 4.",
    build=build,
    variants=VARIANTS,
    names=(
        *("RegNetX002", "RegNetX004", "RegNetX004TV", "RegNetX006", "RegNetX008", "RegNetX016"),
        *("RegNetX032", "RegNetX040", "RegNetX064", "RegNetX080", "RegNetX120", "RegNetX160"),
        *("RegNetX320", "RegNetY002", "RegNetY004", "RegNetY006", "RegNetY008", "RegNetY008TV"),
        *("RegNetY016", "RegNetY032", "RegNetY040", "RegNetY040SGN", "RegNetY064", "RegNetY080"),
        *("RegNetY080TV", "RegNetY120", "RegNetY160", "RegNetY320", "RegNetY640", "RegNetY1280"),
        *("RegNetY2560", "RegNetV040", "RegNetV064", "RegNetZ005", "RegNetZ040", "RegNetZ040H"),
    ),
    input_shape=(224, 224, 3),
    input_sizes={
        "regnety_640": 384,
        "regnety_1280": 384,
        "regnety_2560": 384,
        "regnetz_040": 256,
        "regnetz_040_h": 256,
    },
    width=("width_factor",),
    depth=("depth_factor",),
)
