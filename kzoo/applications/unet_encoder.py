"""The contracting path of U-Net, with a classifier in place of the expansive path.

Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation",
MICCAI 2015 (https://arxiv.org/abs/1505.04597), Figure 1: five levels of two 3x3 convolutions
without padding, a 2x2 max pooling between levels, filters that double from 64 to 1024, and dropout
after the last two levels. Layer names are those of the authors' Caffe network, where "d3b-c" is
the second convolution of the level of index 3.

`include_top=False` gives the last map, 28 x 28 for the paper's inputs of 572 x 572; the maps that
U-Net joins to its expansive path are the outputs of "relu_d0c" to "relu_d2c" and "dropout_d3c".
Odd maps lose their last row and column in the pooling, which the paper's sizes avoid.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family
from kzoo.applications._parts import activation, convolve, max_pool


@dataclass(frozen=True)
class UNetEncoderConfig:
    """Filters of each level."""

    filters: tuple[int, ...]


VARIANTS = {"unet_encoder": UNetEncoderConfig((64, 128, 256, 512, 1024))}


def build(config, x, options, *, dropout_rate=0.5):
    """Build the network; see `Family`. `dropout_rate` applies after the last two levels."""
    last = len(config.filters) - 1
    for level, filters in enumerate(config.filters):
        if level:
            x = max_pool(x, 2, 2, f"pool_d{level - 1}c-{level}a")
        for before, after in ("ab", "bc"):
            x = convolve(
                x,
                options,
                filters,
                3,
                padding="valid",
                use_bias=True,
                name=f"conv_d{level}{before}-{after}",
            )
            x = activation(x, "relu", f"relu_d{level}{after}")
        if level >= last - 1:
            x = keras.layers.Dropout(dropout_rate, name=f"dropout_d{level}c")(x)
    return options.outputs(x, options.pooled_dense("fc"))


FAMILY = Family(
    name="unet_encoder",
    paper="Ronneberger et al., U-Net: Convolutional Networks for Biomedical Image Segmentation, "
    "MICCAI 2015.",
    build=build,
    variants=VARIANTS,
    names=("UNetEncoder",),
    input_shape=(572, 572, 1),
    classes=2,
    min_size=140,
    learning_rate=1e-4,
    width=("filters",),
)
