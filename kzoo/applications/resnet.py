"""ResNet: residual learning for ImageNet.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016
(https://arxiv.org/abs/1512.03385), Table 1. Layer names are timm's.

Deviations: as in torchvision and timm ("v1.5"), the stride of a bottleneck block is in its 3x3
convolution, where the paper has it in the first 1x1.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._conv import convolve_padded
from kzoo.applications._family import Family, channel_axis


@dataclass(frozen=True)
class ResNetConfig:
    """`blocks` per stage; `bottleneck` chooses three-layer blocks over two-layer ones."""

    blocks: tuple[int, int, int, int]
    bottleneck: bool


# Table 1 of the paper.
VARIANTS = {
    "resnet18": ResNetConfig((2, 2, 2, 2), bottleneck=False),
    "resnet34": ResNetConfig((3, 4, 6, 3), bottleneck=False),
    "resnet50": ResNetConfig((3, 4, 6, 3), bottleneck=True),
    "resnet101": ResNetConfig((3, 4, 23, 3), bottleneck=True),
    "resnet152": ResNetConfig((3, 8, 36, 3), bottleneck=True),
}


def _norm(x, name):
    return keras.layers.BatchNormalization(
        axis=channel_axis(), momentum=0.9, epsilon=1e-5, name=name
    )(x)


def _relu(x, name):
    return keras.layers.Activation("relu", name=name)(x)


def _pointwise(x, options, filters, strides, name):
    return options.plain_conv(filters, 1, strides=strides, use_bias=False, name=name)(x)


def _shortcut(x, options, filters, strides, name):
    """Identity, or a 1x1 convolution where the shape changes (option B of the paper)."""
    if strides == 1 and x.shape[channel_axis()] == filters:
        return x
    x = _pointwise(x, options, filters, strides, f"{name}.downsample.0")
    return _norm(x, f"{name}.downsample.1")


def _basic(x, options, width, strides, name):
    shortcut = _shortcut(x, options, width, strides, name)
    x = convolve_padded(x, options.conv, width, 3, strides=strides, name=f"{name}.conv1")
    x = _relu(_norm(x, f"{name}.bn1"), f"{name}.act1")
    x = convolve_padded(x, options.conv, width, 3, name=f"{name}.conv2")
    x = _norm(x, f"{name}.bn2")
    return _relu(keras.layers.Add(name=f"{name}.add")([x, shortcut]), f"{name}.act2")


def _bottleneck(x, options, width, strides, name):
    shortcut = _shortcut(x, options, 4 * width, strides, name)
    x = _pointwise(x, options, width, 1, f"{name}.conv1")
    x = _relu(_norm(x, f"{name}.bn1"), f"{name}.act1")
    x = convolve_padded(x, options.conv, width, 3, strides=strides, name=f"{name}.conv2")
    x = _relu(_norm(x, f"{name}.bn2"), f"{name}.act2")
    x = _pointwise(x, options, 4 * width, 1, f"{name}.conv3")
    x = _norm(x, f"{name}.bn3")
    return _relu(keras.layers.Add(name=f"{name}.add")([x, shortcut]), f"{name}.act3")


def build(config, x, options, *, dropout_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    x = convolve_padded(x, options.conv, 64, 7, strides=2, name="conv1")
    x = _relu(_norm(x, "bn1"), "act1")
    x = keras.layers.ZeroPadding2D(1, name="maxpool.pad")(x)
    x = keras.layers.MaxPooling2D(3, strides=2, name="maxpool")(x)
    block = _bottleneck if config.bottleneck else _basic
    for stage, (blocks, width) in enumerate(zip(config.blocks, (64, 128, 256, 512)), start=1):
        for index in range(blocks):
            strides = 2 if stage > 1 and index == 0 else 1
            x = block(x, options, width, strides, f"layer{stage}.{index}")
    return options.outputs(x, options.pooled_dense("fc", dropout_rate))


FAMILY = Family(
    name="resnet",
    paper="He et al., Deep Residual Learning for Image Recognition, CVPR 2016, Table 1.",
    build=build,
    variants=VARIANTS,
    input_shape=(224, 224, 3),
    learning_rate=3e-3,
)

ResNet18, ResNet34, ResNet50, ResNet101, ResNet152 = FAMILY.builders(
    "ResNet18", "ResNet34", "ResNet50", "ResNet101", "ResNet152"
)
