"""ResNet: residual learning for ImageNet.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016
(https://arxiv.org/abs/1512.03385), Table 1. Layer names are timm's.

Deviations: as in torchvision and timm ("v1.5"), the stride of a bottleneck block is in its 3x3
convolution, where the paper has it in the first 1x1.
"""

from dataclasses import dataclass

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import activation, add, batch_norm, convolve, max_pool


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


def _shortcut(x, options, filters, strides, name):
    """Identity, or a 1x1 convolution where the shape changes (option B of the paper)."""
    if strides == 1 and x.shape[channel_axis()] == filters:
        return x
    x = convolve(x, options, filters, 1, strides=strides, name=f"{name}.downsample.0")
    return batch_norm(x, f"{name}.downsample.1")


def _basic(x, options, width, strides, name):
    shortcut = _shortcut(x, options, width, strides, name)
    x = convolve(x, options, width, 3, strides=strides, name=f"{name}.conv1")
    x = activation(batch_norm(x, f"{name}.bn1"), "relu", f"{name}.act1")
    x = convolve(x, options, width, 3, name=f"{name}.conv2")
    x = batch_norm(x, f"{name}.bn2")
    return activation(add(x, shortcut, f"{name}.add"), "relu", f"{name}.act2")


def _bottleneck(x, options, width, strides, name):
    shortcut = _shortcut(x, options, 4 * width, strides, name)
    x = convolve(x, options, width, 1, name=f"{name}.conv1")
    x = activation(batch_norm(x, f"{name}.bn1"), "relu", f"{name}.act1")
    x = convolve(x, options, width, 3, strides=strides, name=f"{name}.conv2")
    x = activation(batch_norm(x, f"{name}.bn2"), "relu", f"{name}.act2")
    x = convolve(x, options, 4 * width, 1, name=f"{name}.conv3")
    x = batch_norm(x, f"{name}.bn3")
    return activation(add(x, shortcut, f"{name}.add"), "relu", f"{name}.act3")


def build(config, x, options, *, dropout_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    x = convolve(x, options, 64, 7, strides=2, name="conv1")
    x = activation(batch_norm(x, "bn1"), "relu", "act1")
    x = max_pool(x, 3, 2, "maxpool", padding=1)
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
    names=("ResNet18", "ResNet34", "ResNet50", "ResNet101", "ResNet152"),
    input_shape=(224, 224, 3),
    learning_rate=3e-3,
)
