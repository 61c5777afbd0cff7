"""What the group-equivariant families share: blocks that take planar maps and maps on the group."""

import keras

from kzoo.layers import BatchNormalization, GroupEquivariantConv2D, LiftingConv2D

DOWNSAMPLE = ("published", "equivariant")


def _channels_last():
    return keras.config.image_data_format() == "channels_last"


def group_axis():
    """Return the axis of the group in a map on the group."""
    return 3 if _channels_last() else 1


def map_size(x):
    """Return height and width of a map, planar or on the group; None where unknown."""
    return tuple(x.shape[1:3] if _channels_last() else x.shape[-2:])


def on_group(values, other):
    """Return entries for the inner axes of a map on the group: `values` for height and width.

    `other` is for the axis that Keras's three-dimensional layers take with them: that of the group
    for channels last, and of the channels for channels first.
    """
    return (*values, other) if _channels_last() else (other, *values)


def convolve_group(x, filters, kernel_size, **options):
    """Convolve to a map on the group, from an image or from a map on the group."""
    kind = LiftingConv2D if len(x.shape) == 4 else GroupEquivariantConv2D
    return kind(filters, kernel_size, kernel_initializer="he_normal", **options)(x)


def check_downsample(downsample):
    """Refuse a `downsample` that is none of `DOWNSAMPLE`."""
    if downsample not in DOWNSAMPLE:
        raise ValueError(
            f"downsample must be one of 'published', 'equivariant'; received {downsample!r}."
        )


def before_strides(x, padding, downsample, name):
    """Prepare a map on the group for an unpadded convolution with stride 2 and an odd kernel.

    The map is padded by `padding` zeros. With `downsample="equivariant"` an even map is averaged
    over windows of 2x2 positions, one position apart, so that the samples lie symmetrically in it;
    its size must be known. An odd map needs no averaging.

    Args:
        name: prefix of the layers, `name.pad` and `name.average`.
    """
    size = map_size(x)
    if padding:
        amount = on_group((padding, padding), 0)
        x = keras.layers.ZeroPadding3D(amount, name=f"{name}.pad")(x)
    if downsample == "published":
        return x
    if None in size:
        raise ValueError(
            "downsample='equivariant' needs a known input size, because even and odd maps are "
            f"sampled differently; received a map of {size}, give numbers in input_shape or use "
            "downsample='published'."
        )
    window = on_group([2 if length % 2 == 0 else 1 for length in size], 1)
    return keras.layers.AveragePooling3D(window, strides=1, name=f"{name}.average")(x)


def norm_relu(x, name, **dtype):
    """Batch normalisation, the same for all planes of the group, and ReLU.

    Momentum and epsilon are Chainer's defaults, which the authors' code uses.
    """
    axis = -1 if _channels_last() else len(x.shape) - 3
    x = BatchNormalization(axis=axis, momentum=0.9, epsilon=2e-5, name=f"{name}.bn", **dtype)(x)
    return keras.layers.Activation("relu", name=f"{name}.relu", **dtype)(x)


def dropout(x, rate, name):
    """Dropout whose mask is the same for all planes of the group."""
    mask: list[int | None] = [None] * len(x.shape)
    if len(x.shape) == 5:
        mask[group_axis()] = 1
    return keras.layers.Dropout(rate, noise_shape=tuple(mask), name=name)(x)
