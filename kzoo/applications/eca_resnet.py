"""ECA-ResNet and ECA-ResNeXt: residual branches end in efficient channel attention.

Wang, Wu, Zhu, Li, Zuo, Hu, "ECA-Net: Efficient Channel Attention for Deep Convolutional Neural
Networks", CVPR 2020 (https://arxiv.org/abs/1910.03151); the pruned ones of Aflalo et al., "Knapsack
Pruning with Inner Distillation" (https://arxiv.org/abs/2002.08258). The body is that of `resnet`,
and so are the letters of the forms and the layer names, which are timm's.

Deviations: the forms d and t, the light network and those beyond 152 layers are timm's; the paper's
have the stem and shortcuts of ResNet.
"""

from kzoo.applications._family import Family
from kzoo.applications.resnet import DEEP, TIERED, ResNetConfig, build

# Channels of each stage and filters of the first two convolutions of its blocks, from timm's list
# of the shapes that pruning left.
PRUNED_50D = (
    (19, ((47, 18), (52, 22), (64, 35))),
    (171, ((85, 37), (107, 80), (120, 85), (125, 87))),
    (818, ((198, 126), (255, 232), (256, 233), (253, 235), (256, 225), (256, 239))),
    (2022, ((492, 237), (512, 500), (512, 490))),
)
PRUNED_101D = (
    (26, ((45, 25), (53, 20), (60, 27))),
    (142, ((81, 24), (93, 49), (102, 54), (122, 78))),
    (
        278,
        (
            (101, 25),
            (239, 160),
            (234, 156),
            (250, 176),
            (253, 191),
            (251, 175),
            (230, 128),
            (244, 154),
            (244, 159),
            (238, 97),
            (244, 149),
            (253, 181),
            (245, 119),
            (255, 216),
            (256, 201),
            (253, 149),
            (254, 141),
            (256, 190),
            (256, 217),
            (255, 156),
            (256, 155),
            (256, 232),
            (256, 214),
        ),
    ),
    (2042, ((499, 289), (512, 512), (512, 502))),
)

# Blocks as in `resnet` and `resnext`.
VARIANTS = {
    "ecaresnet26t": ResNetConfig((2, 2, 2, 2), attention="eca", stem=TIERED, avg_down=True),
    "ecaresnet50d": ResNetConfig((3, 4, 6, 3), attention="eca", stem=DEEP, avg_down=True),
    "ecaresnet50d_pruned": ResNetConfig(
        (3, 4, 6, 3), attention="eca", stem=DEEP, avg_down=True, widths=PRUNED_50D
    ),
    "ecaresnet50t": ResNetConfig((3, 4, 6, 3), attention="eca", stem=TIERED, avg_down=True),
    "ecaresnet101d": ResNetConfig((3, 4, 23, 3), attention="eca", stem=DEEP, avg_down=True),
    "ecaresnet101d_pruned": ResNetConfig(
        (3, 4, 23, 3), attention="eca", stem=DEEP, avg_down=True, widths=PRUNED_101D
    ),
    "ecaresnet200d": ResNetConfig((3, 24, 36, 3), attention="eca", stem=DEEP, avg_down=True),
    "ecaresnet269d": ResNetConfig((3, 30, 48, 8), attention="eca", stem=DEEP, avg_down=True),
    "ecaresnetlight": ResNetConfig((1, 1, 11, 3), attention="eca", avg_down=True),
    "ecaresnext26t_32x4d": ResNetConfig(
        (2, 2, 2, 2), attention="eca", stem=TIERED, avg_down=True, groups=32, base_width=4
    ),
    "ecaresnext50t_32x4d": ResNetConfig(
        (3, 4, 6, 3), attention="eca", stem=TIERED, avg_down=True, groups=32, base_width=4
    ),
}

FAMILY = Family(
    name="eca_resnet",
    paper="Wang et al., ECA-Net: Efficient Channel Attention, CVPR 2020.",
    build=build,
    variants=VARIANTS,
    names=(
        *("ECAResNet26T", "ECAResNet50D", "ECAResNet50DPruned", "ECAResNet50T", "ECAResNet101D"),
        *("ECAResNet101DPruned", "ECAResNet200D", "ECAResNet269D", "ECAResNetLight"),
        *("ECAResNeXt26T_32x4d", "ECAResNeXt50T_32x4d"),
    ),
    input_shape=(224, 224, 3),
    input_sizes={
        **{"ecaresnet26t": 256, "ecaresnet50t": 256, "ecaresnet200d": 256, "ecaresnet269d": 320},
    },
    learning_rate=3e-3,
    width=("stem", "filters", "widths"),
    depth=("blocks",),
)
