"""AlexNet: the first convolutional network to win the ImageNet challenge, on one GPU.

Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014
(https://arxiv.org/abs/1404.5997), section 5, after Krizhevsky, Sutskever, Hinton, "ImageNet
Classification with Deep Convolutional Neural Networks", NeurIPS 2012. Layer names are
torchvision's.

Deviations: as in torchvision, the fourth convolution has 256 filters, where the paper has 384;
there is no local response normalisation; the last map is brought to 6 x 6 by adaptive average
pooling, which changes nothing at 224 x 224, so that any input of at least 63 x 63 works.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family
from kzoo.applications._parts import activation, convolve, max_pool
from kzoo.layers import SpatialPyramidPooling2D


@dataclass(frozen=True)
class AlexNetConfig:
    """Filters, kernel size, strides and padding of each convolution, and which are pooled after.

    `units` are those of both hidden dense layers.
    """

    convs: tuple[tuple[int, int, int, int], ...]
    pooled: tuple[int, ...] = (0, 1, 4)
    units: int = 4096


VARIANTS = {
    "alexnet": AlexNetConfig(
        ((64, 11, 4, 2), (192, 5, 1, 2), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1))
    )
}


def _features(config, x, options):
    index = 0
    for number, (filters, kernel_size, strides, padding) in enumerate(config.convs):
        x = convolve(
            x,
            options,
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            use_bias=True,
            name=f"features.{index}",
        )
        x = activation(x, "relu", f"features.{index + 1}")
        index += 2
        if number in config.pooled:
            x = max_pool(x, 3, 2, f"features.{index}")
            index += 1
    return x


def build(config, x, options, *, dropout_rate=0.5):
    """Build the network; see `Family`. `dropout_rate` applies before both hidden dense layers."""

    def classifier(x):
        x = SpatialPyramidPooling2D((6,), mode="average", name="avgpool")(x)
        for index in (0, 3):
            x = keras.layers.Dropout(dropout_rate, name=f"classifier.{index}")(x)
            x = keras.layers.Dense(config.units, name=f"classifier.{index + 1}")(x)
            x = activation(x, "relu", f"classifier.{index + 2}")
        return options.dense(x, "classifier.6")

    return options.outputs(_features(config, x, options), classifier)


FAMILY = Family(
    name="alexnet",
    paper="Krizhevsky, One weird trick for parallelizing convolutional neural networks, 2014.",
    build=build,
    variants=VARIANTS,
    names=("AlexNet",),
    input_shape=(224, 224, 3),
    min_size=63,
    learning_rate=1e-4,
    width=("convs[0]", "units"),
)
