"""ResNeXt: residual networks whose 3x3 convolutions work in groups.

Xie, Girshick, Dollar, Tu, He, "Aggregated Residual Transformations for Deep Neural Networks", CVPR
2017 (https://arxiv.org/abs/1611.05431), Table 1; 32x16d and 32x32d of Mahajan et al., "Exploring
the Limits of Weakly Supervised Pretraining", ECCV 2018 (https://arxiv.org/abs/1805.00932). The body
is that of `resnet`, and so are the layer names, which are timm's. In a name, 32x4d means 32 groups
of 4 filters in the first stage; d before that a deep stem and average pooling in the shortcuts.

Deviations: none known; the stride is in the 3x3 convolution, as in the paper's code.
"""

from kzoo.applications._family import Family
from kzoo.applications.resnet import DEEP, ResNetConfig, build

# Table 1 of the paper; 101 layers have the blocks of ResNet-101.
VARIANTS = {
    "resnext50_32x4d": ResNetConfig((3, 4, 6, 3), groups=32, base_width=4),
    "resnext50d_32x4d": ResNetConfig(
        (3, 4, 6, 3), stem=DEEP, avg_down=True, groups=32, base_width=4
    ),
    "resnext101_32x4d": ResNetConfig((3, 4, 23, 3), groups=32, base_width=4),
    "resnext101_32x8d": ResNetConfig((3, 4, 23, 3), groups=32, base_width=8),
    "resnext101_32x16d": ResNetConfig((3, 4, 23, 3), groups=32, base_width=16),
    "resnext101_32x32d": ResNetConfig((3, 4, 23, 3), groups=32, base_width=32),
    "resnext101_64x4d": ResNetConfig((3, 4, 23, 3), groups=64, base_width=4),
}

FAMILY = Family(
    name="resnext",
    paper="Xie et al., Aggregated Residual Transformations for Deep Neural Networks, CVPR 2017.",
    build=build,
    variants=VARIANTS,
    names=(
        *("ResNeXt50_32x4d", "ResNeXt50D_32x4d", "ResNeXt101_32x4d", "ResNeXt101_32x8d"),
        *("ResNeXt101_32x16d", "ResNeXt101_32x32d", "ResNeXt101_64x4d"),
    ),
    input_shape=(224, 224, 3),
    learning_rate=3e-3,
    width=("stem", "filters"),
    depth=("blocks",),
)
