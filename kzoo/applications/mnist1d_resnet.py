"""A small residual network for MNIST-1D, of kzoo's own design.

Residual blocks of He et al. (2016) on one axis and global average pooling, so that shifts of the
signal, which the data is generated with, hardly matter. Widths and kernel size were chosen on a
validation split of the training set; `README.md` has the test accuracy and its command.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family
from kzoo.layers import BatchNormalization
from kzoo.layers._args import integer


@dataclass(frozen=True)
class MNIST1DResNetConfig:
    """`filters`, `kernel_size` and residual `blocks` of the stages; later ones halve the length."""

    filters: tuple[int, ...]
    kernel_size: int
    blocks: int = 1


VARIANTS = {"mnist1d_resnet": MNIST1DResNetConfig(filters=(32, 64), kernel_size=5)}


def _norm(x, name):
    return BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)


def _relu(x, name):
    return keras.layers.Activation("relu", name=name)(x)


def _block(x, options, filters, kernel_size, strides, name):
    def convolve(x, strides, name):
        return options.conv(
            filters, kernel_size, strides=strides, padding="same", use_bias=False, name=name
        )(x)

    shortcut = x
    if strides != 1 or x.shape[-1] != filters:
        shortcut = options.plain_conv(
            filters, 1, strides=strides, use_bias=False, name=f"{name}.downsample.0"
        )(x)
        shortcut = _norm(shortcut, f"{name}.downsample.1")
    x = _relu(_norm(convolve(x, strides, f"{name}.conv1"), f"{name}.bn1"), f"{name}.relu1")
    x = _norm(convolve(x, 1, f"{name}.conv2"), f"{name}.bn2")
    return _relu(keras.layers.Add(name=f"{name}.add")([x, shortcut]), f"{name}.relu2")


def build(config, x, options, *, kernel_size=None, dropout_rate=0.2):
    """Build the network; see `Family`.

    `kernel_size` is that of the convolutions in the blocks, `None` for the variant's own;
    `dropout_rate` applies before the classifier.
    """
    if kernel_size is None:
        kernel_size = config.kernel_size
    kernel_size = integer(kernel_size, "kernel_size")
    x = options.conv(config.filters[0], 7, padding="same", use_bias=False, name="conv1")(x)
    x = _relu(_norm(x, "bn1"), "relu1")
    for stage, filters in enumerate(config.filters, start=1):
        for block in range(config.blocks):
            name = f"layer{stage}.{block}" if block else f"layer{stage}"
            strides = 2 if stage > 1 and block == 0 else 1
            x = _block(x, options, filters, kernel_size, strides, name)
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
    width=("filters",),
    depth=("blocks",),
)
