"""ZFNet: AlexNet with smaller kernels and strides in its first layers.

Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014
(https://arxiv.org/abs/1311.2901), Figure 3.

Deviations: maps are not contrast-normalised after the first two poolings. The paper prints the
sizes of the maps (110, 55, 26, 13, 6) and not the padding; they follow from one pixel around the
image and poolings whose last window may reach over the edge. The last map is brought to 6 x 6 by
adaptive average pooling, which changes nothing at 224 x 224, so that any input of at least 47 x 47
works. Layers are named as in Caffe.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family
from kzoo.applications._parts import activation, convolve, max_pool
from kzoo.layers import SpatialPyramidPooling2D


@dataclass(frozen=True)
class ZFNetConfig:
    """Filters, kernel size, strides and padding of each convolution, and which are pooled after.

    `units` are those of both hidden dense layers.
    """

    convs: tuple[tuple[int, int, int, int], ...]
    pooled: tuple[int, ...] = (1, 2, 5)
    units: int = 4096


# Figure 3 of the paper.
VARIANTS = {
    "zfnet": ZFNetConfig(
        ((96, 7, 2, 1), (256, 5, 2, 0), (384, 3, 1, 1), (384, 3, 1, 1), (256, 3, 1, 1))
    )
}


def build(config, x, options, *, dropout_rate=0.5):
    """Build the network; see `Family`. `dropout_rate` applies after both hidden dense layers."""
    for index, (filters, kernel_size, strides, padding) in enumerate(config.convs, start=1):
        x = convolve(
            x,
            options,
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            use_bias=True,
            name=f"conv{index}",
        )
        x = activation(x, "relu", f"relu{index}")
        if index in config.pooled:
            x = max_pool(x, 3, 2, f"pool{index}", ceil=True)

    def classifier(x):
        x = SpatialPyramidPooling2D((6,), mode="average", name="avgpool")(x)
        for index in (6, 7):
            x = keras.layers.Dense(config.units, name=f"fc{index}")(x)
            x = activation(x, "relu", f"relu{index}")
            x = keras.layers.Dropout(dropout_rate, name=f"drop{index}")(x)
        return options.dense(x, "fc8")

    return options.outputs(x, classifier)


FAMILY = Family(
    name="zfnet",
    paper="Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014.",
    build=build,
    variants=VARIANTS,
    names=("ZFNet",),
    input_shape=(224, 224, 3),
    min_size=47,
    learning_rate=1e-4,
    width=("convs[0]", "units"),
)
