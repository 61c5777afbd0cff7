"""RepVGG: stacked 3x3 convolutions, trained with branches that can be merged afterwards.

Ding, Zhang, Ma, Han, Ding, Sun, "RepVGG: Making VGG-style ConvNets Great Again", CVPR 2021
(https://arxiv.org/abs/2101.03697), Tables 2 and 3; `repvgg_d2se` is from the authors' code. This is
the form that is trained, with all branches. Layer names are timm's.

Deviations: stochastic depth (off unless asked for) is timm's.
"""

from dataclasses import dataclass

from kzoo.applications._branches import branches
from kzoo.applications._family import Family
from kzoo.applications._parts import activation, drop_path_rates
from kzoo.layers import SqueezeExcite
from kzoo.layers._divisible import make_divisible

FILTERS = (64, 128, 256, 512)


@dataclass(frozen=True)
class RepVGGConfig:
    """Blocks per stage and multipliers of `FILTERS`.

    Attributes:
        blocks: of stages 2 to 5; stage 1 is a single block.
        width: multiplier of the first four stages (a), of which the first has at most 64 filters.
        last_width: multiplier of the last stage (b).
        groups: of every second block of a stage.
        squeeze_excite: whether the blocks have squeeze-and-excitation.
    """

    blocks: tuple[int, int, int, int]
    width: float
    last_width: float
    groups: int = 1
    squeeze_excite: bool = False


# Tables 2 and 3 of the paper.
A, B = (2, 4, 14, 1), (4, 6, 16, 1)
VARIANTS = {
    "repvgg_a0": RepVGGConfig(A, 0.75, 2.5),
    "repvgg_a1": RepVGGConfig(A, 1.0, 2.5),
    "repvgg_a2": RepVGGConfig(A, 1.5, 2.75),
    "repvgg_b0": RepVGGConfig(B, 1.0, 2.5),
    "repvgg_b1": RepVGGConfig(B, 2.0, 4.0),
    "repvgg_b1g4": RepVGGConfig(B, 2.0, 4.0, groups=4),
    "repvgg_b2": RepVGGConfig(B, 2.5, 5.0),
    "repvgg_b2g4": RepVGGConfig(B, 2.5, 5.0, groups=4),
    "repvgg_b3": RepVGGConfig(B, 3.0, 5.0),
    "repvgg_b3g4": RepVGGConfig(B, 3.0, 5.0, groups=4),
    "repvgg_d2se": RepVGGConfig((8, 14, 24, 1), 2.5, 5.0, squeeze_excite=True),
}


def _block(x, options, config, filters, strides, groups, rate, name):
    x = branches(
        x,
        options,
        filters,
        3,
        name,
        kernels=("conv_kxk",),
        pointwise="conv_1x1",
        strides=strides,
        groups=groups,
        rate=rate,
    )
    if config.squeeze_excite:
        x = SqueezeExcite(1 / 16, divisor=1, name=f"{name}.attn")(x)
    return activation(x, "relu", f"{name}.act")


def build(config, x, options, *, dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    multipliers = (*(config.width,) * 3, config.last_width)
    widths = [make_divisible(base * factor) for base, factor in zip(FILTERS, multipliers)]
    x = _block(x, options, config, min(64, widths[0]), 2, 1, 0.0, "stem")
    rates = drop_path_rates(drop_path_rate, config.blocks)
    for stage, (width, stage_rates) in enumerate(zip(widths, rates)):
        for index, rate in enumerate(stage_rates):
            strides = 2 if index == 0 else 1
            groups = config.groups if index % 2 else 1
            name = f"stages.{stage}.{index}"
            x = _block(x, options, config, width, strides, groups, rate, name)
    return options.outputs(x, options.pooled_dense("head.fc", dropout_rate))


FAMILY = Family(
    name="repvgg",
    paper="Ding et al., RepVGG: Making VGG-style ConvNets Great Again, CVPR 2021, Tables 2 and 3.",
    build=build,
    variants=VARIANTS,
    names=(
        *("RepVGGA0", "RepVGGA1", "RepVGGA2", "RepVGGB0", "RepVGGB1", "RepVGGB1G4", "RepVGGB2"),
        *("RepVGGB2G4", "RepVGGB3", "RepVGGB3G4", "RepVGGD2SE"),
    ),
    input_shape=(224, 224, 3),
    input_sizes={"repvgg_d2se": 320},
    width=("width", "last_width"),
    depth=("blocks",),
)
