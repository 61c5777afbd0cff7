"""SqueezeNet: few parameters by Fire modules, which squeeze channels before 3x3 convolutions.

Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer, "SqueezeNet: AlexNet-level accuracy with 50x fewer
parameters and <0.5MB model size", 2016 (https://arxiv.org/abs/1602.07360), Table 1; and version 1.1
of the authors' repository (https://github.com/forresti/SqueezeNet), which computes 2.4 times less.
Layer names are torchvision's.

Deviations: none known.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family, channel_axis, head_dtype
from kzoo.applications._parts import activation, convolve, max_pool


@dataclass(frozen=True)
class SqueezeNetConfig:
    """The first convolution, and the places in `features` that hold a pooling.

    `squeeze` is s1x1 of the Fire modules, whose e1x1 and e3x3 are four times as many.
    """

    filters: int
    kernel_size: int
    pools: tuple[int, int, int]
    squeeze: tuple[int, ...] = (16, 16, 32, 32, 48, 48, 64, 64)  # Table 1 of the paper


VARIANTS = {
    "squeezenet1_0": SqueezeNetConfig(filters=96, kernel_size=7, pools=(2, 6, 11)),
    "squeezenet1_1": SqueezeNetConfig(filters=64, kernel_size=3, pools=(2, 5, 8)),
}


def _fire(x, options, squeeze, name):
    """Figure 1 of the paper."""
    x = convolve(x, options, squeeze, 1, use_bias=True, name=f"{name}.squeeze")
    x = activation(x, "relu", f"{name}.squeeze_activation")
    branches = []
    for size in (1, 3):
        branch = f"{name}.expand{size}x{size}"
        y = convolve(x, options, 4 * squeeze, size, use_bias=True, name=branch)
        branches.append(activation(y, "relu", f"{branch}_activation"))
    return keras.layers.Concatenate(axis=channel_axis(), name=f"{name}.concat")(branches)


def build(config, x, options, *, dropout_rate=0.5):
    """Build the network; see `Family`. `dropout_rate` applies before the last convolution."""
    x = convolve(
        x,
        options,
        config.filters,
        config.kernel_size,
        strides=2,
        padding="valid",
        use_bias=True,
        name="features.0",
    )
    x = activation(x, "relu", "features.1")
    squeeze = iter(config.squeeze)
    for index in range(2, 2 + len(config.pools) + len(config.squeeze)):
        if index in config.pools:
            x = max_pool(x, 3, 2, f"features.{index}", ceil=True)
        else:
            x = _fire(x, options, next(squeeze), f"features.{index}")

    def classifier(x):
        dtype = head_dtype()
        x = keras.layers.Dropout(dropout_rate, name="classifier.0")(x)
        x = options.plain_conv(options.classes, 1, dtype=dtype, name="classifier.1")(x)
        x = keras.layers.Activation("relu", dtype=dtype, name="classifier.2")(x)
        return keras.layers.GlobalAveragePooling2D(dtype=dtype, name="classifier.3")(x)

    return options.outputs(x, classifier)


FAMILY = Family(
    name="squeezenet",
    paper="Iandola et al., SqueezeNet, 2016, Table 1; version 1.1 of the authors' repository.",
    build=build,
    variants=VARIANTS,
    names=("SqueezeNet1_0", "SqueezeNet1_1"),
    input_shape=(224, 224, 3),
    min_size=21,
    width=("filters", "squeeze"),
)
