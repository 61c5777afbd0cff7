"""EfficientNetV2: fused blocks in the early stages, found by a search for training speed.

Tan and Le, "EfficientNetV2: Smaller Models and Faster Training", ICML 2021
(https://arxiv.org/abs/2104.00298), Table 4 (S); the others are the published code's
(https://github.com/google/automl/tree/master/efficientnetv2). `rw` are timm's own networks, drawn
after the paper before that code appeared. Layer names are timm's.

Deviations: as in timm, the plain names pad symmetrically and normalise with an epsilon of 1e-5; the
`tf_` names are the published networks. The published code drops 0.2 (S, B0 and B1), 0.3 (M, B2 and
B3) or 0.4 (L and XL) before the classifier, and up to 0.2 of the blocks; here the default is 0.2
and no blocks.
"""

from kzoo.applications._family import Family
from kzoo.applications._inverted_residual import build
from kzoo.applications._mobile_tables import (
    Convolution,
    Fused,
    Head,
    Inverted,
    Network,
    Scaling,
    stage,
    tensorflow,
)

# The base network of B0 to B3, from the published code.
BASE = (
    stage(1, Convolution(16)),
    stage(2, Fused(32, 2, expansion=4)),
    stage(2, Fused(48, 2, expansion=4)),
    stage(2, Inverted(96, 3, expansion=4, squeeze=0.25)),
    stage(1, Inverted(112, 5, expansion=6, squeeze=0.25)),
    stage(2, Inverted(192, 8, expansion=6, squeeze=0.25)),
)

# Table 4 of the paper.
SMALL = (
    stage(1, Convolution(24, 2)),
    stage(2, Fused(48, 4, expansion=4)),
    stage(2, Fused(64, 4, expansion=4)),
    stage(2, Inverted(128, 6, expansion=4, squeeze=0.25)),
    stage(1, Inverted(160, 9, expansion=6, squeeze=0.25)),
    stage(2, Inverted(256, 15, expansion=6, squeeze=0.25)),
)

# timm's: fused blocks without expansion first, a wider last stage.
SMALL_RW = (
    stage(1, Fused(24, 2)),
    *SMALL[1:-1],
    stage(2, Inverted(272, 15, expansion=6, squeeze=0.25)),
)

# The published code.
MEDIUM = (
    stage(1, Convolution(24, 3)),
    stage(2, Fused(48, 5, expansion=4)),
    stage(2, Fused(80, 5, expansion=4)),
    stage(2, Inverted(160, 7, expansion=4, squeeze=0.25)),
    stage(1, Inverted(176, 14, expansion=6, squeeze=0.25)),
    stage(2, Inverted(304, 18, expansion=6, squeeze=0.25)),
    stage(1, Inverted(512, 5, expansion=6, squeeze=0.25)),
)
LARGE = (
    stage(1, Convolution(32, 4)),
    stage(2, Fused(64, 7, expansion=4)),
    stage(2, Fused(96, 7, expansion=4)),
    stage(2, Inverted(192, 10, expansion=4, squeeze=0.25)),
    stage(1, Inverted(224, 19, expansion=6, squeeze=0.25)),
    stage(2, Inverted(384, 25, expansion=6, squeeze=0.25)),
    stage(1, Inverted(640, 7, expansion=6, squeeze=0.25)),
)
EXTRA_LARGE = (
    stage(1, Convolution(32, 4)),
    stage(2, Fused(64, 8, expansion=4)),
    stage(2, Fused(96, 8, expansion=4)),
    stage(2, Inverted(192, 16, expansion=4, squeeze=0.25)),
    stage(1, Inverted(256, 24, expansion=6, squeeze=0.25)),
    stage(2, Inverted(512, 32, expansion=6, squeeze=0.25)),
    stage(1, Inverted(640, 8, expansion=6, squeeze=0.25)),
)


def _network(stages, stem, width=1.0, depth=1.0, *, features=1280, round_limit=0.9):
    return Network(
        stages=stages,
        scaling=Scaling(width, depth, round_limit=round_limit),
        stem=stem,
        head=Head(features, scaled="always"),
        activation="silu",
    )


RW_M_DEPTH = (1.2, 1.2, 1.2, 1.2, 1.6, 1.6)
VARIANTS = {
    "efficientnetv2_rw_t": _network(SMALL, 24, 0.8, 0.9),
    "efficientnetv2_rw_s": _network(SMALL_RW, 24, features=1792),
    "efficientnetv2_rw_m": _network(SMALL_RW, 24, 1.2, RW_M_DEPTH, features=1792),
    "efficientnetv2_s": _network(SMALL, 24),
    "efficientnetv2_m": _network(MEDIUM, 24),
    "efficientnetv2_l": _network(LARGE, 32),
    "efficientnetv2_xl": _network(EXTRA_LARGE, 32),
    "tf_efficientnetv2_b0": tensorflow(_network(BASE, 32, 1.0, 1.0, round_limit=0.0)),
    "tf_efficientnetv2_b1": tensorflow(_network(BASE, 32, 1.0, 1.1, round_limit=0.0)),
    "tf_efficientnetv2_b2": tensorflow(_network(BASE, 32, 1.1, 1.2, round_limit=0.0)),
    "tf_efficientnetv2_b3": tensorflow(_network(BASE, 32, 1.2, 1.4, round_limit=0.0)),
    "tf_efficientnetv2_s": tensorflow(_network(SMALL, 24)),
    "tf_efficientnetv2_m": tensorflow(_network(MEDIUM, 24)),
    "tf_efficientnetv2_l": tensorflow(_network(LARGE, 32)),
    "tf_efficientnetv2_xl": tensorflow(_network(EXTRA_LARGE, 32)),
}

# Where timm's recommended weights were trained at another size than 224.
SIZES = {
    "efficientnetv2_rw_s": 288,
    "efficientnetv2_rw_m": 320,
    "efficientnetv2_s": 288,
    "efficientnetv2_m": 320,
    "efficientnetv2_l": 384,
    "efficientnetv2_xl": 384,
    "tf_efficientnetv2_b0": 192,
    "tf_efficientnetv2_b1": 192,
    "tf_efficientnetv2_b2": 208,
    "tf_efficientnetv2_b3": 240,
    "tf_efficientnetv2_s": 300,
    "tf_efficientnetv2_m": 384,
    "tf_efficientnetv2_l": 384,
    "tf_efficientnetv2_xl": 384,
}

FAMILY = Family(
    name="efficientnet_v2",
    paper="Tan and Le, EfficientNetV2, ICML 2021, Table 4.",
    build=build,
    variants=VARIANTS,
    names=(
        "EfficientNetV2RWT",
        "EfficientNetV2RWS",
        "EfficientNetV2RWM",
        "EfficientNetV2S",
        "EfficientNetV2M",
        "EfficientNetV2L",
        "EfficientNetV2XL",
        *(f"TFEfficientNetV2B{number}" for number in range(4)),
        "TFEfficientNetV2S",
        "TFEfficientNetV2M",
        "TFEfficientNetV2L",
        "TFEfficientNetV2XL",
    ),
    input_shape=(224, 224, 3),
    input_sizes=SIZES,
    variant_statistics=dict.fromkeys(
        (
            "tf_efficientnetv2_b3",
            "tf_efficientnetv2_s",
            "tf_efficientnetv2_m",
            "tf_efficientnetv2_l",
            "tf_efficientnetv2_xl",
        ),
        "inception",
    ),
    width=("scaling.width",),
    depth=("scaling.depth",),
)
