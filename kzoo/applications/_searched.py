"""What the cells of NASNet-A and PNASNet-5 are made of. ReLU comes before each convolution.

Both were published in TensorFlow: padding is "same", BatchNorm's epsilon 0.001.
"""

import keras

from kzoo.applications._family import channel_axis
from kzoo.applications._parts import activation, batch_norm, convolve


def norm(x, name):
    return batch_norm(x, name, epsilon=1e-3)


def stem(x, options, filters, name):
    """The first convolution, with stride 2 and without padding."""
    x = convolve(x, options, filters, 3, strides=2, padding="valid", name=f"{name}.conv")
    return norm(x, f"{name}.bn")


def pointwise(x, options, filters, name, *, strides=1):
    """ReLU, 1x1 convolution, normalisation."""
    x = activation(x, "relu", f"{name}.act")
    x = convolve(x, options, filters, 1, strides=strides, name=f"{name}.conv")
    return norm(x, f"{name}.bn")


def separable(x, options, filters, kernel_size, name, *, strides=1):
    """Twice: ReLU, depthwise and pointwise convolution, normalisation; the first has the stride."""
    for index in (1, 2):
        place = f"{name}.separable_{index}"
        x = activation(x, "relu", f"{name}.act_{index}")
        channels = x.shape[channel_axis()]
        x = convolve(
            x,
            options,
            channels,
            kernel_size,
            strides=strides if index == 1 else 1,
            groups=channels,
            padding="same",
            name=f"{place}.depthwise_conv2d",
        )
        x = convolve(x, options, filters, 1, name=f"{place}.pointwise_conv2d")
        x = norm(x, f"{name}.bn_sep_{index}")
    return x


def factorized_reduction(x, options, filters, name):
    """Halve the resolution by two 1x1 convolutions, of the even pixels and of the odd ones."""
    x = activation(x, "relu", f"{name}.act")
    shifted = keras.layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}.path_2.pad")(x)
    shifted = keras.layers.Cropping2D(((1, 0), (1, 0)), name=f"{name}.path_2.crop")(shifted)
    paths = [
        convolve(path, options, filters // 2, 1, strides=2, name=f"{name}.path_{index}.conv")
        for index, path in enumerate((x, shifted), start=1)
    ]
    x = keras.layers.Concatenate(axis=channel_axis(), name=f"{name}.final_path")(paths)
    return norm(x, f"{name}.final_path_bn")
