"""All-CNN-C: a network of convolutions alone, strided ones in place of pooling.

Springenberg, Dosovitskiy, Brox, Riedmiller, "Striving for Simplicity: The All Convolutional Net",
ICLR 2015 workshop (https://arxiv.org/abs/1412.6806), Tables 1 and 2.

Deviations: none known. The seventh convolution is not padded, as in the authors' own network: with
32 x 32 inputs its map is 6 x 6.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family, head_dtype
from kzoo.applications._parts import convolve


@dataclass(frozen=True)
class AllCNNConfig:
    """`filters` before and after the first strided convolution."""

    filters: tuple[int, int]


# Table 1 (model C) with its pooling replaced as in Table 2.
VARIANTS = {"all_cnn_c": AllCNNConfig(filters=(96, 192))}


def build(config, x, options, *, dropout_rate=0.5, input_dropout_rate=0.2):
    """Build the network; see `Family`.

    `input_dropout_rate` applies to the image, `dropout_rate` after both strided convolutions
    (section 3.1 of the paper).
    """
    first, second = config.filters

    def relu(x, index):
        return keras.layers.Activation("relu", name=f"relu{index}")(x)

    x = keras.layers.Dropout(input_dropout_rate, name="drop0")(x)
    for index, (filters, strides) in enumerate(
        ((first, 1), (first, 1), (first, 2), (second, 1), (second, 1), (second, 2)), start=1
    ):
        x = convolve(x, options, filters, 3, strides=strides, use_bias=True, name=f"conv{index}")
        x = relu(x, index)
        if strides == 2:
            x = keras.layers.Dropout(dropout_rate, name=f"drop{index}")(x)
    x = relu(convolve(x, options, second, 3, padding="valid", use_bias=True, name="conv7"), 7)
    x = relu(convolve(x, options, second, 1, use_bias=True, name="conv8"), 8)

    def classifier(x):
        x = options.plain_conv(options.classes, 1, dtype=head_dtype(), name="conv9")(x)
        x = keras.layers.Activation("relu", dtype=head_dtype(), name="relu9")(x)
        return keras.layers.GlobalAveragePooling2D(dtype=head_dtype(), name="global_pool")(x)

    return options.outputs(x, classifier)


FAMILY = Family(
    name="all_cnn",
    paper="Springenberg et al., Striving for Simplicity: The All Convolutional Net, ICLR 2015.",
    build=build,
    variants=VARIANTS,
    names=("AllCNNC",),
    input_shape=(32, 32, 3),
    classes=10,
    min_size=9,
    statistics="cifar10",
    width=("filters",),
)
