"""SENet: the squeeze-and-excitation networks as they were first published.

Hu, Shen, Sun, "Squeeze-and-Excitation Networks", CVPR 2018 (https://arxiv.org/abs/1709.01507),
Table 1, and SENet-154, in the form of the authors' Caffe networks, which timm keeps as `legacy_`:
the stride of a bottleneck is in its first 1x1 convolution (of ResNeXt's and SENet-154's in the
3x3), the squeeze has a sixteenth of the channels, and max pooling takes windows that overlap the
end instead of padding. Layer names are timm's. `se_resnet` has the later form.

Deviations: as in timm, the two-layer blocks (18 and 34 layers, which are not the paper's) apply a
ReLU before the squeeze too; 26 layers are timm's.
"""

import math
from dataclasses import dataclass

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import activation, add, batch_norm, convolve, max_pool
from kzoo.layers import SqueezeExcite

BASIC, BOTTLENECK, RESNEXT, SENET = "basic", "bottleneck", "resnext", "senet"


@dataclass(frozen=True)
class SENetConfig:
    """`blocks` per stage and their nominal widths `filters`; `block` is one of the kinds above."""

    blocks: tuple[int, int, int, int]
    block: str
    filters: tuple[int, int, int, int] = (64, 128, 256, 512)


# Table 1 of the paper.
VARIANTS = {
    "legacy_senet154": SENetConfig((3, 8, 36, 3), SENET),
    "legacy_seresnet18": SENetConfig((2, 2, 2, 2), BASIC),
    "legacy_seresnet34": SENetConfig((3, 4, 6, 3), BASIC),
    "legacy_seresnet50": SENetConfig((3, 4, 6, 3), BOTTLENECK),
    "legacy_seresnet101": SENetConfig((3, 4, 23, 3), BOTTLENECK),
    "legacy_seresnet152": SENetConfig((3, 8, 36, 3), BOTTLENECK),
    "legacy_seresnext26_32x4d": SENetConfig((2, 2, 2, 2), RESNEXT),
    "legacy_seresnext50_32x4d": SENetConfig((3, 4, 6, 3), RESNEXT),
    "legacy_seresnext101_32x4d": SENetConfig((3, 4, 23, 3), RESNEXT),
}


def _convolutions(kind, width):
    """Return filters, kernel size, groups and whether the stride is theirs, one by one."""
    wide, full = 2 * width, 4 * width
    return {
        BASIC: ((width, 3, 1, True), (width, 3, 1, False)),
        BOTTLENECK: ((width, 1, 1, True), (width, 3, 1, False), (full, 1, 1, False)),
        RESNEXT: ((wide, 1, 1, False), (wide, 3, math.gcd(32, wide), True), (full, 1, 1, False)),
        SENET: ((wide, 1, 1, False), (full, 3, math.gcd(64, wide), True), (full, 1, 1, False)),
    }[kind]


def _conv_norm_relu(x, options, filters, kernel_size, strides, prefix, index):
    name = f"{prefix}.conv{index}"
    x = convolve(x, options, filters, kernel_size, strides=strides, name=name)
    return activation(batch_norm(x, f"{prefix}.bn{index}"), "relu", f"{prefix}.relu{index}")


def _stem(x, kind, options, width):
    if kind != SENET:
        x = _conv_norm_relu(x, options, width, 7, 2, "layer0", 1)
    else:
        rows = ((width, 2), (width, 1), (2 * width, 1))
        for index, (filters, strides) in enumerate(rows, start=1):
            x = _conv_norm_relu(x, options, filters, 3, strides, "layer0", index)
    return max_pool(x, 3, 2, "pool0", ceil=True)


def _shortcut(x, options, filters, kernel_size, strides, name):
    if strides == 1 and x.shape[channel_axis()] == filters:
        return x
    x = convolve(x, options, filters, kernel_size, strides=strides, name=f"{name}.downsample.0")
    return batch_norm(x, f"{name}.downsample.1")


def _block(x, options, kind, width, strides, name):
    convolutions = _convolutions(kind, width)
    channels = convolutions[-1][0]
    shortcut_kernel = 3 if kind == SENET and strides > 1 else 1
    shortcut = _shortcut(x, options, channels, shortcut_kernel, strides, name)
    for index, (filters, kernel_size, groups, strided) in enumerate(convolutions, start=1):
        x = convolve(
            x,
            options,
            filters,
            kernel_size,
            strides=strides if strided else 1,
            groups=groups,
            name=f"{name}.conv{index}",
        )
        x = batch_norm(x, f"{name}.bn{index}")
        if index < len(convolutions) or kind == BASIC:
            x = activation(x, "relu", f"{name}.relu{index}")
    x = SqueezeExcite(reduced_channels=max(1, channels // 16), name=f"{name}.se_module")(x)
    return activation(add(x, shortcut, f"{name}.add"), "relu", f"{name}.relu")


def build(config, x, options, *, dropout_rate=0.2):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    x = _stem(x, config.block, options, config.filters[0])
    for stage, (blocks, width) in enumerate(zip(config.blocks, config.filters), start=1):
        for index in range(blocks):
            strides = 2 if stage > 1 and index == 0 else 1
            x = _block(x, options, config.block, width, strides, f"layer{stage}.{index}")
    return options.outputs(x, options.pooled_dense("last_linear", dropout_rate))


FAMILY = Family(
    name="senet",
    paper="Hu et al., Squeeze-and-Excitation Networks, CVPR 2018, Table 1.",
    build=build,
    variants=VARIANTS,
    names=(
        *("LegacySENet154", "LegacySEResNet18", "LegacySEResNet34", "LegacySEResNet50"),
        *("LegacySEResNet101", "LegacySEResNet152", "LegacySEResNeXt26_32x4d"),
        *("LegacySEResNeXt50_32x4d", "LegacySEResNeXt101_32x4d"),
    ),
    input_shape=(224, 224, 3),
    min_size=3,
    learning_rate=3e-3,
    width=("filters",),
    depth=("blocks",),
)
