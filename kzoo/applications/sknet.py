"""SKNet: ResNet that chooses the size of its kernels, channel by channel.

Li, Wang, Hu, Yang, "Selective Kernel Networks", CVPR 2019 (https://arxiv.org/abs/1903.06586);
`skresnext50_32x4d` is SKNet-50 of Table 1. Layer names are timm's.

Deviations: the other variants are timm's: they put selective kernels into ResNet, whose paths there
convolve half of the input channels each, so that the network does not grow.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import activation, batch_norm, convolve, fully_connected
from kzoo.applications._residual import FILTERS, merge, residual_network, shortcut
from kzoo.layers._divisible import make_divisible


@dataclass(frozen=True)
class SKNetConfig:
    """Blocks per stage, their kind, and the shape of the selective kernels.

    `base_width` is the width of one of `groups` groups in a block of nominal width 64. The choice
    is made from `ratio` as many channels, rounded to a multiple of `divisor`. With `split_input`
    each path convolves its own part of the input. `filters` are the nominal widths of the stages.
    """

    blocks: tuple[int, int, int, int]
    bottleneck: bool = True
    groups: int = 1
    base_width: int = 64
    ratio: float = 1 / 16
    divisor: int = 8
    split_input: bool = True
    stem_width: int | None = None
    filters: tuple[int, int, int, int] = FILTERS


# Table 1 of the paper for the last row, timm for the others.
VARIANTS = {
    "skresnet18": SKNetConfig((2, 2, 2, 2), bottleneck=False, ratio=1 / 8, divisor=16),
    "skresnet34": SKNetConfig((3, 4, 6, 3), bottleneck=False, ratio=1 / 8, divisor=16),
    "skresnet50": SKNetConfig((3, 4, 6, 3)),
    "skresnet50d": SKNetConfig((3, 4, 6, 3), stem_width=32),
    "skresnext50_32x4d": SKNetConfig(
        (3, 4, 6, 3), groups=32, base_width=4, divisor=32, split_input=False
    ),
}
DILATIONS = (1, 2)  # of the two paths: a 3x3 kernel, and one that spans 5x5


def _norm_act(x, name):
    return activation(batch_norm(x, f"{name}.bn"), "relu", f"{name}.act")


def _choose(maps, options, reduced, name):
    """Add the maps with the softmax over the paths of what their mean says, for each channel."""
    channels = maps[0].shape[channel_axis()]
    x = keras.layers.Add(name=f"{name}.add")(maps)
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}.pool")(x)
    x = fully_connected(x, options, reduced, f"{name}.fc_reduce", use_bias=False)
    x = _norm_act(x, name)
    x = fully_connected(x, options, len(maps) * channels, f"{name}.fc_select", use_bias=False)
    x = keras.layers.Reshape((len(maps), channels), name=f"{name}.paths")(x)
    x = keras.layers.Softmax(axis=1, name=f"{name}.softmax")(x)
    shape = (1, 1, channels) if channel_axis() == -1 else (channels, 1, 1)
    weighted = []
    for index, weights in enumerate(keras.ops.split(x, len(maps), axis=1)):
        weights = keras.layers.Reshape(shape, name=f"{name}.weights.{index}")(weights)
        multiply = keras.layers.Multiply(name=f"{name}.multiply.{index}")
        weighted.append(multiply([maps[index], weights]))
    return keras.layers.Add(name=f"{name}.sum")(weighted)


def _selective_kernel(x, config, options, filters, strides, name):
    """Convolve along two paths and choose between them."""
    paths = len(DILATIONS)
    parts = keras.ops.split(x, paths, axis=channel_axis()) if config.split_input else [x] * paths
    maps = []
    for index, (part, dilation) in enumerate(zip(parts, DILATIONS)):
        path, path_strides = f"{name}.paths.{index}", strides
        if strides > 1 and dilation == strides:
            # Every tap then falls on a pixel that the stride keeps: subsample first.
            part = keras.layers.MaxPooling2D(1, strides, name=f"{path}.subsample")(part)
            path_strides = dilation = 1
        part = convolve(
            part,
            options,
            filters,
            3,
            strides=path_strides,
            dilation_rate=dilation,
            groups=config.groups,
            name=f"{path}.conv",
        )
        maps.append(_norm_act(part, path))
    reduced = make_divisible(filters * config.ratio, config.divisor)
    return _choose(maps, options, reduced, f"{name}.attn")


def _block(x, config, options, width, strides, drop_rate, name):
    """Basic block with selective kernels first, or bottleneck with them in its middle."""
    filters = 4 * width if config.bottleneck else width
    identity = shortcut(x, options, filters, strides, config.stem_width is not None, name)
    if config.bottleneck:
        inner = max(1, width * config.base_width // 64) * config.groups
        last = f"{name}.conv3"
        x = convolve(x, options, inner, 1, name=f"{name}.conv1.conv")
        x = _norm_act(x, f"{name}.conv1")
        x = _selective_kernel(x, config, options, inner, strides, f"{name}.conv2")
        x = convolve(x, options, filters, 1, name=f"{last}.conv")
    else:
        last = f"{name}.conv2"
        x = _selective_kernel(x, config, options, width, strides, f"{name}.conv1")
        x = convolve(x, options, filters, 3, name=f"{last}.conv")
    return merge(batch_norm(x, f"{last}.bn"), identity, drop_rate, name, "act")


def build(config, x, options, *, dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `residual_network`."""
    return residual_network(config, x, options, _block, dropout_rate, drop_path_rate)


FAMILY = Family(
    name="sknet",
    paper="Li et al., Selective Kernel Networks, CVPR 2019, Table 1.",
    build=build,
    variants=VARIANTS,
    names=("SKResNet18", "SKResNet34", "SKResNet50", "SKResNet50d", "SKResNeXt50_32x4d"),
    input_shape=(224, 224, 3),
    width=("stem_width", "filters"),
    depth=("blocks",),
)
