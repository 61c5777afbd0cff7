"""SE-ResNet, SE-ResNeXt and SENet-154: residual branches end in squeeze-and-excitation.

Hu, Shen, Sun, "Squeeze-and-Excitation Networks", CVPR 2018 (https://arxiv.org/abs/1709.01507),
Table 1. The body is that of `resnet`, and so are the letters of the forms and the layer names,
which are timm's; `aa` stands for strides taken by average pooling.

Deviations: as in timm, the stride of a bottleneck is in its 3x3 convolution and the squeezed
channels are a multiple of 8 (the paper's own networks are in `senet`); 18, 26, 200, 201 and 269
layers and the forms t, d and aa are timm's. Where timm's average pooling for a stride drops the
last row of an odd map, so that the shortcut does not fit, kzoo keeps it.
"""

from kzoo.applications._family import Family
from kzoo.applications.resnet import DEEP, TIERED, WIDE, ResNetConfig, build

# Blocks as in `resnet` and `resnext`: Table 1 of the paper.
VARIANTS = {
    "seresnet18": ResNetConfig((2, 2, 2, 2), attention="se", bottleneck=False),
    "seresnet34": ResNetConfig((3, 4, 6, 3), attention="se", bottleneck=False),
    "seresnet50": ResNetConfig((3, 4, 6, 3), attention="se"),
    "seresnet50t": ResNetConfig((3, 4, 6, 3), attention="se", stem=TIERED, avg_down=True),
    "seresnet101": ResNetConfig((3, 4, 23, 3), attention="se"),
    "seresnet152": ResNetConfig((3, 8, 36, 3), attention="se"),
    "seresnet152d": ResNetConfig((3, 8, 36, 3), attention="se", stem=DEEP, avg_down=True),
    "seresnet200d": ResNetConfig((3, 24, 36, 3), attention="se", stem=DEEP, avg_down=True),
    "seresnet269d": ResNetConfig((3, 30, 48, 8), attention="se", stem=DEEP, avg_down=True),
    "seresnetaa50d": ResNetConfig(
        (3, 4, 6, 3), attention="se", stem=DEEP, avg_down=True, antialias="average"
    ),
    "seresnext26d_32x4d": ResNetConfig(
        (2, 2, 2, 2), attention="se", stem=DEEP, avg_down=True, groups=32, base_width=4
    ),
    "seresnext26t_32x4d": ResNetConfig(
        (2, 2, 2, 2), attention="se", stem=TIERED, avg_down=True, groups=32, base_width=4
    ),
    "seresnext50_32x4d": ResNetConfig((3, 4, 6, 3), attention="se", groups=32, base_width=4),
    "seresnext101_32x4d": ResNetConfig((3, 4, 23, 3), attention="se", groups=32, base_width=4),
    "seresnext101_32x8d": ResNetConfig((3, 4, 23, 3), attention="se", groups=32, base_width=8),
    "seresnext101_64x4d": ResNetConfig((3, 4, 23, 3), attention="se", groups=64, base_width=4),
    "seresnext101d_32x8d": ResNetConfig(
        (3, 4, 23, 3), attention="se", stem=DEEP, avg_down=True, groups=32, base_width=8
    ),
    "seresnextaa101d_32x8d": ResNetConfig(
        (3, 4, 23, 3),
        attention="se",
        stem=DEEP,
        avg_down=True,
        antialias="average",
        groups=32,
        base_width=8,
    ),
    "seresnextaa201d_32x8d": ResNetConfig(
        (3, 24, 36, 4),
        attention="se",
        stem=WIDE,
        avg_down=True,
        antialias="average",
        groups=32,
        base_width=8,
    ),
    "senet154": ResNetConfig(
        (3, 8, 36, 3),
        attention="se",
        stem=WIDE,
        groups=64,
        base_width=4,
        down_kernel=3,
        first_reduction=2,
    ),
}

FAMILY = Family(
    name="se_resnet",
    paper="Hu et al., Squeeze-and-Excitation Networks, CVPR 2018.",
    build=build,
    variants=VARIANTS,
    names=(
        *("SEResNet18", "SEResNet34", "SEResNet50", "SEResNet50T", "SEResNet101", "SEResNet152"),
        *("SEResNet152D", "SEResNet200D", "SEResNet269D", "SEResNetAA50D", "SEResNeXt26D_32x4d"),
        *("SEResNeXt26T_32x4d", "SEResNeXt50_32x4d", "SEResNeXt101_32x4d", "SEResNeXt101_32x8d"),
        *("SEResNeXt101_64x4d", "SEResNeXt101D_32x8d", "SEResNeXtAA101D_32x8d"),
        *("SEResNeXtAA201D_32x8d", "SENet154"),
    ),
    input_shape=(224, 224, 3),
    input_sizes={
        **{"seresnet152d": 256, "seresnet200d": 256, "seresnet269d": 256},
        **{"seresnextaa101d_32x8d": 288, "seresnextaa201d_32x8d": 384},
    },
    min_size=3,
    learning_rate=3e-3,
    width=("stem", "filters"),
    depth=("blocks",),
)
