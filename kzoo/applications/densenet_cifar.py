"""DenseNet-BC for CIFAR: three dense blocks at 32, 16 and 8 pixels.

Huang, Liu, van der Maaten, Weinberger, "Densely Connected Convolutional Networks", CVPR 2017
(https://arxiv.org/abs/1608.06993), section 3 and Table 2; `densenet_bc_100_12_cifar` has depth 100
and growth rate 12. Layer names are those of the ImageNet networks.
"""

from dataclasses import dataclass

from kzoo.applications._family import Family
from kzoo.applications._parts import convolve
from kzoo.applications.densenet import dense_blocks


@dataclass(frozen=True)
class DenseNetCifarConfig:
    """Layers in each of the three dense blocks, and growth rate."""

    layers: int
    growth: int


# Table 2 of the paper, its last three rows: n layers of two convolutions in a block make a depth of
# 6n + 4, with the first convolution, two transitions and the classifier.
VARIANTS = {
    "densenet_bc_100_12_cifar": DenseNetCifarConfig(16, 12),
    "densenet_bc_250_24_cifar": DenseNetCifarConfig(41, 24),
    "densenet_bc_190_40_cifar": DenseNetCifarConfig(31, 40),
}


def build(config, x, options, *, dropout_rate=0.0):
    """Build the network; see `Family`.

    `dropout_rate` applies after each convolution but the first; the paper's is 0.2 where the images
    are not augmented.
    """
    x = convolve(x, options, 2 * config.growth, 3, name="features.conv0")
    x = dense_blocks(x, options, (config.layers,) * 3, config.growth, dropout_rate)
    return options.outputs(x, options.pooled_dense("classifier"))


FAMILY = Family(
    name="densenet_cifar",
    paper="Huang et al., Densely Connected Convolutional Networks, CVPR 2017, Table 2.",
    build=build,
    variants=VARIANTS,
    names=("DenseNetBC100_12Cifar", "DenseNetBC250_24Cifar", "DenseNetBC190_40Cifar"),
    input_shape=(32, 32, 3),
    classes=10,
    min_size=4,
    statistics="cifar10",
    width=("growth",),
    depth=("layers",),
)
