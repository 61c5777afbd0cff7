"""RegNetZ with wide blocks: RegNet stages of inverted bottlenecks.

Wightman's networks after Dollar, Singh, Girshick, "Fast and Accurate Model Scaling", CVPR 2021
(https://arxiv.org/abs/2103.06877), table 2, which gives no exact numbers; these are timm's
(byobnet). The letter is the size and the number the group width; `_evos` has EvoNorm-S0 in the
place of normalisation and activation. Layer names are timm's.

Deviations: unlike `regnetz_*` of the family regnet, squeeze-and-excitation is sized by the inside
of a block and uses ReLU, and the D and E networks have a stem of three convolutions.
"""

from dataclasses import replace

from kzoo.applications._family import Family
from kzoo.applications._stages import Stage, StagedNetwork, build


def _network(blocks, widths, group_width, ratio, features, stem=(24, 32, 64)):
    """Stages of inverted bottlenecks, whose inside is `ratio` times as wide as their input."""
    return StagedNetwork(
        stages=tuple(
            Stage(
                count,
                width,
                strides=1 if index == 0 and len(stem) > 1 else 2,
                ratio=ratio,
                group_width=group_width,
            )
            for index, (count, width) in enumerate(zip(blocks, widths))
        ),
        stem=stem,
        features=features,
        attention="se",
        squeeze=0.25,
        activation="silu",
        expanding=True,
    )


# timm's model configurations.
B16 = _network((2, 6, 12, 2), (48, 96, 192, 288), 16, 3, 1536, stem=(32,))
C16 = _network((2, 6, 12, 2), (48, 96, 192, 288), 16, 4, 1536, stem=(32,))
D8 = _network((3, 6, 12, 3), (64, 128, 256, 384), 8, 4, 1792)
VARIANTS = {
    "regnetz_b16": B16,
    "regnetz_b16_evos": replace(B16, evo_norm=True),
    "regnetz_c16": C16,
    "regnetz_c16_evos": replace(C16, evo_norm=True),
    "regnetz_d32": _network((3, 6, 12, 3), (64, 128, 256, 384), 32, 4, 1792),
    "regnetz_d8": D8,
    "regnetz_d8_evos": replace(D8, stem=(64, 64, 64), evo_norm=True),
    "regnetz_e8": _network((3, 8, 16, 3), (96, 192, 384, 512), 8, 4, 2048),
}

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
    width=("stages.width", "features"),
    depth=("stages.blocks",),
)
