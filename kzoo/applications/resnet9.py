"""ResNet-9, the small network that learns CIFAR-10 fast.

Page, "How to Train Your ResNet", 2018 (https://github.com/davidcpage/cifar10-fast, `dawn.py`),
which reached 94 % in 79 seconds on one V100, and DAWNBench's first place: a 3x3 convolution; three
more, each halved by max-pooling, of which the first and the last are followed by a residual block
of two; global max-pooling, and a classifier without bias whose logits are multiplied by 1/8. Every
convolution is normalised and rectified, also the second of a block, before the sum.

Deviations: the last pooling is global, which at 32 x 32 are the published 4 x 4. Layer names are
those of the state dict.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family, head_dtype
from kzoo.applications._parts import activation, add, batch_norm, convolve, max_pool


@dataclass(frozen=True)
class ResNet9Config:
    """`filters` of the first convolution and of the three layers that halve the map."""

    filters: tuple[int, int, int, int] = (64, 128, 256, 512)


VARIANTS = {"resnet9_cifar": ResNet9Config()}

LOGIT_SCALE = 0.125


def _conv_norm_relu(x, options, filters, name):
    x = batch_norm(convolve(x, options, filters, 3, name=f"{name}_conv"), f"{name}_bn")
    return activation(x, "relu", f"{name}_relu")


def _residual(x, options, filters, name):
    branch = x
    for part in ("res1", "res2"):
        branch = _conv_norm_relu(branch, options, filters, f"{name}_{part}")
    return add(branch, x, f"{name}_add")


def build(config, x, options):
    """Build the network; see `Family`."""
    first, *filters = config.filters
    x = _conv_norm_relu(x, options, first, "prep")
    for layer, width in enumerate(filters, start=1):
        name = f"layer{layer}"
        x = max_pool(_conv_norm_relu(x, options, width, name), 2, 2, f"{name}_pool")
        if layer != 2:
            x = _residual(x, options, width, f"{name}_residual")

    def classifier(x):
        x = options.pool(x, "max")
        dtype = head_dtype()
        x = keras.layers.Dense(options.classes, use_bias=False, dtype=dtype, name="linear")(x)
        return keras.layers.Rescaling(LOGIT_SCALE, dtype=dtype, name="logits")(x)

    return options.outputs(x, classifier)


FAMILY = Family(
    name="resnet9",
    paper="Page, How to Train Your ResNet, 2018.",
    build=build,
    variants=VARIANTS,
    names=("ResNet9CIFAR",),
    input_shape=(32, 32, 3),
    classes=10,
    min_size=8,
    statistics="cifar10",
    learning_rate=3e-3,
    width=("filters",),
)
