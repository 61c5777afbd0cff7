"""GhostNet: half of the feature maps by convolution, the other half cheaply out of the first.

Han, Wang, Tian, Guo, Xu, Xu, "GhostNet: More Features from Cheap Operations", CVPR 2020
(https://arxiv.org/abs/1911.11907), Table 1. Layer names are timm's.

Deviations: none known.
"""

from kzoo.applications._family import Family
from kzoo.applications._ghostnet import GhostNetConfig, build

VARIANTS = {
    "ghostnet_050": GhostNetConfig(width=0.5),
    "ghostnet_100": GhostNetConfig(width=1.0),
    "ghostnet_130": GhostNetConfig(width=1.3),
}

FAMILY = Family(
    name="ghostnet",
    paper="Han et al., GhostNet: More Features from Cheap Operations, CVPR 2020, Table 1.",
    build=build,
    variants=VARIANTS,
    names=("GhostNet050", "GhostNet100", "GhostNet130"),
    input_shape=(224, 224, 3),
    width=("width",),
)
