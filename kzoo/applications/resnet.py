"""ResNet: residual learning for ImageNet, and the one body of its kin.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016
(https://arxiv.org/abs/1512.03385), Table 1; the stems and shortcuts of He et al., "Bag of Tricks
for Image Classification", CVPR 2019 (https://arxiv.org/abs/1812.01187), Figure 2; group
normalisation of Wu and He, ECCV 2018 (https://arxiv.org/abs/1803.08494). Layer names are timm's.

After the number of layers stands the form: c has a stem of three 3x3 convolutions instead of one
7x7; d, beside that, average pooling before the convolution of a shortcut; s is c with a wider stem;
t is d with a stem whose filters grow; gn has group normalisation.

ResNeXt, Wide ResNet, SE-ResNet, ECA-ResNet, ResNet-RS and the anti-aliased ResNets are tables of
their own over this body.

Deviations: as in torchvision and timm ("v1.5"), the stride of a bottleneck block is in its 3x3
convolution, where the paper has it in the first 1x1. 10, 14, 26 and 200 layers are timm's choice of
blocks; the paper has none of them.
"""

import math
from dataclasses import dataclass

from kzoo import layers
from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import (
    activation,
    add,
    average_pool,
    batch_norm,
    convolve,
    drop_path,
    drop_path_rates,
    group_norm,
    max_pool,
)
from kzoo.layers.efficient_channel_attention import adaptive_kernel_size

# Filters of the three convolutions of a deep stem.
DEEP, TIERED, WIDE = (32, 32, 64), (24, 32, 64), (64, 64, 128)


@dataclass(frozen=True)
class ResNetConfig:
    """What varies among the ResNets.

    Attributes:
        blocks: residual blocks per stage.
        bottleneck: whether blocks have three convolutions (1x1, 3x3, 1x1) or two 3x3.
        stem: filters of three 3x3 convolutions, or of one of 7x7.
        avg_down: whether shortcuts average 2x2 pixels before their convolution, which then has no
            stride.
        groups: groups of the 3x3 convolution in a bottleneck.
        base_width: its filters per group in the first stage (of 64 where there is one group).
        attention: what weights the channels at the end of a branch: "se", "eca" or `None`.
        se_ratio: channels of the squeeze, as part of those it weights.
        antialias: what takes the strides from max pooling and 3x3 convolutions: "blur" (3x3
            binomial), "average" (2x2 pixels) or `None`.
        conv_pool: whether a 3x3 convolution stands for the max pooling of the stem.
        down_kernel: kernel size of the convolution in a shortcut with a stride.
        first_reduction: by what the first convolution of a bottleneck has fewer filters than the
            second.
        norm: "batch" or "group".
        filters: of the stages, four times as many at the end of a bottleneck.
        widths: for pruned networks, per stage its channels and the filters of the first two
            convolutions of each block (those of the last one for blocks beyond); `None` for what
            the above says.
    """

    blocks: tuple[int, int, int, int]
    bottleneck: bool = True
    stem: tuple[int, ...] = (64,)
    avg_down: bool = False
    groups: int = 1
    base_width: int = 64
    attention: str | None = None
    se_ratio: float = 1 / 16
    antialias: str | None = None
    conv_pool: bool = False
    down_kernel: int = 1
    first_reduction: int = 1
    norm: str = "batch"
    filters: tuple[int, int, int, int] = (64, 128, 256, 512)
    widths: tuple | None = None


# Table 1 of the paper; figure 2 of the "bag of tricks".
VARIANTS = {
    "resnet10t": ResNetConfig((1, 1, 1, 1), bottleneck=False, stem=TIERED, avg_down=True),
    "resnet14t": ResNetConfig((1, 1, 1, 1), stem=TIERED, avg_down=True),
    "resnet18": ResNetConfig((2, 2, 2, 2), bottleneck=False),
    "resnet18d": ResNetConfig((2, 2, 2, 2), bottleneck=False, stem=DEEP, avg_down=True),
    "resnet26": ResNetConfig((2, 2, 2, 2)),
    "resnet26d": ResNetConfig((2, 2, 2, 2), stem=DEEP, avg_down=True),
    "resnet26t": ResNetConfig((2, 2, 2, 2), stem=TIERED, avg_down=True),
    "resnet34": ResNetConfig((3, 4, 6, 3), bottleneck=False),
    "resnet34d": ResNetConfig((3, 4, 6, 3), bottleneck=False, stem=DEEP, avg_down=True),
    "resnet50": ResNetConfig((3, 4, 6, 3)),
    "resnet50c": ResNetConfig((3, 4, 6, 3), stem=DEEP),
    "resnet50d": ResNetConfig((3, 4, 6, 3), stem=DEEP, avg_down=True),
    "resnet50s": ResNetConfig((3, 4, 6, 3), stem=WIDE),
    "resnet50t": ResNetConfig((3, 4, 6, 3), stem=TIERED, avg_down=True),
    "resnet50_gn": ResNetConfig((3, 4, 6, 3), norm="group"),
    "resnet101": ResNetConfig((3, 4, 23, 3)),
    "resnet101c": ResNetConfig((3, 4, 23, 3), stem=DEEP),
    "resnet101d": ResNetConfig((3, 4, 23, 3), stem=DEEP, avg_down=True),
    "resnet101s": ResNetConfig((3, 4, 23, 3), stem=WIDE),
    "resnet152": ResNetConfig((3, 8, 36, 3)),
    "resnet152c": ResNetConfig((3, 8, 36, 3), stem=DEEP),
    "resnet152d": ResNetConfig((3, 8, 36, 3), stem=DEEP, avg_down=True),
    "resnet152s": ResNetConfig((3, 8, 36, 3), stem=WIDE),
    "resnet200": ResNetConfig((3, 24, 36, 3)),
    "resnet200d": ResNetConfig((3, 24, 36, 3), stem=DEEP, avg_down=True),
}


def _norm(x, config, name):
    if config.norm == "batch":
        return batch_norm(x, name)
    return group_norm(x, name)


def _norm_relu(x, config, norm_name, relu_name):
    return activation(_norm(x, config, norm_name), "relu", relu_name)


def _stem(x, config, options, is_small):
    """Halve the map twice: by a convolution, or the first of three, and by a pooling.

    A small stem has no stride and no pooling, and a kernel of 3x3.
    """
    strides = 1 if is_small else 2
    if len(config.stem) == 1:
        kernel_size = 3 if is_small else 7
        x = convolve(x, options, config.stem[0], kernel_size, strides=strides, name="conv1")
    else:
        first, second, last = config.stem
        x = convolve(x, options, first, 3, strides=strides, name="conv1.0")
        x = _norm_relu(x, config, "conv1.1", "conv1.2")
        x = convolve(x, options, second, 3, name="conv1.3")
        x = _norm_relu(x, config, "conv1.4", "conv1.5")
        x = convolve(x, options, last, 3, name="conv1.6")
    x = _norm_relu(x, config, "bn1", "act1")
    return x if is_small else _stem_pool(x, config, options)


def _stem_pool(x, config, options):
    if config.conv_pool:
        x = convolve(x, options, x.shape[channel_axis()], 3, strides=2, name="maxpool.0")
        return _norm_relu(x, config, "maxpool.1", "maxpool.2")
    if config.antialias == "average":
        return average_pool(x, 2, 2, "maxpool")
    if config.antialias == "blur":
        x = max_pool(x, 3, 1, "maxpool.0", padding=1)
        return layers.BlurPooling2D(3, strides=2, name="maxpool.1")(x)
    return max_pool(x, 3, 2, "maxpool", padding=1)


def _halve(x, config, name):
    """Halve the map after a convolution that has lost its stride to `config.antialias`."""
    if config.antialias == "blur":
        return layers.BlurPooling2D(3, strides=2, name=name)(x)
    return average_pool(x, 2, 2, name, padding="same")


def _attention(x, config, stage, name):
    if config.attention == "se":
        return layers.SqueezeExcite(ratio=config.se_ratio, name=name)(x)
    if config.attention == "eca":
        # Pruning leaves it as it was.
        kernel_size = adaptive_kernel_size(4 * config.filters[stage])
        return layers.EfficientChannelAttention(kernel_size, name=name)(x)
    return x


def _shortcut(x, config, options, filters, strides, name):
    """Identity, or a convolution where the shape changes (option B of the paper)."""
    if strides == 1 and x.shape[channel_axis()] == filters:
        return x
    if config.avg_down:
        if strides > 1:
            x = average_pool(x, 2, 2, f"{name}.0", padding="same")
        return _norm(convolve(x, options, filters, 1, name=f"{name}.1"), config, f"{name}.2")
    kernel_size = config.down_kernel if strides > 1 else 1
    x = convolve(x, options, filters, kernel_size, strides=strides, name=f"{name}.0")
    return _norm(x, config, f"{name}.1")


def _basic(x, config, options, filters, strides, name):
    """Two 3x3 convolutions."""
    blur = strides > 1 and config.antialias
    x = convolve(x, options, filters[0], 3, strides=1 if blur else strides, name=f"{name}.conv1")
    x = _norm_relu(x, config, f"{name}.bn1", f"{name}.act1")
    if blur:
        x = _halve(x, config, f"{name}.aa")
    x = convolve(x, options, filters[1], 3, name=f"{name}.conv2")
    return _norm(x, config, f"{name}.bn2")


def _bottleneck(x, config, options, filters, strides, name):
    """Convolutions 1x1, 3x3 and 1x1."""
    blur = strides > 1 and config.antialias
    x = convolve(x, options, filters[0], 1, name=f"{name}.conv1")
    x = _norm_relu(x, config, f"{name}.bn1", f"{name}.act1")
    x = convolve(
        x,
        options,
        filters[1],
        3,
        strides=1 if blur else strides,
        groups=math.gcd(config.groups, filters[0]),
        name=f"{name}.conv2",
    )
    x = _norm_relu(x, config, f"{name}.bn2", f"{name}.act2")
    if blur:
        x = _halve(x, config, f"{name}.aa")
    x = convolve(x, options, filters[2], 1, name=f"{name}.conv3")
    return _norm(x, config, f"{name}.bn3")


def _filters(config, stage, index):
    """Return the filters of the convolutions of a block, the last of which is its output's."""
    width = config.filters[stage]
    if not config.bottleneck:
        return width, width
    if config.widths:
        channels, inner = config.widths[stage]
        return *inner[min(index, len(inner) - 1)], channels
    second = max(1, width * config.base_width // 64) * config.groups
    return second // config.first_reduction, second, 4 * width


def build(config, x, options, *, stem="published", dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `Family`.

    Args:
        stem: "small" for small images: the first convolution is 3x3 without a stride, and there is
            no pooling (Chen et al., SimCLR, ICML 2020, appendix B.9).
        dropout_rate: of the dropout before the classifier.
        drop_path_rate: of stochastic depth in the last block; it grows linearly from 0 at the
            first.
    """
    x = _stem(x, config, options, stem == "small")
    branch = _bottleneck if config.bottleneck else _basic
    for stage, rates in enumerate(drop_path_rates(drop_path_rate, config.blocks)):
        for index, rate in enumerate(rates):
            name = f"layer{stage + 1}.{index}"
            filters = _filters(config, stage, index)
            strides = 2 if stage > 0 and index == 0 else 1
            shortcut = _shortcut(x, config, options, filters[-1], strides, f"{name}.downsample")
            x = branch(x, config, options, filters, strides, name)
            x = _attention(x, config, stage, f"{name}.se")
            x = add(drop_path(x, rate, f"{name}.drop_path"), shortcut, f"{name}.add")
            x = activation(x, "relu", f"{name}.act{len(filters)}")
    return options.outputs(x, options.pooled_dense("fc", dropout_rate))


FAMILY = Family(
    name="resnet",
    paper="He et al., Deep Residual Learning for Image Recognition, CVPR 2016, Table 1.",
    build=build,
    variants=VARIANTS,
    names=(
        *("ResNet10T", "ResNet14T", "ResNet18", "ResNet18D", "ResNet26", "ResNet26D", "ResNet26T"),
        *("ResNet34", "ResNet34D", "ResNet50", "ResNet50C", "ResNet50D", "ResNet50S", "ResNet50T"),
        *("ResNet50GN", "ResNet101", "ResNet101C", "ResNet101D", "ResNet101S", "ResNet152"),
        *("ResNet152C", "ResNet152D", "ResNet152S", "ResNet200", "ResNet200D"),
    ),
    input_shape=(224, 224, 3),
    input_sizes={
        **{"resnet10t": 176, "resnet14t": 176, "resnet26t": 256, "resnet101d": 256},
        **{"resnet152d": 256, "resnet200d": 256},
    },
    learning_rate=3e-3,
    width=("stem", "filters"),
    depth=("blocks",),
)
