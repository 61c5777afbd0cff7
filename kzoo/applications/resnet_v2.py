"""ResNet v2: residual blocks that normalise and activate before they convolve.

He, Zhang, Ren, Sun, "Identity Mappings in Deep Residual Networks", ECCV 2016
(https://arxiv.org/abs/1603.05027), and with group normalisation and weight standardisation
(`_bit`): Kolesnikov et al., "Big Transfer (BiT): General Visual Representation Learning", ECCV 2020
(https://arxiv.org/abs/1912.11370). Layer names are timm's.

Deviations, as in timm: the stride of a bottleneck block is in its 3x3 convolution, where the paper
has it in the first 1x1; where the shape changes, the shortcut's convolution takes the normalised
and activated input. Names with d and t have stems of three 3x3 convolutions, and pool before the
shortcut's convolution. BiT pads the map with zeros before the stem's pooling, although its values
may be negative. `_gn`, `_evos` and `_frn` have group normalisation, EvoNorm-S0 and filter response
normalisation in the place of batch normalisation. The classifier, there a 1x1 convolution, is a
dense layer.

The convolutions of `_bit` are standardised; `conv=` puts its own in the place of those whose kernel
is larger than 1, and those are not standardised.
"""

import math
from dataclasses import dataclass
from functools import partial

import keras

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
from kzoo.applications._standardized import standardized_convolve


@dataclass(frozen=True)
class ResNetV2Config:
    """What varies.

    Attributes:
        blocks: number of blocks per stage.
        bottleneck: whether blocks have three layers or two.
        stem: filters of the stem's first convolutions of size 3; none for one of size 7.
        norm: "batch", "group", "evo" (EvoNorm-S0) or "frn" (filter response normalisation).
        filters: of the 3x3 convolutions of each stage; the stem ends in those of the first.
        bit: whether convolutions are standardised and the stem pools over a padding of zeros.
    """

    blocks: tuple[int, int, int, int]
    bottleneck: bool = True
    stem: tuple[int, ...] = ()
    norm: str = "batch"
    filters: tuple[int, int, int, int] = (64, 128, 256, 512)
    bit: bool = False


_BiT = partial(ResNetV2Config, norm="group", bit=True)


def _wide(factor):
    """Return the filters of the stages by the factor of BiT."""
    return 64 * factor, 128 * factor, 256 * factor, 512 * factor


DEEP, TIERED = (32, 32), (24, 32)
# Depths: He et al., "Deep Residual Learning", Table 1; widths: Kolesnikov et al., section 3.2.
VARIANTS = {
    "resnetv2_18": ResNetV2Config((2, 2, 2, 2), bottleneck=False),
    "resnetv2_18d": ResNetV2Config((2, 2, 2, 2), bottleneck=False, stem=DEEP),
    "resnetv2_34": ResNetV2Config((3, 4, 6, 3), bottleneck=False),
    "resnetv2_34d": ResNetV2Config((3, 4, 6, 3), bottleneck=False, stem=DEEP),
    "resnetv2_50": ResNetV2Config((3, 4, 6, 3)),
    "resnetv2_50d": ResNetV2Config((3, 4, 6, 3), stem=DEEP),
    "resnetv2_50t": ResNetV2Config((3, 4, 6, 3), stem=TIERED),
    "resnetv2_101": ResNetV2Config((3, 4, 23, 3)),
    "resnetv2_101d": ResNetV2Config((3, 4, 23, 3), stem=DEEP),
    "resnetv2_152": ResNetV2Config((3, 8, 36, 3)),
    "resnetv2_152d": ResNetV2Config((3, 8, 36, 3), stem=DEEP),
    "resnetv2_50d_gn": ResNetV2Config((3, 4, 6, 3), stem=DEEP, norm="group"),
    "resnetv2_50d_evos": ResNetV2Config((3, 4, 6, 3), stem=DEEP, norm="evo"),
    "resnetv2_50d_frn": ResNetV2Config((3, 4, 6, 3), stem=DEEP, norm="frn"),
    "resnetv2_50x1_bit": _BiT((3, 4, 6, 3)),
    "resnetv2_50x3_bit": _BiT((3, 4, 6, 3), filters=_wide(3)),
    "resnetv2_101x1_bit": _BiT((3, 4, 23, 3)),
    "resnetv2_101x3_bit": _BiT((3, 4, 23, 3), filters=_wide(3)),
    "resnetv2_152x2_bit": _BiT((3, 8, 36, 3), filters=_wide(2)),
    "resnetv2_152x4_bit": _BiT((3, 8, 36, 3), filters=_wide(4)),
}


def _normalise(x, config, name):
    """Normalise and activate: the first half of "norm, then convolution"."""
    if config.norm == "evo":
        groups = math.gcd(32, x.shape[channel_axis()])
        return layers.EvoNormS0(groups, epsilon=1e-5, name=name)(x)
    if config.norm == "frn":
        return layers.FilterResponseNormalization(epsilon=1e-5, name=name)(x)
    x = group_norm(x, name) if config.norm == "group" else batch_norm(x, name)
    return activation(x, "relu", f"{name}.act")


def _stem(x, config, conv):
    filters = config.filters[0]
    if not config.stem:
        x = conv(x, filters=filters, kernel_size=7, strides=2, name="stem.conv")
    else:
        for index, narrow in enumerate(config.stem, start=1):
            strides = 2 if index == 1 else 1
            x = conv(x, filters=narrow, kernel_size=3, strides=strides, name=f"stem.conv{index}")
            x = _normalise(x, config, f"stem.norm{index}")
        x = conv(x, filters=filters, kernel_size=3, name="stem.conv3")
    if config.bit:
        x = keras.layers.ZeroPadding2D(1, name="stem.pad")(x)
        return max_pool(x, 3, 2, "stem.pool")
    return max_pool(x, 3, 2, "stem.pool", padding=1)


def _block(x, config, conv, width, strides, rate, name):
    """Pre-activation block; `width` is that of its 3x3 convolutions."""
    filters = 4 * width if config.bottleneck else width
    changes = strides > 1 or x.shape[channel_axis()] != filters
    shortcut = x
    x = _normalise(x, config, f"{name}.norm1")
    if changes:
        shortcut = _shortcut(x, config, conv, filters, strides, f"{name}.downsample")
    if config.bottleneck:
        x = conv(x, filters=width, kernel_size=1, name=f"{name}.conv1")
        x = _normalise(x, config, f"{name}.norm2")
        x = conv(x, filters=width, kernel_size=3, strides=strides, name=f"{name}.conv2")
        x = _normalise(x, config, f"{name}.norm3")
        x = conv(x, filters=filters, kernel_size=1, name=f"{name}.conv3")
    else:
        x = conv(x, filters=width, kernel_size=3, strides=strides, name=f"{name}.conv1")
        x = _normalise(x, config, f"{name}.norm2")
        x = conv(x, filters=width, kernel_size=3, name=f"{name}.conv2")
    return add(drop_path(x, rate, f"{name}.drop_path"), shortcut, f"{name}.add")


def _shortcut(x, config, conv, filters, strides, name):
    """A 1x1 convolution with the stride, or after pooling in networks with deep stems."""
    if config.stem and strides > 1:
        x, strides = average_pool(x, 2, strides, f"{name}.pool", padding="same"), 1
    return conv(x, filters=filters, kernel_size=1, strides=strides, name=f"{name}.conv")


def build(config, x, options, *, dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `Family`.

    `dropout_rate` applies before the classifier, `drop_path_rate` to the last block's branch, from
    0 at the first on.
    """
    conv = partial(standardized_convolve, epsilon=1e-8) if config.bit else convolve
    conv = partial(conv, options=options)
    x = _stem(x, config, conv)
    rates = drop_path_rates(drop_path_rate, config.blocks)
    for stage, width in enumerate(config.filters):
        for index, rate in enumerate(rates[stage]):
            strides = 2 if stage > 0 and index == 0 else 1
            name = f"stages.{stage}.blocks.{index}"
            x = _block(x, config, conv, width, strides, rate, name)
    x = _normalise(x, config, "norm")
    return options.outputs(x, options.pooled_dense("head.fc", dropout_rate))


FAMILY = Family(
    name="resnet_v2",
    paper="He et al., Identity Mappings in Deep Residual Networks, ECCV 2016.",
    build=build,
    variants=VARIANTS,
    names=(
        "ResNetV2_18",
        "ResNetV2_18D",
        "ResNetV2_34",
        "ResNetV2_34D",
        "ResNetV2_50",
        "ResNetV2_50D",
        "ResNetV2_50T",
        "ResNetV2_101",
        "ResNetV2_101D",
        "ResNetV2_152",
        "ResNetV2_152D",
        "ResNetV2_50DGN",
        "ResNetV2_50DEvoS",
        "ResNetV2_50DFRN",
        "ResNetV2_50x1BiT",
        "ResNetV2_50x3BiT",
        "ResNetV2_101x1BiT",
        "ResNetV2_101x3BiT",
        "ResNetV2_152x2BiT",
        "ResNetV2_152x4BiT",
    ),
    input_shape=(224, 224, 3),
    input_sizes={
        "resnetv2_50x3_bit": 448,
        "resnetv2_101x1_bit": 448,
        "resnetv2_101x3_bit": 448,
        "resnetv2_152x4_bit": 480,
    },
    statistics="inception",
    learning_rate=3e-3,
    width=("stem", "filters"),
    depth=("blocks",),
)
