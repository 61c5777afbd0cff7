"""Tiled convolutional network: neighbouring units have different weights and are pooled together.

Le, Ngiam, Chen, Chia, Koh and Ng, "Tiled convolutional neural networks", NeurIPS 2010: two layers,
each of which squares a linear tiled convolution, sums the squares over neighbouring units and takes
the square root, so that what is pooled need not be a translation. The sizes are those of Wang and
Oates, "Imaging Time-Series to Improve Classification and Imputation", IJCAI 2015
(https://arxiv.org/abs/1506.00327), section 3: 6 maps, receptive fields of 8x8 and 3x3, pooling
over 3x3 neighbours of each unit.

Deviations: the weights are trained with the labels, in place of topographic ICA with orthogonal
filters before it; a softmax stands for the linear support vector machine.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family
from kzoo.layers import LpPooling2D, TiledConv2D


@dataclass(frozen=True)
class TiledCNNConfig:
    """Maps of each layer, sides of the receptive fields and of the pooled neighbourhoods."""

    maps: int
    fields: tuple[int, int]
    pool_size: int


# Wang and Oates, Figure 3.
VARIANTS = {"tiled_cnn": TiledCNNConfig(maps=6, fields=(8, 3), pool_size=3)}


def build(config, x, options, *, tile_size=2):
    """Build the network; see `Family`.

    `tile_size` is the k of the paper: units that many positions apart share their weights. 1 is an
    ordinary convolution.
    """
    for index, field in enumerate(config.fields, start=1):
        x = TiledConv2D(
            config.maps,
            field,
            tile_size=tile_size,
            use_bias=False,
            kernel_initializer=options.kernel_initializer,
            name=f"conv{index}",
        )(x)
        x = LpPooling2D(config.pool_size, p=2, strides=1, padding="same", name=f"pool{index}")(x)

    def classifier(x):
        return options.dense(keras.layers.Flatten(name="flatten")(x), "fc")

    return options.outputs(x, classifier)


FAMILY = Family(
    name="tiled_cnn",
    paper="Le, Ngiam et al., Tiled convolutional neural networks, NeurIPS 2010.",
    build=build,
    variants=VARIANTS,
    names=("TiledCNN",),
    input_shape=(32, 32, 3),
    classes=10,
    min_size=11,
    fixed_size=True,
    statistics="cifar10",
    plain_variants=frozenset(),
    no_conv_reason="its convolutions are tiled already",
    width=("maps",),
)
