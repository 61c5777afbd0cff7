"""The pattern `[(conv-relu)*N-pool?]*M-(fc-relu)*K-softmax` of classic networks.

Li, Johnson, Yeung, course notes of Stanford CS231n, "Convolutional Neural Networks", section "Layer
Patterns": M blocks of N convolutions, each block perhaps ended by a pooling, then K dense layers.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family
from kzoo.layers._args import integer


@dataclass(frozen=True)
class PatternConfig:
    """N convolutions in each of M blocks, then K dense layers; `filters` doubles by block."""

    convs: int
    blocks: int
    dense: int
    filters: int
    units: int


VARIANTS = {
    # "INPUT -> [CONV -> RELU -> CONV -> RELU -> POOL]*3 -> [FC -> RELU]*2 -> FC" of the notes.
    "cs231n": PatternConfig(convs=2, blocks=3, dense=2, filters=32, units=256),
}


def build(
    config,
    x,
    options,
    *,
    n=None,
    m=None,
    k=None,
    filters=None,
    units=None,
    kernel_size=3,
    pool=True,
    dropout_rate=0.0,
):
    """Build the network; see `Family`.

    `n`, `m` and `k` are the N, M and K of the pattern; `filters` is one number, or one per block;
    `units` is the width of the dense layers; `pool` ends each block by a 2 x 2 max-pooling;
    `dropout_rate` applies after each dense layer. Where `None`, the variant's own value.
    """
    n = integer(config.convs if n is None else n, "n", minimum=0)
    m = integer(config.blocks if m is None else m, "m", minimum=0)
    k = integer(config.dense if k is None else k, "k", minimum=0)
    units = integer(config.units if units is None else units, "units")
    for block, width in enumerate(_filters(filters, m, config), start=1):
        for index in range(1, n + 1):
            name = f"block{block}.conv{index}"
            x = options.conv(width, kernel_size, padding="same", name=name)(x)
            x = keras.layers.Activation("relu", name=f"{name}.relu")(x)
        if pool:
            x = keras.layers.MaxPooling2D(2, padding="same", name=f"block{block}.pool")(x)

    def classifier(x):
        x = keras.layers.Flatten(name="flatten")(x)
        for index in range(1, k + 1):
            x = keras.layers.Dense(units, kernel_initializer="he_normal", name=f"fc{index}")(x)
            x = keras.layers.Activation("relu", name=f"fc{index}.relu")(x)
            if dropout_rate:
                x = keras.layers.Dropout(dropout_rate, name=f"fc{index}.drop")(x)
        return options.dense(x, "output")

    return options.outputs(x, classifier)


def _filters(filters, blocks, config):
    """Return the number of filters of each block."""
    if filters is None:
        return [config.filters * 2**block for block in range(blocks)]
    if isinstance(filters, int):
        filters = [filters] * blocks
    if len(filters) != blocks:
        raise ValueError(
            f"filters must be one number, or one for each of the {blocks} blocks; received "
            f"{filters!r}."
        )
    return [integer(width, "filters") for width in filters]


FAMILY = Family(
    name="cs231n",
    paper="Li, Johnson, Yeung, CS231n course notes, Convolutional Neural Networks, Layer Patterns.",
    build=build,
    variants=VARIANTS,
    names=("CS231n",),
    input_shape=(32, 32, 3),
    classes=10,
    fixed_size=True,
    statistics="cifar10",
    width=("filters", "units"),
    depth=("convs",),
)
