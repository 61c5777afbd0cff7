"""Inception-ResNet v2: Inception modules as scaled residual branches.

Szegedy, Ioffe, Vanhoucke, Alemi, "Inception-v4, Inception-ResNet and the Impact of Residual
Connections on Learning", AAAI 2017 (https://arxiv.org/abs/1602.07261), Figures 15 to 19. Layer
names are timm's.

Deviations: as in TensorFlow-Slim and timm, the stem is Inception v3's followed by one Inception
module, where the paper has Inception v4's; the blocks are 10, 20 and 9 plus a last one without
scale and activation, where the paper has 5, 10 and 5; a 1x1 convolution to 1,536 channels is last.
The paper drops 20 % of the pooled features; here, as in timm, `dropout_rate` is 0 unless given.
"""

from dataclasses import dataclass

from kzoo.applications._family import Family
from kzoo.applications._inception import chain, conv_norm, join, reduce
from kzoo.applications._parts import activation, add, average_pool, convolve, max_pool, rescale


@dataclass(frozen=True)
class InceptionResNetV2Config:
    """`blocks` on maps of 35x35, 17x17 and 8x8, and the `scales` of their residual branches."""

    blocks: tuple[int, int, int] = (10, 20, 9)
    scales: tuple[float, float, float] = (0.17, 0.10, 0.20)


VARIANTS = {"inception_resnet_v2": InceptionResNetV2Config()}


def _stem(x, options):
    x = reduce(x, options, 32, "conv2d_1a")
    x = conv_norm(x, options, 32, 3, "conv2d_2a", padding="valid")
    x = conv_norm(x, options, 64, 3, "conv2d_2b")
    x = max_pool(x, 3, 2, "maxpool_3a")
    x = conv_norm(x, options, 80, 1, "conv2d_3b")
    x = conv_norm(x, options, 192, 3, "conv2d_4a", padding="valid")
    return max_pool(x, 3, 2, "maxpool_5a")


def _module_35(x, options, name):
    pooled = average_pool(x, 3, 1, f"{name}.branch3.0", padding=1, count_padding=False)
    branches = [
        conv_norm(x, options, 96, 1, f"{name}.branch0"),
        chain(x, options, ((48, 1), (64, 5)), f"{name}.branch1."),
        chain(x, options, ((64, 1), (96, 3), (96, 3)), f"{name}.branch2."),
        conv_norm(pooled, options, 64, 1, f"{name}.branch3.1"),
    ]
    return join(branches, name)


# Branches of the residual blocks after their 1x1 branch: Figures 16, 17 and 19 of the paper.
FIRST_FILTERS = (32, 192, 192)
BRANCHES = (
    (((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3))),
    (((128, 1), (160, (1, 7)), (192, (7, 1))),),
    (((192, 1), (224, (1, 3)), (256, (3, 1))),),
)


def _block(x, options, kind, scale, name, kind_of_activation="relu"):
    """Residual block: parallel branches, a 1x1 convolution, and a scale before the sum."""
    channels = {0: 320, 1: 1088, 2: 2080}[kind]
    branches = [conv_norm(x, options, FIRST_FILTERS[kind], 1, f"{name}.branch0")]
    for index, rows in enumerate(BRANCHES[kind], start=1):
        branches.append(chain(x, options, rows, f"{name}.branch{index}."))
    y = join(branches, name)
    y = convolve(y, options, channels, 1, use_bias=True, name=f"{name}.conv2d")
    if scale != 1:
        y = rescale(y, scale, f"{name}.scale")
    return activation(add(y, x, f"{name}.add"), kind_of_activation, f"{name}.act")


def _reduction_35(x, options, name):
    long = chain(x, options, ((256, 1), (256, 3)), f"{name}.branch1.")
    branches = [
        reduce(x, options, 384, f"{name}.branch0"),
        reduce(long, options, 384, f"{name}.branch1.2"),
        max_pool(x, 3, 2, f"{name}.branch2"),
    ]
    return join(branches, name)


def _reduction_17(x, options, name):
    """Figure 18 of the paper."""
    first = conv_norm(x, options, 256, 1, f"{name}.branch0.0")
    second = conv_norm(x, options, 256, 1, f"{name}.branch1.0")
    third = chain(x, options, ((256, 1), (288, 3)), f"{name}.branch2.")
    branches = [
        reduce(first, options, 384, f"{name}.branch0.1"),
        reduce(second, options, 288, f"{name}.branch1.1"),
        reduce(third, options, 320, f"{name}.branch2.2"),
        max_pool(x, 3, 2, f"{name}.branch3"),
    ]
    return join(branches, name)


def build(config, x, options, *, dropout_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    x = _module_35(_stem(x, options), options, "mixed_5b")
    reductions = (None, (_reduction_35, "mixed_6a"), (_reduction_17, "mixed_7a"))
    groups = ("repeat", "repeat_1", "repeat_2")
    for kind, (group, reduction) in enumerate(zip(groups, reductions)):
        if reduction is not None:
            function, name = reduction
            x = function(x, options, name)
        for index in range(config.blocks[kind]):
            x = _block(x, options, kind, config.scales[kind], f"{group}.{index}")
    x = _block(x, options, 2, 1, "block8", kind_of_activation=None)
    x = conv_norm(x, options, 1536, 1, "conv2d_7b")
    return options.outputs(x, options.pooled_dense("classif", dropout_rate))


FAMILY = Family(
    name="inception_resnet_v2",
    paper="Szegedy et al., Inception-v4, Inception-ResNet, AAAI 2017, Figures 15 to 19.",
    build=build,
    variants=VARIANTS,
    names=("InceptionResNetV2",),
    input_shape=(299, 299, 3),
    min_size=75,
    statistics="inception",
    depth=("blocks",),
)
