"""Xception: Inception taken to its limit, depthwise separable convolutions.

Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017
(https://arxiv.org/abs/1610.02357), Figure 5. Layer names are timm's.

Deviations: as in timm, strided poolings and shortcuts are padded symmetrically. The paper drops
half of the pooled features; here, as in timm, `dropout_rate` is 0 unless given.
"""

from dataclasses import dataclass

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import activation, add, batch_norm, convolve, max_pool


@dataclass(frozen=True)
class XceptionConfig:
    """Filters of the separable convolutions in each block, and which blocks halve the map.

    `stem` and `exit` are the filters of the two convolutions before and after the blocks.
    """

    blocks: tuple[tuple[int, ...], ...]
    strided: tuple[int, ...]
    stem: tuple[int, int] = (32, 64)
    exit: tuple[int, int] = (1536, 2048)


# Figure 5 of the paper: entry, middle and exit flow.
VARIANTS = {
    "legacy_xception": XceptionConfig(
        (
            (128, 128),
            (256, 256),
            (728, 728),
            *8 * ((728, 728, 728),),
            (728, 1024),
        ),
        strided=(1, 2, 3, 12),
    )
}


def _channels(x):
    return x.shape[channel_axis()]


def _separable(x, options, filters, name):
    channels = _channels(x)
    x = convolve(x, options, channels, 3, groups=channels, name=f"{name}.conv1")
    return convolve(x, options, filters, 1, name=f"{name}.pointwise")


def _block(x, options, filters, strides, name, start_with_relu):
    """Separable convolutions with the shortcut of a residual block."""
    shortcut, index = x, 0
    for number, width in enumerate(filters):
        if number > 0 or start_with_relu:
            x = activation(x, "relu", f"{name}.rep.{index}")
            index += 1
        x = _separable(x, options, width, f"{name}.rep.{index}")
        x = batch_norm(x, f"{name}.rep.{index + 1}")
        index += 2
    if strides != 1:
        x = max_pool(x, 3, strides, f"{name}.rep.{index}", padding=1)
    if strides != 1 or _channels(shortcut) != filters[-1]:
        shortcut = convolve(shortcut, options, filters[-1], 1, strides=strides, name=f"{name}.skip")
        shortcut = batch_norm(shortcut, f"{name}.skipbn")
    return add(x, shortcut, f"{name}.add")


def build(config, x, options, *, dropout_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    x = convolve(x, options, config.stem[0], 3, strides=2, padding="valid", name="conv1")
    x = activation(batch_norm(x, "bn1"), "relu", "act1")
    x = convolve(x, options, config.stem[1], 3, padding="valid", name="conv2")
    x = activation(batch_norm(x, "bn2"), "relu", "act2")
    for index, filters in enumerate(config.blocks, start=1):
        strides = 2 if index in config.strided else 1
        x = _block(x, options, filters, strides, f"block{index}", start_with_relu=index > 1)
    for index, filters in enumerate(config.exit, start=3):
        x = batch_norm(_separable(x, options, filters, f"conv{index}"), f"bn{index}")
        x = activation(x, "relu", f"act{index}")
    return options.outputs(x, options.pooled_dense("fc", dropout_rate))


FAMILY = Family(
    name="xception",
    paper="Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, CVPR 2017.",
    build=build,
    variants=VARIANTS,
    names=("LegacyXception",),
    input_shape=(299, 299, 3),
    min_size=7,
    statistics="inception",
    width=("blocks", "stem", "exit"),
)
