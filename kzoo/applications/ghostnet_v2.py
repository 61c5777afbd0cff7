"""GhostNetV2 and V3: GhostNets whose modules are weighted by attention over rows and columns.

Tang, Han, Guo, Xu, Xu, Xu, Wang, "GhostNetV2: Enhance Cheap Operation with Long-Range Attention",
NeurIPS 2022 (https://arxiv.org/abs/2211.12905), section 3; Liu, Hao, Dong, Li, Wang, Han,
"GhostNetV3: Exploring the Training Strategies for Compact Models", 2024
(https://arxiv.org/abs/2404.11202), section 3.1, which adds parallel convolutions for training.
Layer names are timm's.

Deviations: none known. Version 3 is built as it is trained, its parallel convolutions not merged.
"""

from kzoo.applications._family import Family
from kzoo.applications._ghostnet import GhostNetConfig, build

VARIANTS = {
    "ghostnetv2_100": GhostNetConfig(width=1.0, version=2),
    "ghostnetv2_130": GhostNetConfig(width=1.3, version=2),
    "ghostnetv2_160": GhostNetConfig(width=1.6, version=2),
    "ghostnetv3_050": GhostNetConfig(width=0.5, version=3),
    "ghostnetv3_100": GhostNetConfig(width=1.0, version=3),
    "ghostnetv3_130": GhostNetConfig(width=1.3, version=3),
    "ghostnetv3_160": GhostNetConfig(width=1.6, version=3),
}

FAMILY = Family(
    name="ghostnet_v2",
    paper="Tang et al., GhostNetV2, NeurIPS 2022, and Liu et al., GhostNetV3, 2024.",
    build=build,
    variants=VARIANTS,
    names=(
        "GhostNetV2_100",
        "GhostNetV2_130",
        "GhostNetV2_160",
        "GhostNetV3_050",
        "GhostNetV3_100",
        "GhostNetV3_130",
        "GhostNetV3_160",
    ),
    input_shape=(224, 224, 3),
    min_size=33,
    width=("width",),
)
