"""ResNets with stems of three or four 3x3 convolutions and SiLU.

Wightman's networks in timm (byobnet): ResNet and ResNeXt (He et al., CVPR 2016; Xie et al., CVPR
2017) with a tiered ("t") or quadruple ("q") stem and SiLU ("s"), also with squeeze-and-excitation
(Hu et al., CVPR 2018) or efficient channel attention (Wang et al., CVPR 2020). There is no paper;
the numbers are timm's model configurations. Layer names are timm's.
"""

from dataclasses import replace

from kzoo.applications._family import Family
from kzoo.applications._stages import Stage, StagedNetwork, build

TIERED = (24, 32, 64)
QUADRUPLE = (16, 32, 64, 128)

# timm's model configurations; the 32 layers of ResNet-32 and a last convolution.
RESNET_33 = StagedNetwork(
    stages=(Stage(2, 256, strides=1), Stage(3, 512), Stage(3, 1536), Stage(2, 1536)),
    stem=TIERED,
    features=1280,
    activation="silu",
)
RESNEXT_26 = StagedNetwork(
    stages=(
        Stage(2, 256, strides=1, group_width=32),
        Stage(2, 512, group_width=32),
        Stage(2, 1024, group_width=32),
        Stage(2, 2048, group_width=32),
    ),
    stem=TIERED,
    stem_pool=True,
    activation="silu",
)
VARIANTS = {
    "resnet32ts": replace(RESNET_33, features=0),
    "resnet33ts": RESNET_33,
    "seresnet33ts": replace(RESNET_33, attention="se"),
    "eca_resnet33ts": replace(RESNET_33, attention="eca"),
    "resnext26ts": RESNEXT_26,
    "seresnext26ts": replace(RESNEXT_26, attention="se"),
    "eca_resnext26ts": replace(RESNEXT_26, attention="eca"),
    "resnet51q": StagedNetwork(
        stages=(
            Stage(2, 256, strides=1, group_width=32),
            Stage(4, 512, group_width=32),
            Stage(6, 1536, group_width=32),
            Stage(4, 1536, ratio=1, group_width=1),
        ),
        stem=QUADRUPLE,
        bare=2,
        features=2048,
        activation="silu",
    ),
    "resnet61q": StagedNetwork(
        stages=(
            Stage(1, 256, strides=1, kind="edge", ratio=1),
            Stage(4, 512, group_width=32, extra_conv=True),
            Stage(6, 1536, group_width=32, extra_conv=True),
            Stage(4, 1536, ratio=1, group_width=1, extra_conv=True),
        ),
        stem=QUADRUPLE,
        features=2048,
        activation="silu",
    ),
}

FAMILY = Family(
    name="resnet_ts",
    paper="Wightman, ResNets with tiered stems and SiLU, timm byobnet, 2021.",
    build=build,
    variants=VARIANTS,
    names=(
        "ResNet32ts",
        "ResNet33ts",
        "SEResNet33ts",
        "ECAResNet33ts",
        "ResNeXt26ts",
        "SEResNeXt26ts",
        "ECAResNeXt26ts",
        "ResNet51q",
        "ResNet61q",
    ),
    input_shape=(256, 256, 3),
    statistics="imagenet",
    width=("stem", "stages.width", "features"),
    depth=("stages.blocks",),
)
