"""VGG: deep stacks of 3x3 convolutions.

Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015
(https://arxiv.org/abs/1409.1556), Table 1, columns A, B, D and E, and the same with batch
normalisation (`_bn`). Layer names, and the place of the fully connected layers, are timm's.

Deviations: as in timm, the first two fully connected layers are convolutions (7x7 and 1x1), so that
any input of at least 32 x 32 works: a last map smaller than 7 x 7 is enlarged by adaptive average
pooling, a larger one gives several positions that are averaged before the classifier. They stay
fully connected under `conv=`.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family
from kzoo.applications._parts import activation, batch_norm, convolve, fully_connected, max_pool
from kzoo.layers import MinimumSizePooling2D


@dataclass(frozen=True)
class VGGConfig:
    """What varies among the networks.

    Attributes:
        convs: number of convolutions in each of the five stages.
        norm: whether batch normalisation follows them.
        filters: of the stages.
        units: of the two hidden layers of the classifier.
    """

    convs: tuple[int, int, int, int, int]
    norm: bool = False
    filters: tuple[int, int, int, int, int] = (64, 128, 256, 512, 512)
    units: int = 4096


# Table 1 of the paper: columns A, B, D, E.
VARIANTS = {
    "vgg11": VGGConfig((1, 1, 2, 2, 2)),
    "vgg13": VGGConfig((2, 2, 2, 2, 2)),
    "vgg16": VGGConfig((2, 2, 3, 3, 3)),
    "vgg19": VGGConfig((2, 2, 4, 4, 4)),
    "vgg11_bn": VGGConfig((1, 1, 2, 2, 2), norm=True),
    "vgg13_bn": VGGConfig((2, 2, 2, 2, 2), norm=True),
    "vgg16_bn": VGGConfig((2, 2, 3, 3, 3), norm=True),
    "vgg19_bn": VGGConfig((2, 2, 4, 4, 4), norm=True),
}


def _features(config, x, options):
    """Five stages of convolutions, each ended by a pooling; layers are numbered through."""
    index = 0
    for filters, convs in zip(config.filters, config.convs):
        for _ in range(convs):
            x = convolve(x, options, filters, 3, use_bias=True, name=f"features.{index}")
            index += 1
            if config.norm:
                x = batch_norm(x, f"features.{index}")
                index += 1
            x = activation(x, "relu", f"features.{index}")
            index += 1
        x = max_pool(x, 2, 2, f"features.{index}")
        index += 1
    return x


def build(config, x, options, *, dropout_rate=0.5):
    """Build the network; see `Family`. `dropout_rate` applies after both hidden layers."""

    def classifier(x):
        x = MinimumSizePooling2D(7, name="pre_logits.pool")(x)
        x = fully_connected(x, options, config.units, "pre_logits.fc1", kernel_size=7)
        x = activation(x, "relu", "pre_logits.act1")
        x = keras.layers.Dropout(dropout_rate, name="pre_logits.drop")(x)
        x = fully_connected(x, options, config.units, "pre_logits.fc2")
        x = activation(x, "relu", "pre_logits.act2")
        return options.pooled_dense("head.fc", dropout_rate)(x)

    return options.outputs(_features(config, x, options), classifier)


FAMILY = Family(
    name="vgg",
    paper="Simonyan and Zisserman, Very Deep Convolutional Networks, ICLR 2015, Table 1.",
    build=build,
    variants=VARIANTS,
    names=("VGG11", "VGG13", "VGG16", "VGG19", "VGG11BN", "VGG13BN", "VGG16BN", "VGG19BN"),
    input_shape=(224, 224, 3),
    min_size=32,
    learning_rate=1e-4,
    width=("filters", "units"),
    depth=("convs",),
)
