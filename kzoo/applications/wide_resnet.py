"""Wide ResNet for ImageNet: bottlenecks whose 3x3 convolutions are wider.

Zagoruyko, Komodakis, "Wide Residual Networks", BMVC 2016 (https://arxiv.org/abs/1605.07146):
WRN-50-2-bottleneck, where the first two convolutions of every bottleneck have twice as many
filters. The body is that of `resnet`, and so are the layer names, which are timm's and
torchvision's.

Deviations: as in `resnet`; 101 layers are torchvision's, the paper has 50 only.
"""

from kzoo.applications._family import Family
from kzoo.applications.resnet import ResNetConfig, build

# The paper's WRN-50-2-bottleneck, for ImageNet.
VARIANTS = {
    "wide_resnet50_2": ResNetConfig((3, 4, 6, 3), base_width=128),
    "wide_resnet101_2": ResNetConfig((3, 4, 23, 3), base_width=128),
}

FAMILY = Family(
    name="wide_resnet",
    paper="Zagoruyko and Komodakis, Wide Residual Networks, BMVC 2016.",
    build=build,
    variants=VARIANTS,
    names=("WideResNet50_2", "WideResNet101_2"),
    input_shape=(224, 224, 3),
    learning_rate=3e-3,
    width=("stem", "filters"),
    depth=("blocks",),
)
