"""MixNet: depthwise convolutions of several kernel sizes at once.

Tan and Le, "MixConv: Mixed Depthwise Convolutional Kernels", BMVC 2019
(https://arxiv.org/abs/1907.09595), Figure 5 (S and M; L is M at width 1.3); `xl` and `xxl` are
timm's. Layer names are timm's.

Deviations: as in timm, the plain names pad symmetrically and normalise with an epsilon of 1e-5; the
`tf_` names are the published networks.
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
    tensorflow,
)

HALVES = (1, 1)  # 1x1 convolutions in two groups


def _block(channels, repeats, kernel, expansion, squeeze, expand=1, project=1):
    """Write a block of the later stages, whose activation is swish."""
    return Inverted(
        channels,
        repeats,
        kernel=kernel,
        expansion=expansion,
        squeeze=squeeze,
        activation="silu",
        expand_kernel=expand,
        project_kernel=project,
    )


# Figure 5 of the paper.
SMALL = (
    stage(1, Separable(16)),
    stage(
        2,
        Inverted(24, expansion=6, expand_kernel=HALVES, project_kernel=HALVES),
        Inverted(24, expansion=3, expand_kernel=HALVES, project_kernel=HALVES),
    ),
    stage(
        2,
        _block(40, 1, (3, 5, 7), 6, 0.5),
        _block(40, 3, (3, 5), 6, 0.5, HALVES, HALVES),
    ),
    stage(
        2,
        _block(80, 1, (3, 5, 7), 6, 0.25, 1, HALVES),
        _block(80, 2, (3, 5), 6, 0.25, 1, HALVES),
    ),
    stage(
        1,
        _block(120, 1, (3, 5, 7), 6, 0.5, HALVES, HALVES),
        _block(120, 2, (3, 5, 7, 9), 3, 0.5, HALVES, HALVES),
    ),
    stage(
        2,
        _block(200, 1, (3, 5, 7, 9, 11), 6, 0.5),
        _block(200, 2, (3, 5, 7, 9), 6, 0.5, 1, HALVES),
    ),
)

MEDIUM = (
    stage(1, Separable(24)),
    stage(
        2,
        Inverted(32, kernel=(3, 5, 7), expansion=6, expand_kernel=HALVES, project_kernel=HALVES),
        Inverted(32, expansion=3, expand_kernel=HALVES, project_kernel=HALVES),
    ),
    stage(
        2,
        _block(40, 1, (3, 5, 7, 9), 6, 0.5),
        _block(40, 3, (3, 5), 6, 0.5, HALVES, HALVES),
    ),
    stage(
        2,
        _block(80, 1, (3, 5, 7), 6, 0.25),
        _block(80, 3, (3, 5, 7, 9), 6, 0.25, HALVES, HALVES),
    ),
    stage(
        1,
        _block(120, 1, 3, 6, 0.5),
        _block(120, 3, (3, 5, 7, 9), 3, 0.5, HALVES, HALVES),
    ),
    stage(
        2,
        _block(200, 1, (3, 5, 7, 9), 6, 0.5),
        _block(200, 3, (3, 5, 7, 9), 6, 0.5, 1, HALVES),
    ),
)


def _network(stages, stem, width=1.0, depth=1.0):
    return Network(
        stages=stages,
        scaling=Scaling(width, depth, depth_rounding="round"),
        stem=stem,
        head=Head(1536),
    )


VARIANTS = {
    "mixnet_s": _network(SMALL, 16),
    "mixnet_m": _network(MEDIUM, 24),
    "mixnet_l": _network(MEDIUM, 24, 1.3),
    "mixnet_xl": _network(MEDIUM, 24, 1.6, 1.2),
    "mixnet_xxl": _network(MEDIUM, 24, 2.4, 1.3),
    "tf_mixnet_s": tensorflow(_network(SMALL, 16)),
    "tf_mixnet_m": tensorflow(_network(MEDIUM, 24)),
    "tf_mixnet_l": tensorflow(_network(MEDIUM, 24, 1.3)),
}

FAMILY = Family(
    name="mixnet",
    paper="Tan and Le, MixConv: Mixed Depthwise Convolutional Kernels, BMVC 2019, Figure 5.",
    build=build,
    variants=VARIANTS,
    names=(
        "MixNetS",
        "MixNetM",
        "MixNetL",
        "MixNetXL",
        "MixNetXXL",
        "TFMixNetS",
        "TFMixNetM",
        "TFMixNetL",
    ),
    input_shape=(224, 224, 3),
    width=("scaling.width",),
    depth=("scaling.depth",),
)
