"""DenseNet: every layer sees the feature maps of all layers before it.

Huang, Liu, van der Maaten, Weinberger, "Densely Connected Convolutional Networks", CVPR 2017
(https://arxiv.org/abs/1608.06993), Table 1 (DenseNet-BC: bottlenecks of 4 growth rates, compression
by half). Layer names are timm's, which are torchvision's but for the dot in `norm.1`.

Deviations: timm adds a deep stem ("d", three 3x3 convolutions) and, in `densenetblur121d`, a
max-pooling of stride 1 followed by blur pooling; its `densenet264d` has growth rate 48, where the
paper's DenseNet-264 has 32. `densenet161` is in the authors' code.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import activation, average_pool, batch_norm, convolve, max_pool
from kzoo.layers import BlurPooling2D

BOTTLENECK = 4  # channels between the convolutions of a layer, in growth rates


@dataclass(frozen=True)
class DenseNetConfig:
    """Layers per dense block, channels that each adds, kind of stem and of its pooling."""

    blocks: tuple[int, int, int, int]
    growth: int = 32
    deep_stem: bool = False
    blur: bool = False


# Table 1 of the paper; 161, 264d and blur121d from torchvision and timm.
VARIANTS = {
    "densenet121": DenseNetConfig((6, 12, 24, 16)),
    "densenet161": DenseNetConfig((6, 12, 36, 24), growth=48),
    "densenet169": DenseNetConfig((6, 12, 32, 32)),
    "densenet201": DenseNetConfig((6, 12, 48, 32)),
    "densenet264d": DenseNetConfig((6, 12, 64, 48), growth=48, deep_stem=True),
    "densenetblur121d": DenseNetConfig((6, 12, 24, 16), deep_stem=True, blur=True),
}


def _norm_act(x, name):
    return activation(batch_norm(x, name), "relu", f"{name}.act")


def _drop(x, rate, name):
    return keras.layers.Dropout(rate, name=f"{name}.drop")(x) if rate else x


def _dense_layer(x, options, growth, dropout_rate, name):
    """Norm, 1x1 convolution, norm, 3x3 convolution; the result is appended to the input."""
    new = _norm_act(x, f"{name}.norm1")
    new = convolve(new, options, BOTTLENECK * growth, 1, name=f"{name}.conv1")
    new = _norm_act(_drop(new, dropout_rate, f"{name}.conv1"), f"{name}.norm2")
    new = convolve(new, options, growth, 3, name=f"{name}.conv2")
    new = _drop(new, dropout_rate, f"{name}.conv2")
    return keras.layers.Concatenate(channel_axis(), name=f"{name}.concat")([x, new])


def _transition(x, options, dropout_rate, name):
    """Halve the channels, the height and the width."""
    x = _norm_act(x, f"{name}.norm")
    x = convolve(x, options, x.shape[channel_axis()] // 2, 1, name=f"{name}.conv")
    return average_pool(_drop(x, dropout_rate, f"{name}.conv"), 2, 2, f"{name}.pool")


def dense_blocks(x, options, blocks, growth, dropout_rate=0.0):
    """Dense blocks with transitions between them, and the last norm and activation.

    Args:
        blocks: number of layers in each.
        growth: channels that each layer adds.
        dropout_rate: applies after each convolution.
    """
    for block, layer_count in enumerate(blocks, start=1):
        if block > 1:
            x = _transition(x, options, dropout_rate, f"features.transition{block - 1}")
        for layer in range(1, layer_count + 1):
            name = f"features.denseblock{block}.denselayer{layer}"
            x = _dense_layer(x, options, growth, dropout_rate, name)
    return _norm_act(x, "features.norm5")


def _stem(x, config, options, is_small):
    growth = config.growth
    first = 1 if is_small else 2
    if config.deep_stem:
        filters = (growth, growth, 2 * growth)
        for index, (width, strides) in enumerate(zip(filters, (first, 1, 1))):
            x = convolve(x, options, width, 3, strides=strides, name=f"features.conv{index}")
            x = _norm_act(x, f"features.norm{index}")
    else:
        kernel_size = 3 if is_small else 7
        x = convolve(x, options, 2 * growth, kernel_size, strides=first, name="features.conv0")
        x = _norm_act(x, "features.norm0")
    if is_small:
        return x
    if not config.blur:
        return max_pool(x, 3, 2, "features.pool0", padding=1)
    x = max_pool(x, 3, 1, "features.pool0.0", padding=1)
    return BlurPooling2D(strides=2, padding="same", name="features.pool0.1")(x)


def build(config, x, options, *, stem="published", dropout_rate=0.0):
    """Build the network; see `Family`.

    Args:
        stem: "small" for small images: the first convolution is 3x3 without a stride, and there is
            no pooling, as DenseNet is trained on CIFAR (https://github.com/kuangliu/pytorch-cifar).
        dropout_rate: of the dropout before the classifier.
    """
    x = _stem(x, config, options, stem == "small")
    x = dense_blocks(x, options, config.blocks, config.growth)
    return options.outputs(x, options.pooled_dense("classifier", dropout_rate))


FAMILY = Family(
    name="densenet",
    paper="Huang et al., Densely Connected Convolutional Networks, CVPR 2017, Table 1.",
    build=build,
    variants=VARIANTS,
    names=(
        "DenseNet121",
        "DenseNet161",
        "DenseNet169",
        "DenseNet201",
        "DenseNet264d",
        "DenseNetBlur121d",
    ),
    input_shape=(224, 224, 3),
    min_size=29,
    width=("growth",),
    depth=("blocks",),
)
