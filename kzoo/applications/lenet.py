"""LeNet-5.

LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition",
Proceedings of the IEEE 86(11), 1998, section II.B and Figure 2: 32 x 32 characters, C1, S2, C3, S4,
C5, F6. Layer names are the paper's.

Deviations: subsampling is plain average pooling, without the paper's trainable coefficient and bias
per map; `tanh` is not rescaled; the output is a dense layer instead of radial basis functions.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family
from kzoo.layers import ConnectionTableConv2D


@dataclass(frozen=True)
class LeNetConfig:
    """Maps in C1 and C3, units in C5 and F6."""

    maps: tuple[int, int]
    units: tuple[int, int]


PAPER_MAPS = (6, 16)
VARIANTS = {"lenet5": LeNetConfig(maps=PAPER_MAPS, units=(120, 84))}

# Table I of the paper: the maps of S2 (rows) that each map of C3 (columns) sees; 60 links.
C3_TABLE = (
    (1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1),
    (1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1),
    (1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1, 1),
    (0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 0, 1, 1),
    (0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1, 0, 1),
    (0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1, 1),
)


def build(config, x, options, *, connections="full"):
    """Build the network; see `Family`.

    `connections` is "full", or "paper" for the table of C3 (1,516 weights instead of 2,416), which
    leaves no room for another convolution there.
    """
    if connections not in ("full", "paper"):
        raise ValueError(f"connections must be 'full' or 'paper'; received {connections!r}.")
    if connections == "paper" and config.maps != PAPER_MAPS:
        raise ValueError(
            f"connections='paper' is a table of {PAPER_MAPS} maps and the width makes it "
            f"{config.maps}: give one of the two."
        )
    if connections == "paper" and options.conv_name != "standard":
        raise ValueError(
            f"connections='paper' fixes the convolution C3 and conv={options.conv_name!r} replaces "
            "it: give one of the two."
        )

    def tanh(x, name):
        return keras.layers.Activation("tanh", name=name)(x)

    x = tanh(options.conv(config.maps[0], 5, padding="valid", name="c1")(x), "c1.tanh")
    x = keras.layers.AveragePooling2D(2, name="s2")(x)
    if connections == "paper":
        x = ConnectionTableConv2D(5, C3_TABLE, name="c3")(x)
    else:
        x = options.conv(config.maps[1], 5, padding="valid", name="c3")(x)
    x = keras.layers.AveragePooling2D(2, name="s4")(tanh(x, "c3.tanh"))

    def classifier(x):
        x = keras.layers.Flatten(name="flatten")(x)
        for name, units in zip(("c5", "f6"), config.units):
            x = tanh(keras.layers.Dense(units, name=name)(x), f"{name}.tanh")
        return options.dense(x, "output")

    return options.outputs(x, classifier)


FAMILY = Family(
    name="lenet",
    paper="LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998, Figure 2.",
    build=build,
    variants=VARIANTS,
    names=("LeNet5",),
    input_shape=(32, 32, 1),
    classes=10,
    min_size=16,
    fixed_size=True,
    statistics="mnist",
    kernel_initializer="glorot_uniform",
    width=("maps", "units"),
)
