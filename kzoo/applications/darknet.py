"""Darknet: the residual backbone of YOLOv3.

Redmon, Farhadi, "YOLOv3: An Incremental Improvement", 2018 (https://arxiv.org/abs/1804.02767),
Table 1. Layer names are timm's.

Deviations: as in timm, leaky ReLU has a slope of 0.01 (0.1 in the authors' code); shallower ones,
`sedarknet21` with squeeze-and-excitation and `darknetaa53`, which halves maps by average pooling
and a 1x1 convolution, are timm's own.
"""

from dataclasses import dataclass

from kzoo.applications._csp import dark_block, unit
from kzoo.applications._family import Family
from kzoo.applications._parts import average_pool, drop_path_rates

KIND = "leaky_relu"


@dataclass(frozen=True)
class DarknetConfig:
    """What varies among the networks.

    Attributes:
        blocks: residual blocks per stage.
        se_ratio: squeezed channels as part of a block's inside; 0 for no squeeze-and-excitation.
        pool: halve maps by average pooling instead of by strides.
        stem, filters: of the first convolution and of the stages.
    """

    blocks: tuple[int, int, int, int, int]
    se_ratio: float = 0.0
    pool: bool = False
    stem: int = 32
    filters: tuple[int, int, int, int, int] = (64, 128, 256, 512, 1024)


# Table 1 of the paper for 53 layers, timm's model configurations for the others.
VARIANTS = {
    "darknet17": DarknetConfig((1, 1, 1, 1, 1)),
    "darknet21": DarknetConfig((1, 1, 1, 2, 2)),
    "sedarknet21": DarknetConfig((1, 1, 1, 2, 2), se_ratio=1 / 16),
    "darknet53": DarknetConfig((1, 2, 8, 8, 4)),
    "darknetaa53": DarknetConfig((1, 2, 8, 8, 4), pool=True),
}


def build(config, x, options, *, dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    x = unit(x, options, config.stem, 3, "stem.conv1", KIND)
    rates = drop_path_rates(drop_path_rate, config.blocks)
    shared = {"kind": KIND, "se_ratio": config.se_ratio}
    for stage, (filters, stage_rates) in enumerate(zip(config.filters, rates)):
        down = f"stages.{stage}.conv_down"
        if config.pool:
            x = average_pool(x, 2, 2, f"{down}.0")
            x = unit(x, options, filters, 1, f"{down}.1", KIND)
        else:
            x = unit(x, options, filters, 3, down, KIND, strides=2)
        for index, rate in enumerate(stage_rates):
            name = f"stages.{stage}.blocks.{index}"
            x = dark_block(x, options, filters, 0.5, name, rate=rate, **shared)
    return options.outputs(x, options.pooled_dense("head.fc", dropout_rate))


FAMILY = Family(
    name="darknet",
    paper="Redmon and Farhadi, YOLOv3: An Incremental Improvement, 2018, Table 1.",
    build=build,
    variants=VARIANTS,
    names=("Darknet17", "Darknet21", "SEDarknet21", "Darknet53", "DarknetAA53"),
    input_shape=(256, 256, 3),
    min_size=32,
    width=("stem", "filters"),
    depth=("blocks",),
)
