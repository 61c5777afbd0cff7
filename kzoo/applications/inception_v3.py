"""Inception v3: factorised convolutions in modules of parallel branches.

Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception Architecture for Computer
Vision", CVPR 2016 (https://arxiv.org/abs/1512.00567), Table 1 and Figures 5 to 7 and 10. Layer
names are timm's, which are TensorFlow-Slim's.

Deviations: as in TensorFlow-Slim and timm, the 1x1 convolution of the stem has 80 filters and the
next one, of stride 1, 192; the paper has two 3x3 convolutions there. There is no auxiliary
classifier, which serves training only.
"""

from dataclasses import dataclass

from kzoo.applications._family import Family
from kzoo.applications._inception import chain, conv_norm, join, reduce
from kzoo.applications._parts import average_pool, max_pool


@dataclass(frozen=True)
class InceptionV3Config:
    """Filters of the pooling branch on 35x35 maps and of the 7x7 branches on 17x17 maps."""

    pool_filters: tuple[int, ...] = (32, 64, 64)
    wide_filters: tuple[int, ...] = (128, 160, 160, 192)


VARIANTS = {"inception_v3": InceptionV3Config()}


def _stem(x, options):
    x = reduce(x, options, 32, "Conv2d_1a_3x3")
    x = conv_norm(x, options, 32, 3, "Conv2d_2a_3x3", padding="valid")
    x = conv_norm(x, options, 64, 3, "Conv2d_2b_3x3")
    x = max_pool(x, 3, 2, "Pool1")
    x = conv_norm(x, options, 80, 1, "Conv2d_3b_1x1")
    x = conv_norm(x, options, 192, 3, "Conv2d_4a_3x3", padding="valid")
    return max_pool(x, 3, 2, "Pool2")


def _pool_branch(x, options, filters, name):
    x = average_pool(x, 3, 1, f"{name}.pool", padding=1)
    return conv_norm(x, options, filters, 1, f"{name}.branch_pool")


def _module_35(x, options, pool_filters, name):
    """Figure 5 of the paper."""
    rows = ((64, 1), (96, 3), (96, 3))
    branches = [
        conv_norm(x, options, 64, 1, f"{name}.branch1x1"),
        chain(x, options, ((48, 1), (64, 5)), f"{name}.branch5x5_", 1),
        chain(x, options, rows, f"{name}.branch3x3dbl_", 1),
        _pool_branch(x, options, pool_filters, name),
    ]
    return join(branches, name)


def _reduction_35(x, options, name):
    """Figure 10 of the paper, on 35x35 maps."""
    double = chain(x, options, ((64, 1), (96, 3)), f"{name}.branch3x3dbl_", 1)
    branches = [
        reduce(x, options, 384, f"{name}.branch3x3"),
        reduce(double, options, 96, f"{name}.branch3x3dbl_3"),
        max_pool(x, 3, 2, f"{name}.pool"),
    ]
    return join(branches, name)


def _module_17(x, options, width, name):
    """Figure 6 of the paper."""
    rows = ((width, 1), (width, (1, 7)), (192, (7, 1)))
    double = ((width, 1), (width, (7, 1)), (width, (1, 7)), (width, (7, 1)), (192, (1, 7)))
    branches = [
        conv_norm(x, options, 192, 1, f"{name}.branch1x1"),
        chain(x, options, rows, f"{name}.branch7x7_", 1),
        chain(x, options, double, f"{name}.branch7x7dbl_", 1),
        _pool_branch(x, options, 192, name),
    ]
    return join(branches, name)


def _reduction_17(x, options, name):
    """Figure 10 of the paper, on 17x17 maps."""
    narrow = conv_norm(x, options, 192, 1, f"{name}.branch3x3_1")
    wide = chain(x, options, ((192, 1), (192, (1, 7)), (192, (7, 1))), f"{name}.branch7x7x3_", 1)
    branches = [
        reduce(narrow, options, 320, f"{name}.branch3x3_2"),
        reduce(wide, options, 192, f"{name}.branch7x7x3_4"),
        max_pool(x, 3, 2, f"{name}.pool"),
    ]
    return join(branches, name)


def _fork(x, options, name):
    """Put a 1x3 and a 3x1 convolution side by side."""
    branches = [
        conv_norm(x, options, 384, (1, 3), f"{name}a"),
        conv_norm(x, options, 384, (3, 1), f"{name}b"),
    ]
    return join(branches, name)


def _module_8(x, options, name):
    """Figure 7 of the paper."""
    single = conv_norm(x, options, 384, 1, f"{name}.branch3x3_1")
    double = chain(x, options, ((448, 1), (384, 3)), f"{name}.branch3x3dbl_", 1)
    branches = [
        conv_norm(x, options, 320, 1, f"{name}.branch1x1"),
        _fork(single, options, f"{name}.branch3x3_2"),
        _fork(double, options, f"{name}.branch3x3dbl_3"),
        _pool_branch(x, options, 192, name),
    ]
    return join(branches, name)


def build(config, x, options, *, dropout_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    x = _stem(x, options)
    for letter, filters in zip("bcd", config.pool_filters):
        x = _module_35(x, options, filters, f"Mixed_5{letter}")
    x = _reduction_35(x, options, "Mixed_6a")
    for letter, width in zip("bcde", config.wide_filters):
        x = _module_17(x, options, width, f"Mixed_6{letter}")
    x = _reduction_17(x, options, "Mixed_7a")
    for letter in "bc":
        x = _module_8(x, options, f"Mixed_7{letter}")
    return options.outputs(x, options.pooled_dense("fc", dropout_rate))


FAMILY = Family(
    name="inception_v3",
    paper="Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016.",
    build=build,
    variants=VARIANTS,
    names=("InceptionV3",),
    input_shape=(299, 299, 3),
    min_size=75,
    statistics="inception",
)
