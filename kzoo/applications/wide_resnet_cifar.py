"""Wide ResNets for CIFAR: few layers, many filters, pre-activation.

Zagoruyko, Komodakis, "Wide Residual Networks", BMVC 2016 (https://arxiv.org/abs/1605.07146), Table
1: a 3x3 convolution to 16 filters; three stages of n basic blocks with 16k, 32k and 64k filters on
maps of size 32, 16 and 8; normalisation, ReLU, global average pooling, 10 classes. WRN-d-k has d =
6n + 4 layers. Every convolution of a block stands after its normalisation and ReLU; where the shape
changes, the shortcut is a 1x1 convolution that starts from these too.

Deviations: none known. Layer names are those of the usual PyTorch reimplementation (xternalz).
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import activation, add, batch_norm, convolve


@dataclass(frozen=True)
class WideResNetCIFARConfig:
    """`blocks` is the number n of blocks in each of the three stages of `filters`."""

    blocks: int
    filters: tuple[int, int, int]


def _config(blocks, widening):
    """Return a row by the paper's n and its factor k of the filters."""
    return WideResNetCIFARConfig(blocks, (16 * widening, 32 * widening, 64 * widening))


# The paper's WRN-16-8, WRN-28-10 and WRN-40-4: 6n + 4 layers.
VARIANTS = {
    "wrn16_8_cifar": _config(blocks=2, widening=8),
    "wrn28_10_cifar": _config(blocks=4, widening=10),
    "wrn40_4_cifar": _config(blocks=6, widening=4),
}


def _block(x, options, filters, strides, dropout_rate, name):
    changes = strides > 1 or x.shape[channel_axis()] != filters
    active = activation(batch_norm(x, f"{name}.bn1"), "relu", f"{name}.relu1")
    shortcut = x
    if changes:
        shortcut = convolve(
            active, options, filters, 1, strides=strides, name=f"{name}.convShortcut"
        )
    x = convolve(active, options, filters, 3, strides=strides, name=f"{name}.conv1")
    x = activation(batch_norm(x, f"{name}.bn2"), "relu", f"{name}.relu2")
    if dropout_rate:
        x = keras.layers.Dropout(dropout_rate, name=f"{name}.drop")(x)
    x = convolve(x, options, filters, 3, name=f"{name}.conv2")
    return add(x, shortcut, f"{name}.add")


def build(config, x, options, *, dropout_rate=0.0):
    """Build the network; see `Family`.

    `dropout_rate` applies between the convolutions of each block; the paper's, where it has any, is
    0.3.
    """
    x = convolve(x, options, 16, 3, name="conv1")
    for stage, filters in enumerate(config.filters, start=1):
        for block in range(config.blocks):
            strides = 2 if stage > 1 and block == 0 else 1
            name = f"block{stage}.layer.{block}"
            x = _block(x, options, filters, strides, dropout_rate, name)
    x = activation(batch_norm(x, "bn1"), "relu", "relu")
    return options.outputs(x, options.pooled_dense("fc"))


FAMILY = Family(
    name="wide_resnet_cifar",
    paper="Zagoruyko and Komodakis, Wide Residual Networks, BMVC 2016, Table 1.",
    build=build,
    variants=VARIANTS,
    names=("WRN16_8CIFAR", "WRN28_10CIFAR", "WRN40_4CIFAR"),
    input_shape=(32, 32, 3),
    classes=10,
    statistics="cifar10",
    learning_rate=3e-3,
    width=("filters",),
    depth=("blocks",),
)
