"""HardCoRe-NAS: networks of MobileNetV3's blocks, searched under a hard limit of latency.

Nayman et al., "HardCoRe-NAS: Hard Constrained diffeRentiable Neural Architecture Search", ICML 2021
(https://arxiv.org/abs/2102.11646); the layers are the published code's
(https://github.com/Alibaba-MIIL/HardCoReNAS). Layer names are timm's.
"""

from kzoo.applications._family import Family
from kzoo.applications._inverted_residual import build
from kzoo.applications._mobile_tables import (
    Convolution,
    Head,
    Inverted,
    Network,
    Separable,
    Squeeze,
    stage,
)

# Of the searched stages: strides, channels, activation.
STAGES = (
    (2, 24, "relu"),
    (2, 40, "relu"),
    (2, 80, None),
    (1, 112, None),
    (2, 192, None),
)


def _block(code, channels, activation):
    """Return the block that a code such as "k5e3s" stands for: kernel 5, expansion 3, squeeze."""
    return Inverted(
        channels,
        kernel=int(code[1]),
        expansion=float(code[3]),
        squeeze=0.25 if code.endswith("s") else 0.0,
        activation=activation,
    )


def _network(*codes):
    """Return a network by the blocks of its five searched stages."""
    searched = (
        stage(strides, *(_block(code, channels, activation) for code in blocks.split()))
        for (strides, channels, activation), blocks in zip(STAGES, codes, strict=True)
    )
    return Network(
        stages=(
            stage(1, Separable(16, activation="relu")),
            *searched,
            stage(1, Convolution(960, kernel=1, skip=False)),
        ),
        head=Head(1280, pooled=True, use_bias=True, norm=False),
        activation="hard_silu",
        squeeze=Squeeze(gate="hard_sigmoid", activation="relu", divisor=8, of_expanded=True),
    )


VARIANTS = {
    "hardcorenas_a": _network(
        "k5e3 k5e3s",
        "k5e3 k5e6s",
        "k5e6s k5e6s",
        "k5e6s k5e6s",
        "k5e6s k5e6s",
    ),
    "hardcorenas_b": _network(
        "k5e3 k5e3s k3e3",
        "k5e3 k5e3 k5e3",
        "k5e3 k5e3 k3e3 k3e3",
        "k5e3 k3e3 k3e3 k3e3",
        "k5e6s k5e6s k3e3s",
    ),
    "hardcorenas_c": _network(
        "k5e3 k5e3s",
        "k5e3 k5e3 k5e3 k5e3",
        "k5e4 k5e6s k3e3 k3e3",
        "k5e6s k3e3 k3e3 k3e3",
        "k5e6s k5e6s k3e3s",
    ),
    "hardcorenas_d": _network(
        "k5e3s k5e3s",
        "k5e3s k5e4s k3e3s",
        "k5e4s k3e3s k3e3s k3e3s",
        "k3e4s k5e4s k3e3s k5e3s",
        "k5e6s k5e6s k5e6s k3e6s",
    ),
    "hardcorenas_e": _network(
        "k5e3s k5e3s",
        "k5e6s k5e4s k5e4s k3e3s",
        "k5e4s k3e6s",
        "k5e6s k5e6s k5e6s k5e3s",
        "k5e6s k5e6s k5e6s k3e6s",
    ),
    "hardcorenas_f": _network(
        "k5e3s k5e3s",
        "k5e6s k5e6s",
        "k5e6s k5e6s k3e3s k3e3s",
        "k3e6s k5e6s k5e6s k3e3s",
        "k5e6s k5e6s k3e6s k3e6s",
    ),
}

FAMILY = Family(
    name="hardcorenas",
    paper="Nayman et al., HardCoRe-NAS, ICML 2021.",
    build=build,
    variants=VARIANTS,
    names=tuple(f"HardCoReNAS{letter}" for letter in "ABCDEF"),
    input_shape=(224, 224, 3),
    width=("scaling.width",),
    depth=("scaling.depth",),
)
