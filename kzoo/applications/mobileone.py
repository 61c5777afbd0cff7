"""MobileOne: depthwise separable convolutions, trained with branches to be merged afterwards.

Vasu, Gabriel, Zhu, Tuzel, Ranjan, "MobileOne: An Improved One Millisecond Mobile Backbone", CVPR
2023 (https://arxiv.org/abs/2206.04040), Tables 2 and 3. This is the form that is trained, with all
branches. Layer names are timm's.

Deviations: the paper's two stages of 256 base filters with stride 1 between them are one, as in
timm.
"""

from dataclasses import dataclass

from kzoo.applications._branches import branches
from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import activation, drop_path_rates
from kzoo.layers import SqueezeExcite
from kzoo.layers._divisible import make_divisible

FILTERS = (64, 128, 256, 512)


@dataclass(frozen=True)
class MobileOneConfig:
    """Widths as multiples of `FILTERS`.

    Attributes:
        widths: multipliers per stage.
        branches: number of parallel convolutions with the full kernel (k of the paper).
        squeeze_excite: number of blocks at the end of each stage with squeeze-and-excitation.
        blocks: number of blocks per stage.
    """

    widths: tuple[float, float, float, float]
    branches: int = 1
    squeeze_excite: tuple[int, int, int, int] = (0, 0, 0, 0)
    blocks: tuple[int, int, int, int] = (2, 8, 10, 1)


# Table 3 of the paper.
VARIANTS = {
    "mobileone_s0": MobileOneConfig((0.75, 1.0, 1.0, 2.0), branches=4),
    "mobileone_s1": MobileOneConfig((1.5, 1.5, 2.0, 2.5)),
    "mobileone_s2": MobileOneConfig((1.5, 2.0, 2.5, 4.0)),
    "mobileone_s3": MobileOneConfig((2.0, 2.5, 3.0, 4.0)),
    "mobileone_s4": MobileOneConfig((3.0, 3.5, 3.5, 4.0), squeeze_excite=(0, 0, 5, 1)),
}


def _unit(
    x,
    options,
    filters,
    kernel_size,
    name,
    *,
    count=1,
    squeeze=False,
    strides=1,
    groups=1,
    rate=0.0,
):
    """`count` parallel convolutions, squeeze-and-excitation where asked for, and ReLU."""
    x = branches(
        x,
        options,
        filters,
        kernel_size,
        name,
        kernels=[f"conv_kxk.{index}" for index in range(count)],
        pointwise="conv_scale" if kernel_size > 1 else None,
        strides=strides,
        groups=groups,
        rate=rate,
    )
    if squeeze:
        x = SqueezeExcite(name=f"{name}.attn")(x)
    return activation(x, "relu", f"{name}.act")


def _stage(x, options, config, stage, filters, rates):
    """Alternate depthwise and pointwise units, each with a rate of its own."""
    count, blocks = config.branches, config.blocks[stage]
    for index in range(blocks):
        squeeze = index >= blocks - config.squeeze_excite[stage]
        shared = {"count": count, "squeeze": squeeze}
        channels, strides = x.shape[channel_axis()], 2 if index == 0 else 1
        shape = {"strides": strides, "groups": channels, "rate": rates[2 * index]}
        x = _unit(x, options, channels, 3, f"stages.{stage}.{2 * index}", **shape, **shared)
        name, rate = f"stages.{stage}.{2 * index + 1}", rates[2 * index + 1]
        x = _unit(x, options, filters, 1, name, rate=rate, **shared)
    return x


def build(config, x, options, *, dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    widths = [make_divisible(base * width) for base, width in zip(FILTERS, config.widths)]
    x = _unit(x, options, min(64, widths[0]), 3, "stem", strides=2)
    rates = drop_path_rates(drop_path_rate, [2 * blocks for blocks in config.blocks])
    for stage, (filters, stage_rates) in enumerate(zip(widths, rates)):
        x = _stage(x, options, config, stage, filters, stage_rates)
    return options.outputs(x, options.pooled_dense("head.fc", dropout_rate))


FAMILY = Family(
    name="mobileone",
    paper="Vasu et al., MobileOne: An Improved One Millisecond Mobile Backbone, CVPR 2023.",
    build=build,
    variants=VARIANTS,
    names=("MobileOneS0", "MobileOneS1", "MobileOneS2", "MobileOneS3", "MobileOneS4"),
    input_shape=(224, 224, 3),
    width=("widths",),
    depth=("blocks",),
)
