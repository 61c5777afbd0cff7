"""CSPNet: stages that only a part of the channels passes through.

Wang, Liao, Wu, Chen, Hsieh, Yeh, "CSPNet: A New Backbone that can Enhance Learning Capability of
CNN", CVPR Workshops 2020 (https://arxiv.org/abs/1911.11929): ResNet-50, ResNeXt-50 and Darknet-53.
The CS3 networks are the backbones of YOLOv5 and YOLOX (Ge et al., https://arxiv.org/abs/2107.08430)
with one transition convolution less, and Wightman's relatives. Layer names are timm's.

Deviations: as in timm, the 1x1 convolutions that expand the two parts of a stage are one, whose
output is split in halves; leaky ReLU has a slope of 0.01 (0.1 in the authors' code).
"""

from dataclasses import dataclass

import keras

from kzoo.applications._csp import bottleneck_block, dark_block, edge_block, unit
from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import drop_path_rates, max_pool
from kzoo.layers._divisible import make_divisible

BLOCKS = {"bottleneck": bottleneck_block, "dark": dark_block, "edge": edge_block}


@dataclass(frozen=True, kw_only=True)
class CSPNetConfig:
    """One entry a stage in the tuples, except in `stem`.

    Attributes:
        blocks, widths: number of blocks and filters.
        expand: width of both parts together, as a multiple of `widths`.
        inner: filters of a block, as a multiple of `widths`.
        ratio: filters inside a block, as a multiple of the block's.
        groups: groups of the 3x3 convolutions.
        stem, stem_kernel: filters of the stem's convolutions, and their kernel.
        strides: of the stem's first convolution.
        resnet: pool after the stem, no stride in the first stage, no activation before the split.
        grow: whether the strided convolution of a stage already has the stage's filters.
        single_transition: the form of CS3: the first half, not the second, passes the blocks and
            meets the other without a convolution of its own.
        block: "bottleneck", "dark" or "edge".
        se_ratio: squeezed channels as part of a block's inside; 0 for no squeeze-and-excitation.
        kind: activation.
    """

    blocks: tuple[int, ...]
    widths: tuple[int, ...]
    expand: tuple[float, ...] = (1.0,) * 4
    inner: tuple[float, ...] = (0.5,) * 4
    ratio: tuple[float, ...] = (1.0,) * 4
    groups: tuple[int, ...] = (1,) * 5
    stem: tuple[int, ...]
    stem_kernel: int = 3
    strides: int = 2
    resnet: bool = False
    grow: bool = False
    single_transition: bool = False
    block: str = "bottleneck"
    se_ratio: float = 0.0
    kind: str = "leaky_relu"


def _resnet(widths, expand, inner, ratio, *, stem=(64,), groups=1):
    """Return a row of the paper's ResNets: stages of 3, 3, 5 and 2 blocks."""
    return CSPNetConfig(
        blocks=(3, 3, 5, 2),
        widths=widths,
        expand=(expand,) * 4,
        inner=(inner,) * 4,
        ratio=(ratio,) * 4,
        groups=(groups,) * 4,
        stem=stem,
        stem_kernel=7 if len(stem) == 1 else 3,
        resnet=True,
    )


def _cs3(width, depth, *, focus=False, block="dark", ratio=1.0, se_ratio=0.0):
    """Return a row of CS3 with multipliers of width and depth.

    Args:
        focus: one 6x6 convolution as stem, equal to YOLOv5's rearrangement of pixels.
    """
    stem = (64,) if focus else (32, 64)
    return CSPNetConfig(
        blocks=tuple(int(blocks * depth) for blocks in (3, 6, 9, 3)),
        widths=tuple(make_divisible(base * width) for base in (128, 256, 512, 1024)),
        ratio=(ratio,) * 4,
        stem=tuple(make_divisible(base * width) for base in stem),
        stem_kernel=6 if focus else 3,
        single_transition=True,
        block=block,
        se_ratio=se_ratio,
        kind="silu",
    )


CSPDARKNET53 = CSPNetConfig(
    blocks=(1, 2, 8, 8, 4),
    widths=(64, 128, 256, 512, 1024),
    expand=(2.0, 1.0, 1.0, 1.0, 1.0),
    inner=(1.0, 0.5, 0.5, 0.5, 0.5),
    ratio=(0.5, 1.0, 1.0, 1.0, 1.0),
    stem=(32,),
    strides=1,
    grow=True,
    block="dark",
)
CS3SEDARKNET_XDW = CSPNetConfig(
    blocks=(3, 6, 12, 4),
    widths=(256, 512, 1024, 2048),
    ratio=(0.5,) * 4,
    groups=(1, 1, 256, 512),
    stem=(32, 64),
    se_ratio=1 / 16,
    kind="silu",
)

# timm's model configurations, the first five after the authors' configuration files.
NARROW, WIDE = (128, 256, 512, 1024), (256, 512, 1024, 2048)
VARIANTS = {
    "cspresnet50": _resnet(NARROW, 2.0, 1.0, 0.5),
    "cspresnet50d": _resnet(NARROW, 2.0, 1.0, 0.5, stem=(32, 32, 64)),
    "cspresnet50w": _resnet(WIDE, 1.0, 0.5, 0.25, stem=(32, 32, 64)),
    "cspresnext50": _resnet(WIDE, 1.0, 0.5, 1.0, groups=32),
    "cspdarknet53": CSPDARKNET53,
    "cs3darknet_s": _cs3(0.5, 0.5),
    "cs3darknet_m": _cs3(0.75, 0.67),
    "cs3darknet_l": _cs3(1.0, 1.0),
    "cs3darknet_x": _cs3(1.25, 1.33),
    "cs3darknet_focus_s": _cs3(0.5, 0.5, focus=True),
    "cs3darknet_focus_m": _cs3(0.75, 0.67, focus=True),
    "cs3darknet_focus_l": _cs3(1.0, 1.0, focus=True),
    "cs3darknet_focus_x": _cs3(1.25, 1.33, focus=True),
    "cs3sedarknet_l": _cs3(1.0, 1.0, se_ratio=1 / 4),
    "cs3sedarknet_x": _cs3(1.25, 1.33, se_ratio=1 / 16),
    "cs3sedarknet_xdw": CS3SEDARKNET_XDW,
    "cs3edgenet_x": _cs3(1.25, 1.33, block="edge", ratio=1.5),
    "cs3se_edgenet_x": _cs3(1.25, 1.33, block="edge", ratio=1.5, se_ratio=1 / 4),
}


def _stem(x, options, config):
    for index, filters in enumerate(config.stem):
        name = f"stem.conv{index + 1}"
        shape = {
            "strides": config.strides if index == 0 else 1,
            "padding": 2 if config.stem_kernel == 6 else "symmetric",
        }
        x = unit(x, options, filters, config.stem_kernel, name, config.kind, **shape)
    return max_pool(x, 3, 2, "stem.pool", padding=1) if config.resnet else x


def _stage(x, options, config, stage, rates):
    """Halve the map, split it, pass one part through the blocks, and join the parts."""
    name, width, kind = f"stages.{stage}", config.widths[stage], config.kind
    groups = config.groups[stage]
    if stage or not config.resnet:
        down = width if config.grow else x.shape[channel_axis()]
        shape = {"strides": 2, "groups": groups}
        x = unit(x, options, down, 3, f"{name}.conv_down", kind, **shape)
    half = round(width * config.expand[stage]) // 2
    x = unit(x, options, 2 * half, 1, f"{name}.conv_exp", None if config.resnet else kind)
    first, second = keras.ops.split(x, 2, axis=channel_axis())
    y = first if config.single_transition else second
    inner = round(width * config.inner[stage])
    shared = {"kind": kind, "groups": groups, "se_ratio": config.se_ratio}
    for index, rate in enumerate(rates):
        block, path = BLOCKS[config.block], f"{name}.blocks.{index}"
        y = block(y, options, inner, config.ratio[stage], path, rate=rate, **shared)
    parts = [y, second]
    if not config.single_transition:
        parts = [first, unit(y, options, half, 1, f"{name}.conv_transition_b", kind)]
    x = keras.layers.Concatenate(axis=channel_axis(), name=f"{name}.concatenate")(parts)
    return unit(x, options, width, 1, f"{name}.conv_transition", kind)


def build(config, x, options, *, dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    x = _stem(x, options, config)
    for stage, rates in enumerate(drop_path_rates(drop_path_rate, config.blocks)):
        x = _stage(x, options, config, stage, rates)
    return options.outputs(x, options.pooled_dense("head.fc", dropout_rate))


FAMILY = Family(
    name="cspnet",
    paper="Wang et al., CSPNet: A New Backbone that can Enhance Learning Capability of CNN, 2020.",
    build=build,
    variants=VARIANTS,
    names=(
        *("CSPResNet50", "CSPResNet50D", "CSPResNet50W", "CSPResNeXt50", "CSPDarknet53"),
        *("CS3DarknetS", "CS3DarknetM", "CS3DarknetL", "CS3DarknetX"),
        *("CS3DarknetFocusS", "CS3DarknetFocusM", "CS3DarknetFocusL", "CS3DarknetFocusX"),
        *("CS3SEDarknetL", "CS3SEDarknetX", "CS3SEDarknetXDW", "CS3EdgeNetX", "CS3SEEdgeNetX"),
    ),
    input_shape=(256, 256, 3),
    variant_statistics={"cs3darknet_focus_s": "inception"},
    width=("stem", "widths"),
    depth=("blocks",),
)
