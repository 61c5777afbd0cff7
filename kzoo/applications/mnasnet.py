"""MNASNet: searched for speed on a phone, the first of the inverted residual networks so found.

Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile", CVPR 2019
(https://arxiv.org/abs/1807.11626), Figure 7: A1 with squeeze-and-excitation (`semnasnet`); B1
without (`mnasnet`) and the small network are the published code's
(https://github.com/tensorflow/tpu/tree/master/models/official/mnasnet). `spnasnet_100`: Stamoulis
et al., "Single-Path NAS", ECML PKDD 2019 (https://arxiv.org/abs/1904.02877). Layer names are
timm's.

Deviations: as in timm, padding is symmetric.
"""

from kzoo.applications._family import Family
from kzoo.applications._inverted_residual import build
from kzoo.applications._mobile_tables import Head, Inverted, Network, Scaling, Separable, stage

A1 = (
    stage(1, Separable(16, skip=False)),
    stage(2, Inverted(24, 2, expansion=6)),
    stage(2, Inverted(40, 3, kernel=5, expansion=3, squeeze=0.25)),
    stage(2, Inverted(80, 4, expansion=6)),
    stage(1, Inverted(112, 2, expansion=6, squeeze=0.25)),
    stage(2, Inverted(160, 3, kernel=5, expansion=6, squeeze=0.25)),
    stage(1, Inverted(320, expansion=6)),
)

B1 = (
    stage(1, Separable(16, skip=False)),
    stage(2, Inverted(24, 3, expansion=3)),
    stage(2, Inverted(40, 3, kernel=5, expansion=3)),
    stage(2, Inverted(80, 3, kernel=5, expansion=6)),
    stage(1, Inverted(96, 2, expansion=6)),
    stage(2, Inverted(192, 4, kernel=5, expansion=6)),
    stage(1, Inverted(320, expansion=6, skip=False)),
)

SMALL = (
    stage(1, Separable(8)),
    stage(2, Inverted(16, expansion=3)),
    stage(2, Inverted(16, 2, expansion=6)),
    stage(2, Inverted(32, 4, kernel=5, expansion=6, squeeze=0.25)),
    stage(1, Inverted(32, 3, expansion=6, squeeze=0.25)),
    stage(2, Inverted(88, 3, kernel=5, expansion=6, squeeze=0.25)),
    stage(1, Inverted(144, expansion=6)),
)

SINGLE_PATH = (
    stage(1, Separable(16, skip=False)),
    stage(2, Inverted(24, 3, expansion=3)),
    stage(2, Inverted(40, kernel=5, expansion=6), Inverted(40, 3, expansion=3)),
    stage(2, Inverted(80, kernel=5, expansion=6), Inverted(80, 3, expansion=3)),
    stage(1, Inverted(96, kernel=5, expansion=6), Inverted(96, 3, kernel=5, expansion=3)),
    stage(2, Inverted(192, 4, kernel=5, expansion=6)),
    stage(1, Inverted(320, expansion=6, skip=False)),
)


def _network(stages, width=1.0, stem=32):
    return Network(stages=stages, scaling=Scaling(width), stem=stem, head=Head(1280))


VARIANTS = {
    "mnasnet_050": _network(B1, 0.5),
    "mnasnet_075": _network(B1, 0.75),
    "mnasnet_100": _network(B1, 1.0),
    "mnasnet_140": _network(B1, 1.4),
    "mnasnet_small": _network(SMALL, stem=8),
    "semnasnet_050": _network(A1, 0.5),
    "semnasnet_075": _network(A1, 0.75),
    "semnasnet_100": _network(A1, 1.0),
    "semnasnet_140": _network(A1, 1.4),
    "spnasnet_100": _network(SINGLE_PATH),
}

FAMILY = Family(
    name="mnasnet",
    paper="Tan et al., MnasNet, CVPR 2019, Figure 7.",
    build=build,
    variants=VARIANTS,
    names=(
        "MNASNet050",
        "MNASNet075",
        "MNASNet100",
        "MNASNet140",
        "MNASNetSmall",
        "SEMNASNet050",
        "SEMNASNet075",
        "SEMNASNet100",
        "SEMNASNet140",
        "SPNASNet100",
    ),
    input_shape=(224, 224, 3),
    width=("scaling.width",),
    depth=("scaling.depth",),
)
