"""MobileNetV2: inverted residual blocks with linear bottlenecks.

Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018
(https://arxiv.org/abs/1801.04381), Table 2. `110d` and `120d` are timm's, deeper and with the stem
and head of width 1. Layer names are timm's.

Deviations: as in timm, padding is symmetric.
"""

from kzoo.applications._family import Family
from kzoo.applications._inverted_residual import build
from kzoo.applications._mobile_tables import (
    Head,
    Inverted,
    Network,
    Scaling,
    Separable,
    stage,
)

# Table 2 of the paper.
STAGES = (
    stage(1, Separable(16)),
    stage(2, Inverted(24, 2, expansion=6)),
    stage(2, Inverted(32, 3, expansion=6)),
    stage(2, Inverted(64, 4, expansion=6)),
    stage(1, Inverted(96, 3, expansion=6)),
    stage(2, Inverted(160, 3, expansion=6)),
    stage(1, Inverted(320, expansion=6)),
)


def _network(width):
    return Network(
        stages=STAGES, scaling=Scaling(width), head=Head(1280, scaled="up"), activation="relu6"
    )


def _deeper(width, depth):
    scaling = Scaling(width, depth, stem=False, ends=False)
    return Network(stages=STAGES, scaling=scaling, head=Head(1280), activation="relu6")


VARIANTS = {
    "mobilenetv2_035": _network(0.35),
    "mobilenetv2_050": _network(0.5),
    "mobilenetv2_075": _network(0.75),
    "mobilenetv2_100": _network(1.0),
    "mobilenetv2_140": _network(1.4),
    "mobilenetv2_110d": _deeper(1.1, 1.2),
    "mobilenetv2_120d": _deeper(1.2, 1.4),
}

FAMILY = Family(
    name="mobilenet_v2",
    paper="Sandler et al., MobileNetV2, CVPR 2018, Table 2.",
    build=build,
    variants=VARIANTS,
    names=(
        "MobileNetV2035",
        "MobileNetV2050",
        "MobileNetV2075",
        "MobileNetV2100",
        "MobileNetV2140",
        "MobileNetV2110D",
        "MobileNetV2120D",
    ),
    input_shape=(224, 224, 3),
    width=("scaling.width",),
    depth=("scaling.depth",),
)
