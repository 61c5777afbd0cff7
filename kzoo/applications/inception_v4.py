"""Inception v4: a deeper, more uniform Inception network.

Szegedy, Ioffe, Vanhoucke, Alemi, "Inception-v4, Inception-ResNet and the Impact of Residual
Connections on Learning", AAAI 2017 (https://arxiv.org/abs/1602.07261), Figures 3 to 9. Layer names
are timm's.

Deviations: none known in the layers. The paper drops 20 % of the pooled features; here, as in timm,
`dropout_rate` is 0 unless given.
"""

from dataclasses import dataclass

from kzoo.applications._family import Family
from kzoo.applications._inception import chain, conv_norm, join, reduce
from kzoo.applications._parts import average_pool, max_pool


@dataclass(frozen=True)
class InceptionV4Config:
    """`modules` of the kinds A, B and C, on maps of 35x35, 17x17 and 8x8 (Figure 9)."""

    modules: tuple[int, int, int] = (4, 7, 3)


VARIANTS = {"inception_v4": InceptionV4Config()}


def _stem(x, options):
    """Figure 3 of the paper."""
    x = reduce(x, options, 32, "features.0")
    x = conv_norm(x, options, 32, 3, "features.1", padding="valid")
    x = conv_norm(x, options, 64, 3, "features.2")
    pooled = max_pool(x, 3, 2, "features.3.maxpool")
    x = join([pooled, reduce(x, options, 96, "features.3.conv")], "features.3")
    short = conv_norm(x, options, 64, 1, "features.4.branch0.0")
    long = chain(x, options, ((64, 1), (64, (1, 7)), (64, (7, 1))), "features.4.branch1.")
    branches = [
        conv_norm(short, options, 96, 3, "features.4.branch0.1", padding="valid"),
        conv_norm(long, options, 96, 3, "features.4.branch1.3", padding="valid"),
    ]
    x = join(branches, "features.4")
    pooled = max_pool(x, 3, 2, "features.5.maxpool")
    return join([reduce(x, options, 192, "features.5.conv"), pooled], "features.5")


def _pool_branch(x, options, filters, name):
    x = average_pool(x, 3, 1, f"{name}.branch3.0", padding=1, count_padding=False)
    return conv_norm(x, options, filters, 1, f"{name}.branch3.1")


def _module_a(x, options, name):
    """Figure 4 of the paper."""
    branches = [
        conv_norm(x, options, 96, 1, f"{name}.branch0"),
        chain(x, options, ((64, 1), (96, 3)), f"{name}.branch1."),
        chain(x, options, ((64, 1), (96, 3), (96, 3)), f"{name}.branch2."),
        _pool_branch(x, options, 96, name),
    ]
    return join(branches, name)


def _reduction_a(x, options, name):
    """Figure 7 of the paper, with k, l, m, n = 192, 224, 256, 384 of its Table 1."""
    long = chain(x, options, ((192, 1), (224, 3)), f"{name}.branch1.")
    branches = [
        reduce(x, options, 384, f"{name}.branch0"),
        reduce(long, options, 256, f"{name}.branch1.2"),
        max_pool(x, 3, 2, f"{name}.branch2"),
    ]
    return join(branches, name)


def _module_b(x, options, name):
    """Figure 5 of the paper."""
    long = ((192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7)))
    branches = [
        conv_norm(x, options, 384, 1, f"{name}.branch0"),
        chain(x, options, ((192, 1), (224, (1, 7)), (256, (7, 1))), f"{name}.branch1."),
        chain(x, options, long, f"{name}.branch2."),
        _pool_branch(x, options, 128, name),
    ]
    return join(branches, name)


def _reduction_b(x, options, name):
    """Figure 8 of the paper."""
    short = conv_norm(x, options, 192, 1, f"{name}.branch0.0")
    long = chain(x, options, ((256, 1), (256, (1, 7)), (320, (7, 1))), f"{name}.branch1.")
    branches = [
        reduce(short, options, 192, f"{name}.branch0.1"),
        reduce(long, options, 320, f"{name}.branch1.3"),
        max_pool(x, 3, 2, f"{name}.branch2"),
    ]
    return join(branches, name)


def _fork(x, options, name):
    """Put a 1x3 and a 3x1 convolution side by side."""
    branches = [
        conv_norm(x, options, 256, (1, 3), f"{name}a"),
        conv_norm(x, options, 256, (3, 1), f"{name}b"),
    ]
    return join(branches, name)


def _module_c(x, options, name):
    """Figure 6 of the paper."""
    short = conv_norm(x, options, 384, 1, f"{name}.branch1_0")
    long = chain(x, options, ((384, 1), (448, (3, 1)), (512, (1, 3))), f"{name}.branch2_")
    branches = [
        conv_norm(x, options, 256, 1, f"{name}.branch0"),
        _fork(short, options, f"{name}.branch1_1"),
        _fork(long, options, f"{name}.branch2_3"),
        _pool_branch(x, options, 256, name),
    ]
    return join(branches, name)


def build(config, x, options, *, dropout_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    x = _stem(x, options)
    a, b, c = config.modules
    modules = a * [_module_a] + [_reduction_a] + b * [_module_b] + [_reduction_b] + c * [_module_c]
    for index, module in enumerate(modules, start=6):
        x = module(x, options, f"features.{index}")
    return options.outputs(x, options.pooled_dense("last_linear", dropout_rate))


FAMILY = Family(
    name="inception_v4",
    paper="Szegedy et al., Inception-v4, Inception-ResNet, AAAI 2017, Figures 3 to 9.",
    build=build,
    variants=VARIANTS,
    names=("InceptionV4",),
    input_shape=(299, 299, 3),
    min_size=75,
    statistics="inception",
    depth=("modules",),
)
