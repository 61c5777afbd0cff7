"""EfficientNet: inverted residual blocks with squeeze-and-excitation, scaled in width and depth.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019
(https://arxiv.org/abs/1905.11946), Table 1 (B0); width and depth of B1 to B8 and L2 are those of
the published code (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet).
EdgeTPU: Gupta and Akin, "Accelerator-aware Neural Network Design using AutoML", 2020
(https://arxiv.org/abs/2003.02838); the layers are the published code's. `blur`: Zhang, "Making
Convolutional Networks Shift-Invariant Again", ICML 2019 (https://arxiv.org/abs/1904.11486). Layer
names are timm's.

Deviations: as in timm, the plain names pad symmetrically and normalise with an epsilon of 1e-5; the
`tf_` names are the published networks. The paper drops 0.2 (B0, B1), 0.3 (B2, B3), 0.4 (B4, B5) or
0.5 (B6 to L2) before the classifier, and up to 0.2 of the blocks; here the default is 0.2 and no
blocks. The `pruned` EdgeTPU networks have the layers of the others, and weights that are zero.
"""

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


def _network(width, depth, anti_aliasing=None):
    return Network(
        stages=STAGES,
        scaling=Scaling(width, depth),
        head=Head(1280, scaled="always"),
        activation="silu",
        anti_aliasing=anti_aliasing,
    )


def _edge(width, depth):
    return Network(
        stages=EDGE_STAGES, scaling=Scaling(width, depth), head=Head(1280, scaled="always")
    )


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
    "efficientnet_blur_b0": _network(1.0, 1.0, anti_aliasing="blur"),
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
        "EfficientNetBlurB0",
        "EfficientNetES",
        "EfficientNetESPruned",
        "EfficientNetEM",
        "EfficientNetEL",
        "EfficientNetELPruned",
        *(f"TFEfficientNetB{number}" for number in range(9)),
        "TFEfficientNetL2",
        "TFEfficientNetES",
        "TFEfficientNetEM",
        "TFEfficientNetEL",
    ),
    input_shape=(224, 224, 3),
    input_sizes=SIZES,
    variant_statistics=dict.fromkeys(
        (
            "efficientnet_b1",
            "tf_efficientnet_b8",
            "tf_efficientnet_es",
            "tf_efficientnet_em",
            "tf_efficientnet_el",
        ),
        "inception",
    ),
    width=("scaling.width",),
    depth=("scaling.depth",),
)
