"""Maxout networks for colour images: each unit is the largest of several linear functions.

Goodfellow, Warde-Farley, Mirza, Courville and Bengio, "Maxout networks", ICML 2013
(https://arxiv.org/abs/1302.4389), sections 5.2 and 5.4: three convolutions, each followed by the
maximum over pieces and over overlapping windows, then a dense maxout layer.
The sizes are those of the authors' code (pylearn2, `scripts/papers/maxout`), whose layer names are
used; a window that overlaps the end of a map counts, as there.

Deviations: inputs are normalised by mean and standard deviation, not whitened; the dropout of the
image rescales what it keeps, as all dropout does. Both data sets share the statistics of CIFAR-10.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import convolve, max_pool
from kzoo.layers import Maxout


@dataclass(frozen=True)
class MaxoutConfig:
    """`convs`: channels, pieces, kernel, padding, side of the pooling; `dense`: units, pieces."""

    convs: tuple[tuple[int, int, int, int, int], ...]
    dense: tuple[int, int] | None = None


# pylearn2's cifar10.yaml and svhn.yaml; all pooling has a stride of 2.
VARIANTS = {
    "maxout_cifar": MaxoutConfig(
        ((96, 2, 8, 4, 4), (192, 2, 8, 3, 4), (192, 2, 5, 3, 2)), dense=(500, 5)
    ),
    "maxout_svhn": MaxoutConfig(
        ((64, 2, 5, 4, 3), (128, 2, 5, 3, 3), (128, 2, 5, 3, 3)), dense=(400, 5)
    ),
}


def build(config, x, options, *, dropout_rate=0.5, input_dropout_rate=0.2):
    """Build the network; see `Family`.

    `input_dropout_rate` applies to the image, `dropout_rate` before every other layer.
    """
    rate = input_dropout_rate
    for index, (channels, pieces, kernel_size, padding, pool_size) in enumerate(config.convs):
        name = f"h{index}"
        x = keras.layers.Dropout(rate, name=f"{name}.drop")(x)
        x = convolve(
            x, options, channels * pieces, kernel_size, padding=padding, use_bias=True, name=name
        )
        x = Maxout(pieces, axis=channel_axis(), name=f"{name}.maxout")(x)
        x = max_pool(x, pool_size, 2, f"{name}.pool", ceil=True)
        rate = dropout_rate

    def classifier(x):
        x = keras.layers.Flatten(name="flatten")(x)
        if config.dense is not None:
            units, pieces = config.dense
            x = keras.layers.Dropout(dropout_rate, name="h3.drop")(x)
            x = keras.layers.Dense(units * pieces, kernel_initializer="he_normal", name="h3")(x)
            x = Maxout(pieces, name="h3.maxout")(x)
        return options.dense(x, "y", dropout_rate)

    return options.outputs(x, classifier)


FAMILY = Family(
    name="maxout",
    paper="Goodfellow et al., Maxout networks, ICML 2013.",
    build=build,
    variants=VARIANTS,
    names=("MaxoutCIFAR", "MaxoutSVHN"),
    input_shape=(32, 32, 3),
    classes=10,
    min_size=16,
    fixed_size=True,
    statistics="cifar10",
    width=("convs[0]", "dense[0]"),
)
