"""A small residual network for MNIST-1D, of kzoo's own design.

Residual blocks of He et al. (2016) on one axis and global average pooling, so that shifts of the
signal, which the data is generated with, hardly matter. Widths and kernel size were chosen on a
validation split of the training set; `README.md` has the test accuracy and its command.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family
from kzoo.layers import BatchNormalization


@dataclass(frozen=True)
class MNIST1DResNetConfig:
    """`filters` of each residual block and their `kernel_size`; later blocks halve the length."""

    filters: tuple[int, ...]
    kernel_size: int


VARIANTS = {"mnist1d_resnet": MNIST1DResNetConfig(filters=(32, 64), kernel_size=5)}


def _norm(x, name):
    return BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)


def _relu(x, name):
    return keras.layers.Activation("relu", name=name)(x)


def _block(x, conv, plain_conv, filters, kernel_size, strides, name):
    def convolve(x, strides, name):
        return conv(
            filters, kernel_size, strides=strides, padding="same", use_bias=False, name=name
        )(x)

    shortcut = x
    if strides != 1 or x.shape[-1] != filters:
        shortcut = plain_conv(
            filters, 1, strides=strides, use_bias=False, name=f"{name}.downsample.0"
        )(x)
        shortcut = _norm(shortcut, f"{name}.downsample.1")
    x = _relu(_norm(convolve(x, strides, f"{name}.conv1"), f"{name}.bn1"), f"{name}.relu1")
    x = _norm(convolve(x, 1, f"{name}.conv2"), f"{name}.bn2")
    return _relu(keras.layers.Add(name=f"{name}.add")([x, shortcut]), f"{name}.relu2")


def build(config, x, options, *, dropout_rate=0.2):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    first = config.filters[0]
    x = options.conv(first, 7, padding="same", use_bias=False, name="conv1")(x)
    x = _relu(_norm(x, "bn1"), "relu1")
    for index, filters in enumerate(config.filters):
        x = _block(
            x,
            options.conv,
            options.plain_conv,
            filters,
            config.kernel_size,
            strides=1 if index == 0 else 2,
            name=f"layer{index + 1}",
        )
    return options.outputs(x, options.pooled_dense("fc", dropout_rate))


FAMILY = Family(
    name="mnist1d_resnet",
    paper="kzoo's own, after He et al., Deep Residual Learning for Image Recognition, CVPR 2016.",
    build=build,
    variants=VARIANTS,
    names=("MNIST1DResNet",),
    input_shape=(40, 1),
    classes=10,
    statistics=None,
    learning_rate=3e-3,
)
