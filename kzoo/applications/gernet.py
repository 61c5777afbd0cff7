"""GENet: full convolutions where maps are large, bottlenecks and depthwise ones where small.

Lin, Chen, Sun, Jin, Luo, Qian, "Neural Architecture Design for GPU-Efficient Networks", 2020
(https://arxiv.org/abs/2006.14090): the light, normal and large networks, timm's `gernet_*`. The
numbers are those of timm's model configurations (byobnet), and so are the layer names.
"""

from collections.abc import Sequence

from kzoo.applications._family import Family
from kzoo.applications._stages import Stage, StagedNetwork, build


def _network(stem: int, rows: Sequence[tuple[int, int]], features: int) -> StagedNetwork:
    """Two stages of basic blocks, one of bottlenecks, two of depthwise ones.

    `rows` are their numbers of blocks and widths.
    """
    basic, wider_basic, bottleneck, depthwise, last = rows
    return StagedNetwork(
        stages=(
            Stage(*basic, kind="basic", ratio=1),
            Stage(*wider_basic, kind="basic", ratio=1),
            Stage(*bottleneck),
            Stage(*depthwise, ratio=3, group_width=1),
            Stage(*last, strides=1, ratio=3, group_width=1),
        ),
        stem=(stem,),
        features=features,
    )


# timm's model configurations.
VARIANTS = {
    "gernet_s": _network(13, ((1, 48), (3, 48), (7, 384), (2, 560), (1, 256)), 1920),
    "gernet_m": _network(32, ((1, 128), (2, 192), (6, 640), (4, 640), (1, 640)), 2560),
    "gernet_l": _network(32, ((1, 128), (2, 192), (6, 640), (5, 640), (4, 640)), 2560),
}

FAMILY = Family(
    name="gernet",
    paper="Lin et al., Neural Architecture Design for GPU-Efficient Networks, 2020.",
    build=build,
    variants=VARIANTS,
    names=("GERNetS", "GERNetM", "GERNetL"),
    input_shape=(224, 224, 3),
    input_sizes={"gernet_l": 256},
    statistics="imagenet",
    width=("stem", "stages.width", "features"),
    depth=("stages.blocks",),
)
