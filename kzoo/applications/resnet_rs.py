"""ResNet-RS: ResNet-D with squeeze-and-excitation, scaled in depth and resolution.

Bello et al., "Revisiting ResNets: Improved Training and Scaling Strategies", NeurIPS 2021
(https://arxiv.org/abs/2103.07579). A 3x3 convolution stands for the max pooling of the stem; the
squeeze keeps a quarter of the channels. The body is that of `resnet`, and so are the layer names,
which are timm's.

Deviations: as in timm, padding is symmetric, where the paper's TensorFlow code has its own.
"""

from kzoo.applications._family import Family
from kzoo.applications.resnet import DEEP, ResNetConfig, build


def _config(*blocks):
    return ResNetConfig(
        blocks, stem=DEEP, avg_down=True, conv_pool=True, attention="se", se_ratio=0.25
    )


# The blocks of the authors' code (tensorflow/tpu, models/official/resnet/resnet_rs).
VARIANTS = {
    "resnetrs50": _config(3, 4, 6, 3),
    "resnetrs101": _config(3, 4, 23, 3),
    "resnetrs152": _config(3, 8, 36, 3),
    "resnetrs200": _config(3, 24, 36, 3),
    "resnetrs270": _config(4, 29, 53, 4),
    "resnetrs350": _config(4, 36, 72, 4),
    "resnetrs420": _config(4, 44, 87, 4),
}

FAMILY = Family(
    name="resnet_rs",
    paper="Bello et al., Revisiting ResNets, NeurIPS 2021.",
    build=build,
    variants=VARIANTS,
    names=(
        *("ResNetRS50", "ResNetRS101", "ResNetRS152", "ResNetRS200", "ResNetRS270"),
        *("ResNetRS350", "ResNetRS420"),
    ),
    input_shape=(224, 224, 3),
    input_sizes={
        **{"resnetrs50": 160, "resnetrs101": 192, "resnetrs152": 256, "resnetrs200": 256},
        **{"resnetrs270": 256, "resnetrs350": 288, "resnetrs420": 320},
    },
    learning_rate=3e-3,
    width=("stem", "filters"),
    depth=("blocks",),
)
