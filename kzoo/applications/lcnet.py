"""PP-LCNet: depthwise separable convolutions and hard swish, for CPUs.

Cui et al., "PP-LCNet: A Lightweight CPU Convolutional Neural Network", 2021
(https://arxiv.org/abs/2109.15099), Table 2. Layer names are timm's.
"""

from kzoo.applications._family import Family
from kzoo.applications._inverted_residual import build
from kzoo.applications._mobile_tables import Head, Network, Scaling, Separable, Squeeze, stage


def _separable(channels, repeats=1, kernel=3, squeeze=0.0):
    return Separable(
        channels, repeats, kernel=kernel, squeeze=squeeze, skip=False, pointwise_activation=True
    )


# Table 2 of the paper.
STAGES = (
    stage(1, _separable(32)),
    stage(2, _separable(64, 2)),
    stage(2, _separable(128, 2)),
    stage(2, _separable(256), _separable(256, kernel=5)),
    stage(1, _separable(256, 4, kernel=5)),
    stage(2, _separable(512, 2, kernel=5, squeeze=0.25)),
)


def _network(width):
    return Network(
        stages=STAGES,
        scaling=Scaling(width),
        stem=16,
        head=Head(1280, pooled=True, use_bias=True, norm=False),
        activation="hard_silu",
        squeeze=Squeeze(gate="hard_sigmoid", activation="relu"),
    )


VARIANTS = {
    "lcnet_035": _network(0.35),
    "lcnet_050": _network(0.5),
    "lcnet_075": _network(0.75),
    "lcnet_100": _network(1.0),
    "lcnet_150": _network(1.5),
}

FAMILY = Family(
    name="lcnet",
    paper="Cui et al., PP-LCNet, 2021, Table 2.",
    build=build,
    variants=VARIANTS,
    names=("LCNet035", "LCNet050", "LCNet075", "LCNet100", "LCNet150"),
    input_shape=(224, 224, 3),
    width=("scaling.width",),
    depth=("scaling.depth",),
)
