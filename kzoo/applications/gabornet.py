"""GaborNet: the first convolution has Gabor functions for kernels, whose parameters are learned.

Alekseev and Bobkov, "GaborNet: Gabor filters with learnable parameters in deep convolutional neural
networks", 2019 (https://arxiv.org/abs/1904.13204); the network for maps of 28 x 28 is that of the
author's code (https://github.com/iKintosh/GaborNet, README), whose layer names are used.

Deviation: a kernel has the eight parameters of `kzoo.layers.GaborConv2D`, where the author's has
four (frequency, orientation, phase and one width).
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family
from kzoo.applications._parts import convolve, max_pool
from kzoo.layers import GaborConv2D


@dataclass(frozen=True)
class GaborNetConfig:
    """Gabor kernels and their side, filters of the 3x3 convolution, units of the dense layer."""

    gabor: tuple[int, int]
    filters: int
    units: int


VARIANTS = {"gabornet": GaborNetConfig(gabor=(96, 11), filters=384, units=64)}


def _leaky_relu(x, name):
    return keras.layers.LeakyReLU(negative_slope=0.01, name=f"{name}.relu")(x)


def build(config, x, options):
    """Build the network; see `Family`."""
    filters, kernel_size = config.gabor
    x = _leaky_relu(GaborConv2D(filters, kernel_size, name="g0")(x), "g0")
    x = max_pool(x, 2, 2, "g0.pool")
    x = convolve(x, options, config.filters, 3, padding="valid", use_bias=True, name="c1")
    x = max_pool(_leaky_relu(x, "c1"), 2, 2, "c1.pool")

    def classifier(x):
        x = keras.layers.Flatten(name="flatten")(x)
        x = keras.layers.Dense(config.units, kernel_initializer="he_normal", name="fc1")(x)
        return options.dense(_leaky_relu(x, "fc1"), "fc2")

    return options.outputs(x, classifier)


FAMILY = Family(
    name="gabornet",
    paper="Alekseev and Bobkov, GaborNet: Gabor filters with learnable parameters, 2019.",
    build=build,
    variants=VARIANTS,
    names=("GaborNet",),
    input_shape=(28, 28, 1),
    classes=10,
    min_size=18,
    fixed_size=True,
    statistics="mnist",
    plain_variants=frozenset(),
    no_conv_reason="its Gabor convolution is what it is for",
    width=("gabor[0]", "filters", "units"),
)
