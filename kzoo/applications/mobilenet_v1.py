"""MobileNet: depthwise separable convolutions for phones.

Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
2017 (https://arxiv.org/abs/1704.04861), Table 1. Layer names are timm's.

Deviations: as in timm, padding is symmetric, and the activation is ReLU6, as in the published code.
`mobilenetv1_100h` has a further 1x1 convolution before the pooling.
"""

from kzoo.applications._family import Family
from kzoo.applications._inverted_residual import build
from kzoo.applications._mobile_tables import Head, Network, Scaling, Separable, stage


def _separable(channels, repeats=1):
    return Separable(channels, repeats, skip=False, pointwise_activation=True)


# Table 1 of the paper.
STAGES = (
    stage(1, _separable(64)),
    stage(2, _separable(128, 2)),
    stage(2, _separable(256, 2)),
    stage(2, _separable(512, 6)),
    stage(2, _separable(1024, 2)),
)


def _network(width, features=0):
    return Network(
        stages=STAGES,
        scaling=Scaling(width),
        head=Head(features, scaled="up"),
        activation="relu6",
    )


VARIANTS = {
    "mobilenetv1_100": _network(1.0),
    "mobilenetv1_100h": _network(1.0, features=1024),
    "mobilenetv1_125": _network(1.25),
}

FAMILY = Family(
    name="mobilenet_v1",
    paper="Howard et al., MobileNets, 2017, Table 1.",
    build=build,
    variants=VARIANTS,
    names=("MobileNetV1100", "MobileNetV1100H", "MobileNetV1125"),
    input_shape=(224, 224, 3),
    statistics="inception",
    width=("scaling.width",),
    depth=("scaling.depth",),
)
