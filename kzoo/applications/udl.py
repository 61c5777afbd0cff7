"""The two networks for MNIST-1D of "Understanding Deep Learning".

Prince, "Understanding Deep Learning", MIT Press 2023, section 10.2.6 and Figure 10.7: `udl_conv1d`
has three convolutions of kernel 3 and stride 2 with 15 channels (2,050 parameters), `udl_dense` is
its fully connected rival (59,065 parameters).

Deviations: none known.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family


@dataclass(frozen=True)
class UDLConfig:
    """`filters` of the convolutions, or `units` of the hidden dense layers."""

    filters: tuple[int, ...] = ()
    units: tuple[int, ...] = ()


# Figure 10.7 and its text.
VARIANTS = {
    "udl_conv1d": UDLConfig(filters=(15, 15, 15)),
    "udl_dense": UDLConfig(units=(285, 135, 60)),
}


def build(config, x, options):
    """Build the network; see `Family`."""
    for index, filters in enumerate(config.filters, start=1):
        x = options.conv(filters, 3, strides=2, padding="valid", name=f"conv{index}")(x)
        x = keras.layers.Activation("relu", name=f"conv{index}.relu")(x)
    if config.units:
        x = keras.layers.Flatten("channels_last", name="flatten")(x)
    for index, units in enumerate(config.units, start=1):
        x = keras.layers.Dense(units, kernel_initializer="he_normal", name=f"fc{index}")(x)
        x = keras.layers.Activation("relu", name=f"fc{index}.relu")(x)

    def classifier(x):
        if config.filters:
            x = keras.layers.Flatten("channels_last", name="flatten")(x)
        return options.dense(x, "fc")

    return options.outputs(x, classifier)


FAMILY = Family(
    name="udl",
    paper="Prince, Understanding Deep Learning, MIT Press 2023, Figure 10.7.",
    build=build,
    variants=VARIANTS,
    names=("UDLConv1D", "UDLDense"),
    input_shape=(40, 1),
    classes=10,
    min_size=15,
    fixed_size=True,
    statistics=None,
    plain_variants=frozenset({"udl_conv1d"}),
    no_conv_reason="it has no convolution",
    width=("filters", "units"),
)
