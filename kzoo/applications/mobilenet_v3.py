"""MobileNetV3: a searched network with squeeze-and-excitation and hard swish.

Howard et al., "Searching for MobileNetV3", ICCV 2019 (https://arxiv.org/abs/1905.02244), Tables 1
(large) and 2 (small); `minimal` is the published code's, without squeeze, hard swish and 5x5
kernels. `large_150d` is timm's, wider and deeper, and `rw` its first form of the large network.
Layer names are timm's.

Deviations: as in timm, the plain names pad symmetrically and normalise with an epsilon of 1e-5
(`rw`: 1e-3); the `tf_` names are the published networks.
"""

from dataclasses import replace

from kzoo.applications._family import Family
from kzoo.applications._inverted_residual import build
from kzoo.applications._mobile_tables import (
    Convolution,
    Head,
    Inverted,
    Network,
    Scaling,
    Separable,
    Squeeze,
    stage,
    tensorflow,
)

# Table 1 of the paper.
LARGE = (
    stage(1, Separable(16, activation="relu")),
    stage(
        2,
        Inverted(24, expansion=4, activation="relu"),
        Inverted(24, expansion=3, activation="relu"),
    ),
    stage(2, Inverted(40, 3, kernel=5, expansion=3, squeeze=0.25, activation="relu")),
    stage(
        2,
        Inverted(80, expansion=6),
        Inverted(80, expansion=2.5),
        Inverted(80, 2, expansion=2.3),
    ),
    stage(1, Inverted(112, 2, expansion=6, squeeze=0.25)),
    stage(2, Inverted(160, 3, kernel=5, expansion=6, squeeze=0.25)),
    stage(1, Convolution(960, kernel=1, skip=False)),
)

# Table 2 of the paper.
SMALL = (
    stage(2, Separable(16, squeeze=0.25, activation="relu")),
    stage(
        2,
        Inverted(24, expansion=4.5, activation="relu"),
        Inverted(24, expansion=3.67, activation="relu"),
    ),
    stage(
        2,
        Inverted(40, kernel=5, expansion=4, squeeze=0.25),
        Inverted(40, 2, kernel=5, expansion=6, squeeze=0.25),
    ),
    stage(1, Inverted(48, 2, kernel=5, expansion=3, squeeze=0.25)),
    stage(2, Inverted(96, 3, kernel=5, expansion=6, squeeze=0.25)),
    stage(1, Convolution(576, kernel=1, skip=False)),
)


def _plain(stages):
    """Return stages of the minimal networks."""
    return tuple(
        stage(
            part.strides,
            *(
                replace(row, kernel=min(row.kernel, 3), squeeze=0.0, activation=None)
                for row in part.rows
            ),
        )
        for part in stages
    )


def _network(stages, features, width=1.0, depth=1.0, activation="hard_silu"):
    return Network(
        stages=stages,
        scaling=Scaling(width, depth, stem=width >= 0.75),
        stem=16,
        head=Head(features, pooled=True, use_bias=True, norm=False),
        activation=activation,
        squeeze=Squeeze(gate="hard_sigmoid", activation="relu", divisor=8, of_expanded=True),
    )


def _large(width, depth=1.0):
    return _network(LARGE, 1280, width, depth)


def _small(width):
    return _network(SMALL, 1024, width)


RW = Network(
    stages=(stage(1, Separable(16, activation="relu", skip=False)), *LARGE[1:]),
    stem=16,
    head=Head(1280, pooled=True, norm=False),
    activation="hard_silu",
    epsilon=1e-3,
    squeeze=Squeeze(gate="hard_sigmoid", of_expanded=True),
)

VARIANTS = {
    "mobilenetv3_large_075": _large(0.75),
    "mobilenetv3_large_100": _large(1.0),
    "mobilenetv3_large_150d": _large(1.5, 1.2),
    "mobilenetv3_small_050": _small(0.5),
    "mobilenetv3_small_075": _small(0.75),
    "mobilenetv3_small_100": _small(1.0),
    "mobilenetv3_rw": RW,
    "tf_mobilenetv3_large_075": tensorflow(_large(0.75)),
    "tf_mobilenetv3_large_100": tensorflow(_large(1.0)),
    "tf_mobilenetv3_large_minimal_100": tensorflow(
        _network(_plain(LARGE), 1280, activation="relu")
    ),
    "tf_mobilenetv3_small_075": tensorflow(_small(0.75)),
    "tf_mobilenetv3_small_100": tensorflow(_small(1.0)),
    "tf_mobilenetv3_small_minimal_100": tensorflow(
        _network(_plain(SMALL), 1024, activation="relu")
    ),
}

FAMILY = Family(
    name="mobilenet_v3",
    paper="Howard et al., Searching for MobileNetV3, ICCV 2019, Tables 1 and 2.",
    build=build,
    variants=VARIANTS,
    names=(
        "MobileNetV3Large075",
        "MobileNetV3Large100",
        "MobileNetV3Large150D",
        "MobileNetV3Small050",
        "MobileNetV3Small075",
        "MobileNetV3Small100",
        "MobileNetV3RW",
        "TFMobileNetV3Large075",
        "TFMobileNetV3Large100",
        "TFMobileNetV3LargeMinimal100",
        "TFMobileNetV3Small075",
        "TFMobileNetV3Small100",
        "TFMobileNetV3SmallMinimal100",
    ),
    input_shape=(224, 224, 3),
    input_sizes={"mobilenetv3_large_150d": 256},
    variant_statistics={
        name: "inception"
        for name in VARIANTS
        if name.startswith("tf_") or name == "mobilenetv3_large_150d"
    },
    width=("scaling.width",),
    depth=("scaling.depth",),
)
