"""DLA: deep layer aggregation, blocks joined in trees.

Yu, Wang, Shelhamer, Darrell, "Deep Layer Aggregation", CVPR 2018
(https://arxiv.org/abs/1707.06484), Table 1 and Figure 3; the Res2Net blocks are those of Gao,
Cheng, Zhao, Zhang, Yang, Torr, "Res2Net: A New Multi-scale Backbone Architecture", TPAMI 2021
(https://arxiv.org/abs/1904.01169). Layer names are timm's.

Deviations: as in timm, the projections that the authors' code makes and never uses are left out.
The classifier, a 1x1 convolution after the pooling there, is a dense layer. Maps of odd size work,
for which timm's poolings and convolutions disagree.
"""

from dataclasses import dataclass

import keras
from keras import ops

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import activation, add, average_pool, batch_norm, convolve, max_pool
from kzoo.layers._divisible import make_divisible


@dataclass(frozen=True)
class DLAConfig:
    """What varies among the networks.

    Attributes:
        depths: depth of the trees of stages 2 to 5.
        widths: channels of stages 2 to 5; stages 0 and 1 have 16 and 32.
        block: "basic", "bottleneck" or "res2net".
        groups: of the blocks' 3x3 convolutions.
        base_width: width of a group for every 64 channels of a stage, before it is halved.
        residual_root: whether the nodes that aggregate have shortcuts.
    """

    depths: tuple[int, int, int, int]
    widths: tuple[int, int, int, int]
    block: str = "bottleneck"
    groups: int = 1
    base_width: int = 64
    residual_root: bool = False


_SMALL = (64, 64, 128, 256)
_WIDE = (128, 256, 512, 1024)

# Table 1 of the paper; dla102x2 is the authors' code's, the last two are Res2Net's.
VARIANTS = {
    "dla34": DLAConfig((1, 2, 2, 1), (64, 128, 256, 512), block="basic"),
    "dla46_c": DLAConfig((1, 2, 2, 1), _SMALL),
    "dla46x_c": DLAConfig((1, 2, 2, 1), _SMALL, groups=32, base_width=4),
    "dla60x_c": DLAConfig((1, 2, 3, 1), _SMALL, groups=32, base_width=4),
    "dla60": DLAConfig((1, 2, 3, 1), _WIDE),
    "dla60x": DLAConfig((1, 2, 3, 1), _WIDE, groups=32, base_width=4),
    "dla102": DLAConfig((1, 3, 4, 1), _WIDE, residual_root=True),
    "dla102x": DLAConfig((1, 3, 4, 1), _WIDE, groups=32, base_width=4, residual_root=True),
    "dla102x2": DLAConfig((1, 3, 4, 1), _WIDE, groups=64, base_width=4, residual_root=True),
    "dla169": DLAConfig((2, 3, 5, 1), _WIDE, residual_root=True),
    "dla60_res2net": DLAConfig((1, 2, 3, 1), _WIDE, block="res2net", base_width=28),
    "dla60_res2next": DLAConfig((1, 2, 3, 1), _WIDE, block="res2net", groups=8, base_width=4),
}

SCALES = 4  # groups of channels in a Res2Net block


def _conv_norm(x, options, filters, size, names, *, strides=1, groups=1, act=None):
    """Convolution and normalisation of the two names, and ReLU under a third."""
    x = convolve(x, options, filters, size, strides=strides, groups=groups, name=names[0])
    return activation(batch_norm(x, names[1]), "relu" if act else None, act)


def _basic(config, x, shortcut, options, width, strides, name):
    y = _conv_norm(
        x,
        options,
        width,
        3,
        (f"{name}.conv1", f"{name}.bn1"),
        strides=strides,
        act=f"{name}.act1",
    )
    y = _conv_norm(y, options, width, 3, (f"{name}.conv2", f"{name}.bn2"))
    return activation(add(y, shortcut, f"{name}.add"), "relu", f"{name}.act2")


def _narrow(config, width):
    """Channels between the 1x1 convolutions of a block."""
    narrow = width * config.base_width // 64 * config.groups // 2
    return make_divisible(narrow, config.groups)


def _bottleneck(config, x, shortcut, options, width, strides, name):
    narrow = _narrow(config, width)
    y = _conv_norm(x, options, narrow, 1, (f"{name}.conv1", f"{name}.bn1"), act=f"{name}.act1")
    y = _conv_norm(
        y,
        options,
        narrow,
        3,
        (f"{name}.conv2", f"{name}.bn2"),
        strides=strides,
        groups=config.groups,
        act=f"{name}.act2",
    )
    y = _conv_norm(y, options, width, 1, (f"{name}.conv3", f"{name}.bn3"))
    return activation(add(y, shortcut, f"{name}.add"), "relu", f"{name}.act3")


def _res2net(config, x, shortcut, options, width, strides, name):
    narrow, axis = _narrow(config, width), channel_axis()
    y = _conv_norm(
        x, options, SCALES * narrow, 1, (f"{name}.conv1", f"{name}.bn1"), act=f"{name}.act1"
    )
    *parts, last = ops.split(y, SCALES, axis=axis)
    outputs: list = []
    for index, part in enumerate(parts):
        if outputs and strides == 1:
            part = add(part, outputs[-1], f"{name}.convs.{index}.add")
        outputs.append(
            _conv_norm(
                part,
                options,
                narrow,
                3,
                (f"{name}.convs.{index}", f"{name}.bns.{index}"),
                strides=strides,
                groups=config.groups,
                act=f"{name}.acts.{index}",
            )
        )
    if strides > 1:
        last = average_pool(last, 3, strides, f"{name}.pool", padding=1)
    y = keras.layers.Concatenate(axis=axis, name=f"{name}.concat")([*outputs, last])
    y = _conv_norm(y, options, width, 1, (f"{name}.conv3", f"{name}.bn3"))
    return activation(add(y, shortcut, f"{name}.add"), "relu", f"{name}.act3")


_BLOCKS = {"basic": _basic, "bottleneck": _bottleneck, "res2net": _res2net}


def _tree(config, x, options, depth, width, strides, name, *, children=(), keep_input=False):
    """Aggregate two subtrees, or two blocks, with the outputs of the trees above, `children`.

    `keep_input` passes on the tree's own input, at its output's resolution.
    """
    bottom = x
    if strides > 1:
        bottom = max_pool(x, strides, strides, f"{name}.downsample", padding="same")
    children = [*children, bottom] if keep_input else [*children]
    if depth > 1:
        first = _tree(config, x, options, depth - 1, width, strides, f"{name}.tree1")
        children.append(first)
        return _tree(
            config, first, options, depth - 1, width, 1, f"{name}.tree2", children=children
        )
    shortcut = bottom
    if bottom.shape[channel_axis()] != width:
        names = (f"{name}.project.0", f"{name}.project.1")
        shortcut = _conv_norm(bottom, options, width, 1, names)
    block = _BLOCKS[config.block]
    first = block(config, x, shortcut, options, width, strides, f"{name}.tree1")
    second = block(config, first, first, options, width, 1, f"{name}.tree2")
    y = keras.layers.Concatenate(axis=channel_axis(), name=f"{name}.root.concat")(
        [second, first, *children]
    )
    y = _conv_norm(y, options, width, 1, (f"{name}.root.conv", f"{name}.root.bn"))
    if config.residual_root:
        y = add(y, second, f"{name}.root.add")
    return activation(y, "relu", f"{name}.root.act")


def build(config, x, options, *, dropout_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    stem = (("base_layer", 16, 7, 1), ("level0", 16, 3, 1), ("level1", 32, 3, 2))
    for name, filters, size, strides in stem:
        names = (f"{name}.0", f"{name}.1")
        x = _conv_norm(x, options, filters, size, names, strides=strides, act=f"{name}.2")
    for stage, (depth, width) in enumerate(zip(config.depths, config.widths), start=2):
        x = _tree(config, x, options, depth, width, 2, f"level{stage}", keep_input=stage > 2)
    return options.outputs(x, options.pooled_dense("fc", dropout_rate))


FAMILY = Family(
    name="dla",
    paper="Yu et al., Deep Layer Aggregation, CVPR 2018, Table 1.",
    build=build,
    variants=VARIANTS,
    names=(
        "DLA34",
        "DLA46C",
        "DLA46XC",
        "DLA60XC",
        "DLA60",
        "DLA60X",
        "DLA102",
        "DLA102X",
        "DLA102X2",
        "DLA169",
        "DLA60Res2Net",
        "DLA60Res2NeXt",
    ),
    input_shape=(224, 224, 3),
    width=("widths",),
)
