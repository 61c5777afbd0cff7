"""EfficientNet: inverted residual blocks with squeeze-and-excitation, scaled in width and depth.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019
(https://arxiv.org/abs/1905.11946), Table 1 (B0); width and depth of B1 to B8 and L2 are those of
the published code (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet).
EdgeTPU: Gupta and Akin, "Accelerator-aware Neural Network Design using AutoML", 2020
(https://arxiv.org/abs/2003.02838); the layers are the published code's. `blur`: Zhang, "Making
Convolutional Networks Shift-Invariant Again", ICML 2019 (https://arxiv.org/abs/1904.11486). `x`,
`h`: Li et al., "Searching for Fast Model Families on Datacenter Accelerators", CVPR 2021
(https://arxiv.org/abs/2102.05610). `pruned` B1 to B3: Aflalo et al., "Knapsack Pruning with Inner
Distillation", 2020 (https://arxiv.org/abs/2002.08258). `cc`: Yang et al., "CondConv", NeurIPS 2019
(https://arxiv.org/abs/1904.04971). `gn`, `g8` and `g16` are timm's: group
normalisation, and convolutions of groups of 8 or 16 channels instead of depthwise ones. (Its
`g16_evos` has batch normalisation, against its name.) Layer names are timm's.

Deviations: as in timm, the plain names pad symmetrically and normalise with an epsilon of 1e-5; the
`tf_` names are the published networks. The paper drops 0.2 (B0, B1), 0.3 (B2, B3), 0.4 (B4, B5) or
0.5 (B6 to L2) before the classifier, and up to 0.2 of the blocks; here the default is 0.2 and no
blocks. The `pruned` EdgeTPU networks have the layers of the others, and weights that are zero.
"""

from dataclasses import replace

from kzoo.applications._family import Family
from kzoo.applications._inverted_residual import build
from kzoo.applications._mobile_tables import (
    Fused,
    Head,
    Inverted,
    Network,
    Scaling,
    Separable,
    stage,
    tensorflow,
)

# Table 1 of the paper.
STAGES = (
    stage(1, Separable(16, squeeze=0.25)),
    stage(2, Inverted(24, 2, expansion=6, squeeze=0.25)),
    stage(2, Inverted(40, 2, kernel=5, expansion=6, squeeze=0.25)),
    stage(2, Inverted(80, 3, expansion=6, squeeze=0.25)),
    stage(1, Inverted(112, 3, kernel=5, expansion=6, squeeze=0.25)),
    stage(2, Inverted(192, 4, kernel=5, expansion=6, squeeze=0.25)),
    stage(1, Inverted(320, expansion=6, squeeze=0.25)),
)

# The published code of EfficientNet-EdgeTPU.
EDGE_STAGES = (
    stage(1, Fused(24, expansion=4, expanded_from=24, skip=False)),
    stage(2, Fused(32, 2, expansion=8)),
    stage(2, Fused(48, 4, expansion=8)),
    stage(2, Inverted(96, 5, kernel=5, expansion=8)),
    stage(1, Inverted(144, 4, kernel=5, expansion=8)),
    stage(2, Inverted(192, 2, kernel=5, expansion=8)),
)


def _datacenter(expansion):
    """Return the stages of Li et al.: early ones on a quarter of the pixels, then Fused-MBConv."""
    wide = Separable(16, multiple=4, squeeze=0.25)
    halved = replace(wide, space_to_depth=True, squeeze=0.25 / 4, skip=False)
    fused = Fused(24, 2, expansion=expansion, squeeze=0.25, activation="relu")
    return (
        stage(1, wide, first=halved),
        stage(1, fused, first=replace(fused, expansion=expansion / 4)),
        stage(2, replace(fused, channels=40, kernel=5)),
        stage(2, Inverted(80, 3, expansion=expansion, squeeze=0.25)),
        *STAGES[4:],
    )


def _network(width, depth, divisor=8, stages=STAGES, **options):
    return Network(
        stages=stages,
        scaling=Scaling(width, depth, divisor=divisor),
        head=Head(1280, scaled="always"),
        activation="silu",
        **options,
    )


def _conditional(depth, experts):
    """Mix the kernels of the last three stages."""
    rows = [replace(part.rows[0], experts=experts) for part in STAGES[4:]]
    mixed = [stage(part.strides, row) for part, row in zip(STAGES[4:], rows)]
    return _network(1.0, depth, stages=(*STAGES[:4], *mixed))


def _edge(width, depth):
    return Network(
        stages=EDGE_STAGES, scaling=Scaling(width, depth), head=Head(1280, scaled="always")
    )


def _pruned(stem, features, *stages):
    """Write a network by what is left of its channels.

    Args:
        stem: channels of the first convolution.
        features: of the last one.
        stages: for each stage its channels and, for each of its blocks, the channels of its
            depthwise convolution and of its squeeze.
    """
    parts, inputs = [], stem
    for published, (channels, blocks) in zip(STAGES, stages):
        rows = []
        for expanded, squeezed in blocks:
            row = replace(published.rows[0], channels=channels, repeats=1)
            rows.append(replace(row, expansion=expanded / inputs, squeeze=squeezed / inputs))
            inputs = channels
        parts.append(stage(published.strides, *rows))
    network = Network(
        stages=parts,
        scaling=Scaling(divisor=1, expanded_divisor=1),
        stem=stem,
        head=Head(features, scaled="always"),
        activation="silu",
    )
    return tensorflow(network)


# Width and depth from the published code.
VARIANTS = {
    "efficientnet_b0": _network(1.0, 1.0),
    "efficientnet_b1": _network(1.0, 1.1),
    "efficientnet_b2": _network(1.1, 1.2),
    "efficientnet_b3": _network(1.2, 1.4),
    "efficientnet_b4": _network(1.4, 1.8),
    "efficientnet_b5": _network(1.6, 2.2),
    "efficientnet_b6": _network(1.8, 2.6),
    "efficientnet_b7": _network(2.0, 3.1),
    "efficientnet_b8": _network(2.2, 3.6),
    "efficientnet_l2": _network(4.3, 5.3),
    "efficientnet_b1_pruned": _pruned(
        32,
        1280,
        (16, ((32, 8), (16, 4))),
        (12, ((48, 4), (62, 6), (48, 6))),
        (35, ((70, 6), (61, 10), (51, 10))),
        (74, ((175, 10), (188, 20), (137, 20), (164, 20))),
        (67, ((399, 20), (201, 28), (160, 28), (213, 28))),
        (192, ((637, 27), (806, 48), (798, 48), (891, 48), (990, 48))),
        (320, ((1152, 48), (1912, 80))),
    ),
    "efficientnet_b2_pruned": _pruned(
        32,
        1408,
        (16, ((32, 8), (16, 4))),
        (17, ((54, 4), (69, 6), (61, 6))),
        (42, ((86, 6), (72, 12), (98, 12))),
        (85, ((245, 12), (274, 22), (254, 22), (292, 22))),
        (116, ((502, 22), (315, 30), (354, 30), (443, 30))),
        (208, ((719, 30), (1148, 52), (1160, 52), (1182, 52), (1228, 52))),
        (352, ((1248, 52), (2112, 88))),
    ),
    "efficientnet_b3_pruned": _pruned(
        40,
        1536,
        (24, ((40, 10), (24, 6))),
        (12, ((27, 6), (49, 8), (48, 8))),
        (40, ((83, 8), (90, 12), (85, 12))),
        (93, ((215, 12), (261, 24), (219, 24), (254, 24), (236, 24))),
        (120, ((480, 24), (235, 34), (217, 34), (226, 33), (340, 34))),
        (232, ((802, 34), (1030, 58), (924, 58), (1016, 58), (1130, 58), (1266, 58))),
        (384, ((1392, 58), (2301, 96))),
    ),
    "efficientnet_b0_gn": _network(1.0, 1.0, norm_width=8),
    "efficientnet_b0_g8_gn": _network(1.0, 1.0, group_width=8, norm_width=8),
    "efficientnet_b0_g16_evos": _network(1.0, 1.0, 16, group_width=16),
    "efficientnet_b3_gn": _network(1.2, 1.4, 16, norm_width=16),
    "efficientnet_b3_g8_gn": _network(1.2, 1.4, 16, group_width=8, norm_width=16),
    "efficientnet_blur_b0": _network(1.0, 1.0, anti_aliasing="blur"),
    "efficientnet_x_b3": _network(1.2, 1.4, stages=_datacenter(6)),
    "efficientnet_x_b5": _network(1.6, 2.2, stages=_datacenter(6)),
    "efficientnet_h_b5": _network(1.92, 2.2, stages=_datacenter(4)),
    "efficientnet_cc_b0_4e": _conditional(1.0, 4),
    "efficientnet_cc_b0_8e": _conditional(1.0, 8),
    "efficientnet_cc_b1_8e": _conditional(1.1, 8),
    "efficientnet_es": _edge(1.0, 1.0),
    "efficientnet_es_pruned": _edge(1.0, 1.0),
    "efficientnet_em": _edge(1.0, 1.1),
    "efficientnet_el": _edge(1.2, 1.4),
    "efficientnet_el_pruned": _edge(1.2, 1.4),
    "tf_efficientnet_b0": tensorflow(_network(1.0, 1.0)),
    "tf_efficientnet_b1": tensorflow(_network(1.0, 1.1)),
    "tf_efficientnet_b2": tensorflow(_network(1.1, 1.2)),
    "tf_efficientnet_b3": tensorflow(_network(1.2, 1.4)),
    "tf_efficientnet_b4": tensorflow(_network(1.4, 1.8)),
    "tf_efficientnet_b5": tensorflow(_network(1.6, 2.2)),
    "tf_efficientnet_b6": tensorflow(_network(1.8, 2.6)),
    "tf_efficientnet_b7": tensorflow(_network(2.0, 3.1)),
    "tf_efficientnet_b8": tensorflow(_network(2.2, 3.6)),
    "tf_efficientnet_l2": tensorflow(_network(4.3, 5.3)),
    "tf_efficientnet_cc_b0_4e": tensorflow(_conditional(1.0, 4)),
    "tf_efficientnet_cc_b0_8e": tensorflow(_conditional(1.0, 8)),
    "tf_efficientnet_cc_b1_8e": tensorflow(_conditional(1.1, 8)),
    "tf_efficientnet_es": tensorflow(_edge(1.0, 1.0)),
    "tf_efficientnet_em": tensorflow(_edge(1.0, 1.1)),
    "tf_efficientnet_el": tensorflow(_edge(1.2, 1.4)),
}

# Where timm's recommended weights were trained at another size than 224.
SIZES = {
    "efficientnet_b1": 240,
    "efficientnet_b2": 256,
    "efficientnet_b3": 288,
    "efficientnet_b4": 320,
    "efficientnet_b5": 448,
    "efficientnet_b6": 528,
    "efficientnet_b7": 600,
    "efficientnet_b8": 672,
    "efficientnet_l2": 800,
    "efficientnet_b1_pruned": 240,
    "efficientnet_b2_pruned": 260,
    "efficientnet_b3_pruned": 300,
    "efficientnet_b3_gn": 288,
    "efficientnet_b3_g8_gn": 288,
    "efficientnet_x_b3": 288,
    "efficientnet_x_b5": 448,
    "efficientnet_h_b5": 448,
    "efficientnet_cc_b1_8e": 240,
    "efficientnet_em": 240,
    "efficientnet_el": 300,
    "efficientnet_el_pruned": 300,
    "tf_efficientnet_b1": 240,
    "tf_efficientnet_b2": 260,
    "tf_efficientnet_b3": 300,
    "tf_efficientnet_b4": 380,
    "tf_efficientnet_b5": 456,
    "tf_efficientnet_b6": 528,
    "tf_efficientnet_b7": 600,
    "tf_efficientnet_b8": 672,
    "tf_efficientnet_l2": 475,
    "tf_efficientnet_cc_b1_8e": 240,
    "tf_efficientnet_em": 240,
    "tf_efficientnet_el": 300,
}

FAMILY = Family(
    name="efficientnet",
    paper="Tan and Le, EfficientNet, ICML 2019, Table 1.",
    build=build,
    variants=VARIANTS,
    names=(
        *(f"EfficientNetB{number}" for number in range(9)),
        "EfficientNetL2",
        *(f"EfficientNetB{number}Pruned" for number in range(1, 4)),
        "EfficientNetB0GN",
        "EfficientNetB0G8GN",
        "EfficientNetB0G16Evos",
        "EfficientNetB3GN",
        "EfficientNetB3G8GN",
        "EfficientNetBlurB0",
        "EfficientNetXB3",
        "EfficientNetXB5",
        "EfficientNetHB5",
        "EfficientNetCCB04E",
        "EfficientNetCCB08E",
        "EfficientNetCCB18E",
        "EfficientNetES",
        "EfficientNetESPruned",
        "EfficientNetEM",
        "EfficientNetEL",
        "EfficientNetELPruned",
        *(f"TFEfficientNetB{number}" for number in range(9)),
        "TFEfficientNetL2",
        "TFEfficientNetCCB04E",
        "TFEfficientNetCCB08E",
        "TFEfficientNetCCB18E",
        "TFEfficientNetES",
        "TFEfficientNetEM",
        "TFEfficientNetEL",
    ),
    input_shape=(224, 224, 3),
    input_sizes=SIZES,
    variant_statistics=dict.fromkeys(
        (
            "efficientnet_b1",
            *(f"efficientnet_b{number}_pruned" for number in range(1, 4)),
            "tf_efficientnet_b8",
            *(f"tf_efficientnet_cc_{size}" for size in ("b0_4e", "b0_8e", "b1_8e")),
            "tf_efficientnet_es",
            "tf_efficientnet_em",
            "tf_efficientnet_el",
        ),
        "inception",
    ),
    width=("scaling.width",),
    depth=("scaling.depth",),
)
