"""Res2Net: residual hierarchies of scales within one block.

Gao, Cheng, Zhao, Zhang, Yang, Torr, "Res2Net: A New Multi-scale Backbone Architecture", TPAMI 2021
(https://arxiv.org/abs/1904.01169), Tables 1 to 3; a name such as 26w_4s gives width and number of
scales. Layer names are timm's.

Deviations: as in the authors' code and timm, the first block of a stage convolves its scales each
for itself, and averages the last one. `res2net50d` and `res2net101d` are the authors' "v1b" with
the stem and shortcuts of ResNet-D.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import activation, add, average_pool, batch_norm, convolve
from kzoo.applications._residual import FILTERS, merge, residual_network, shortcut


@dataclass(frozen=True)
class Res2NetConfig:
    """Blocks per stage, number of scales, and the width of each where a block's own is 64.

    `filters` are the blocks' own widths by stage.
    """

    blocks: tuple[int, int, int, int]
    base_width: int = 26
    scales: int = 4
    groups: int = 1
    stem_width: int | None = None
    filters: tuple[int, int, int, int] = FILTERS


# Tables 1 (50 layers), 3 (101 layers) and 2 (Res2NeXt) of the paper; `d` from the authors' code.
VARIANTS = {
    "res2net50_14w_8s": Res2NetConfig((3, 4, 6, 3), base_width=14, scales=8),
    "res2net50_26w_4s": Res2NetConfig((3, 4, 6, 3)),
    "res2net50_26w_6s": Res2NetConfig((3, 4, 6, 3), scales=6),
    "res2net50_26w_8s": Res2NetConfig((3, 4, 6, 3), scales=8),
    "res2net50_48w_2s": Res2NetConfig((3, 4, 6, 3), base_width=48, scales=2),
    "res2net50d": Res2NetConfig((3, 4, 6, 3), stem_width=32),
    "res2net101_26w_4s": Res2NetConfig((3, 4, 23, 3)),
    "res2net101d": Res2NetConfig((3, 4, 23, 3), stem_width=32),
    "res2next50": Res2NetConfig((3, 4, 6, 3), base_width=4, groups=8),
}


def _scales(x, config, options, strides, first, name):
    """Convolve the scales one after the other, each with the result of the one before added.

    In the first block of a stage they stay apart; the last scale is not convolved.
    """
    *parts, last = keras.ops.split(x, config.scales, axis=channel_axis())
    width = last.shape[channel_axis()]
    outputs: list[keras.KerasTensor] = []
    for index, part in enumerate(parts):
        if outputs and not first:
            part = add(outputs[-1], part, f"{name}.add{index}")
        part = convolve(
            part,
            options,
            width,
            3,
            strides=strides,
            groups=config.groups,
            name=f"{name}.convs.{index}",
        )
        part = batch_norm(part, f"{name}.bns.{index}")
        outputs.append(activation(part, "relu", f"{name}.acts.{index}"))
    if first:
        last = average_pool(last, 3, strides, f"{name}.pool", padding=1)
    return keras.layers.Concatenate(channel_axis(), name=f"{name}.concat")([*outputs, last])


def _bottleneck(x, config, options, width, strides, drop_rate, name):
    """Bottleneck with the scales in place of its 3x3 convolution."""
    identity = shortcut(x, options, 4 * width, strides, config.stem_width is not None, name)
    inner = max(1, width * config.base_width // 64) * config.groups * config.scales
    first = identity is not x
    x = convolve(x, options, inner, 1, name=f"{name}.conv1")
    x = activation(batch_norm(x, f"{name}.bn1"), "relu", f"{name}.act1")
    x = _scales(x, config, options, strides, first, name)
    x = convolve(x, options, 4 * width, 1, name=f"{name}.conv3")
    return merge(batch_norm(x, f"{name}.bn3"), identity, drop_rate, name, "act3")


def build(config, x, options, *, dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `residual_network`."""
    return residual_network(config, x, options, _bottleneck, dropout_rate, drop_path_rate)


FAMILY = Family(
    name="res2net",
    paper="Gao et al., Res2Net: A New Multi-scale Backbone Architecture, TPAMI 2021, Tables 1-3.",
    build=build,
    variants=VARIANTS,
    names=(
        "Res2Net50_14w_8s",
        "Res2Net50_26w_4s",
        "Res2Net50_26w_6s",
        "Res2Net50_26w_8s",
        "Res2Net50_48w_2s",
        "Res2Net50d",
        "Res2Net101_26w_4s",
        "Res2Net101d",
        "Res2NeXt50",
    ),
    input_shape=(224, 224, 3),
    width=("stem_width", "filters"),
    depth=("blocks",),
)
