"""DeepFace: locally connected layers for aligned faces.

Taigman, Yang, Ranzato and Wolf, "DeepFace: Closing the Gap to Human-Level Performance in Face
Verification", CVPR 2014, section 3.1 and Figure 2, whose layer names are used: two convolutions
with a max pooling between them, then three layers without shared weights, because in an aligned
face every place has statistics of its own, then two dense layers, the first of which represents
the face. All but the last end in ReLU.

Deviation: inputs are normalised by the mean and standard deviation of natural images.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family
from kzoo.applications._parts import activation, convolve, max_pool
from kzoo.layers import LocallyConnected2D


@dataclass(frozen=True)
class DeepFaceConfig:
    """Filters and kernel sizes of both convolutions, and of the local layers with their strides."""

    convs: tuple[tuple[int, int], tuple[int, int]]
    local: tuple[tuple[int, int, int], ...]
    units: int


# Figure 2 of the paper.
VARIANTS = {
    "deepface": DeepFaceConfig(
        convs=((32, 11), (16, 9)), local=((16, 9, 1), (16, 7, 2), (16, 5, 1)), units=4096
    )
}


def build(config, x, options, *, dropout_rate=0.5):
    """Build the network; see `Family`. `dropout_rate` applies after the first dense layer."""
    for index, (filters, kernel_size) in zip((1, 3), config.convs):
        name = f"C{index}"
        x = convolve(x, options, filters, kernel_size, padding="valid", use_bias=True, name=name)
        x = activation(x, "relu", f"{name}.relu")
        if index == 1:
            x = max_pool(x, 3, 2, "M2", padding="same")
    for index, (filters, kernel_size, strides) in enumerate(config.local, start=4):
        x = LocallyConnected2D(
            filters,
            kernel_size,
            strides=strides,
            kernel_initializer=options.kernel_initializer,
            name=f"L{index}",
        )(x)
        x = activation(x, "relu", f"L{index}.relu")

    def classifier(x):
        x = keras.layers.Flatten(name="flatten")(x)
        x = keras.layers.Dense(config.units, kernel_initializer="he_normal", name="F7")(x)
        return options.dense(activation(x, "relu", "F7.relu"), "F8", dropout_rate)

    return options.outputs(x, classifier)


FAMILY = Family(
    name="deepface",
    paper="Taigman et al., DeepFace: Closing the Gap to Human-Level Performance, CVPR 2014.",
    build=build,
    variants=VARIANTS,
    names=("DeepFace",),
    input_shape=(152, 152, 3),
    classes=4030,
    min_size=71,
    fixed_size=True,
    plain_variants=frozenset(),
    no_conv_reason="its layers without shared weights are what it is for",
    learning_rate=1e-4,
    width=("convs[0]", "local[0]", "units"),
)
