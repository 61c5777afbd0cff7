"""ResNeSt: ResNet with split attention.

Zhang et al., "ResNeSt: Split-Attention Networks", CVPR workshops 2022
(https://arxiv.org/abs/2004.08955), Tables 1 to 3 and, for `resnest50d_1s4x24d` and `_4s2x40d`, the
ablations in Table 4; a name such as 4s2x40d gives radix, cardinality and base width. Layer names
are timm's.

Deviations: `resnest14d` and `resnest26d` are GluonCV's, not in the paper. The splits convolve in
groups, so that `conv=` replaces the convolutions of the stem only.
"""

from dataclasses import dataclass

from kzoo.applications._family import Family
from kzoo.applications._parts import activation, average_pool, batch_norm, convolve
from kzoo.applications._residual import FILTERS, merge, residual_network, shortcut
from kzoo.layers import SplitAttention
from kzoo.layers._divisible import make_divisible


@dataclass(frozen=True)
class ResNeStConfig:
    """Blocks per stage, width of the stem, the shape of the split attention, and nominal widths.

    `base_width` is the width of one of `groups` groups in a block of nominal width 64;
    `average_first` averages before the 3x3 convolution of a block with strides, not after it.
    """

    blocks: tuple[int, int, int, int]
    stem_width: int
    radix: int = 2
    groups: int = 1
    base_width: int = 64
    average_first: bool = False
    filters: tuple[int, int, int, int] = FILTERS


# Tables 1 to 4 of the paper, and GluonCV's model zoo.
VARIANTS = {
    "resnest14d": ResNeStConfig((1, 1, 1, 1), 32),
    "resnest26d": ResNeStConfig((2, 2, 2, 2), 32),
    "resnest50d": ResNeStConfig((3, 4, 6, 3), 32),
    "resnest50d_1s4x24d": ResNeStConfig((3, 4, 6, 3), 32, 1, 4, 24, average_first=True),
    "resnest50d_4s2x40d": ResNeStConfig((3, 4, 6, 3), 32, 4, 2, 40, average_first=True),
    "resnest101e": ResNeStConfig((3, 4, 23, 3), 64),
    "resnest200e": ResNeStConfig((3, 24, 36, 3), 64),
    "resnest269e": ResNeStConfig((3, 30, 48, 8), 64),
}


def _bottleneck(x, config, options, width, strides, drop_rate, name):
    """Bottleneck whose 3x3 convolution is split attention, its stride an average pooling."""
    identity = shortcut(x, options, 4 * width, strides, True, name)
    inner = width * config.base_width // 64 * config.groups
    inner = make_divisible(inner, config.groups * config.radix)
    x = convolve(x, options, inner, 1, name=f"{name}.conv1")
    x = activation(batch_norm(x, f"{name}.bn1"), "relu", f"{name}.act1")
    if strides > 1 and config.average_first:
        x = average_pool(x, 3, strides, f"{name}.avd_first", padding=1)
    x = SplitAttention(
        inner,
        groups=config.groups,
        radix=config.radix,
        kernel_initializer=options.kernel_initializer,
        name=f"{name}.conv2",
    )(x)
    if strides > 1 and not config.average_first:
        x = average_pool(x, 3, strides, f"{name}.avd_last", padding=1)
    x = convolve(x, options, 4 * width, 1, name=f"{name}.conv3")
    return merge(batch_norm(x, f"{name}.bn3"), identity, drop_rate, name, "act3")


def build(config, x, options, *, dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `residual_network`."""
    return residual_network(config, x, options, _bottleneck, dropout_rate, drop_path_rate)


FAMILY = Family(
    name="resnest",
    paper="Zhang et al., ResNeSt: Split-Attention Networks, CVPR workshops 2022, Tables 1 to 4.",
    build=build,
    variants=VARIANTS,
    names=(
        "ResNeSt14d",
        "ResNeSt26d",
        "ResNeSt50d",
        "ResNeSt50d_1s4x24d",
        "ResNeSt50d_4s2x40d",
        "ResNeSt101e",
        "ResNeSt200e",
        "ResNeSt269e",
    ),
    input_shape=(224, 224, 3),
    input_sizes={"resnest101e": 256, "resnest200e": 320, "resnest269e": 416},
    width=("stem_width", "filters"),
    depth=("blocks",),
)
