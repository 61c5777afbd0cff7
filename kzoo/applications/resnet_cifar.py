"""ResNets for CIFAR-10, with shortcuts that have no parameters.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016
(https://arxiv.org/abs/1512.03385), section 4.2: a 3x3 convolution, three stages of n basic blocks
with 16, 32 and 64 filters on maps of size 32, 16 and 8, global average pooling, 10 classes;
6n + 2 layers. Where the number of filters grows, the shortcut takes every second pixel and pads the
new channels with zeros (option A).

Deviations: none known. The paper does not say how the zero channels are placed; here half of them
go before and half after, as in the usual PyTorch reimplementation, whose layer names are used.
"""

from dataclasses import dataclass

from kzoo.applications._family import Family
from kzoo.applications._parts import activation, add, batch_norm, convolve
from kzoo.layers import IdentityShortcut2D


@dataclass(frozen=True)
class ResNetCIFARConfig:
    """`blocks` is the number n of basic blocks in each of the three stages of `filters`."""

    blocks: int
    filters: tuple[int, int, int] = (16, 32, 64)


# Table 6 of the paper: 6n + 2 layers.
VARIANTS = {
    "resnet20_cifar": ResNetCIFARConfig(blocks=3),
    "resnet32_cifar": ResNetCIFARConfig(blocks=5),
    "resnet44_cifar": ResNetCIFARConfig(blocks=7),
    "resnet56_cifar": ResNetCIFARConfig(blocks=9),
    "resnet110_cifar": ResNetCIFARConfig(blocks=18),
}


def _block(x, options, filters, strides, name):
    shortcut = x
    x = convolve(x, options, filters, 3, strides=strides, name=f"{name}.conv1")
    x = activation(batch_norm(x, f"{name}.bn1"), "relu", f"{name}.relu1")
    x = batch_norm(convolve(x, options, filters, 3, name=f"{name}.conv2"), f"{name}.bn2")
    if strides != 1:
        shortcut = IdentityShortcut2D(filters, strides, name=f"{name}.shortcut")(shortcut)
    return activation(add(x, shortcut, f"{name}.add"), "relu", f"{name}.relu2")


def build(config, x, options):
    """Build the network; see `Family`."""
    x = batch_norm(convolve(x, options, config.filters[0], 3, name="conv1"), "bn1")
    x = activation(x, "relu", "relu1")
    for stage, filters in enumerate(config.filters, start=1):
        for block in range(config.blocks):
            strides = 2 if stage > 1 and block == 0 else 1
            x = _block(x, options, filters, strides, f"layer{stage}.{block}")
    return options.outputs(x, options.pooled_dense("fc"))


FAMILY = Family(
    name="resnet_cifar",
    paper="He et al., Deep Residual Learning for Image Recognition, CVPR 2016, section 4.2.",
    build=build,
    variants=VARIANTS,
    names=("ResNet20CIFAR", "ResNet32CIFAR", "ResNet44CIFAR", "ResNet56CIFAR", "ResNet110CIFAR"),
    input_shape=(32, 32, 3),
    classes=10,
    statistics="cifar10",
    learning_rate=3e-3,
    width=("filters",),
    depth=("blocks",),
)
