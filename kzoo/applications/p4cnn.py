"""Networks for rotated MNIST: one planar, two equivariant to rotations by 90 degrees.

Cohen and Welling, "Group Equivariant Convolutional Networks", ICML 2016
(https://arxiv.org/abs/1602.07576), section 8.1 and Table 1: six 3x3 convolutions, max pooling after
the second, a 4x4 convolution to the classes, and the maximum over rotations and over space. The
logits of `p4cnn` and `p4cnn_rotation_pooling` are the same for an image and for its rotations by
90, 180 and 270 degrees where height and width are even; on odd sizes the pooling leaves out the
last row or column, and a warning says so.

Such a network cannot tell a 6 from a 9 by which way up it is. With `readout="upright"` the last
maps are read at the identity in place of the maximum over rotations: with the same parameters, the
logits then are those of the image as it stands.

The layers have the names of the authors' code. Deviation from it: where `p4cnn` is given a
`dropout_rate`, a mask is shared by the planes of the group.
"""

import warnings
from dataclasses import dataclass

import keras
from keras import ops

from kzoo.applications import _group
from kzoo.applications._family import Family, head_dtype
from kzoo.layers import GroupPooling2D, GroupSpatialPooling2D

READOUTS = ("invariant", "upright")


@dataclass(frozen=True)
class P4CNNConfig:
    """`rotations` are "ignored", "pooled" after each layer, or an axis of the maps ("group")."""

    rotations: str
    filters: int
    dropout_rate: float


# Table 1 of the paper; the dropout rates are those of the authors' code.
VARIANTS = {
    "z2cnn": P4CNNConfig(rotations="ignored", filters=20, dropout_rate=0.3),
    "p4cnn_rotation_pooling": P4CNNConfig(rotations="pooled", filters=20, dropout_rate=0.0),
    "p4cnn": P4CNNConfig(rotations="group", filters=10, dropout_rate=0.0),
}


def _convolve(x, rotations, options, filters, kernel_size, name, **dtype):
    if rotations != "ignored":
        return _group.convolve_group(x, filters, kernel_size, group="p4", name=name, **dtype)
    # A user's own callable need not take a dtype.
    dtype = {} if callable(options.conv_name) else dtype
    conv = options.conv(filters, kernel_size, padding="valid", use_bias=True, name=name, **dtype)
    return conv(x)


def _layer(x, config, options, name):
    x = _convolve(x, config.rotations, options, config.filters, 3, f"{name}.conv")
    x = _group.norm_relu(x, name)
    if config.rotations == "pooled":
        x = GroupPooling2D("max", name=f"{name}.group_pool")(x)
    return x


def _halve(x):
    if len(x.shape) == 4:
        return keras.layers.MaxPooling2D(2, name="pool")(x)
    return GroupSpatialPooling2D(2, "max", strict=None, name="pool")(x)


def _warn_of_odd_size(size):
    if any(length is not None and length % 2 for length in size):
        warnings.warn(
            f"inputs of {size[0]} x {size[1]} have an odd size, which the pooling cannot halve "
            "symmetrically, so that the logits change with rotations; use even sizes.",
            stacklevel=2,
        )


def _check_readout(config, readout):
    if readout not in READOUTS:
        raise ValueError(f"readout must be one of 'invariant', 'upright'; received {readout!r}.")
    if readout == "upright" and config.rotations == "ignored":
        raise ValueError(
            "readout='upright' has no use in z2cnn, which has no rotations to read; leave it out."
        )


def build(config, x, options, *, dropout_rate=None, readout="invariant"):
    """Build the network; see `Family`.

    `dropout_rate` applies after every 3x3 layer but the second; `None` is the authors' own: 0.3 for
    z2cnn, none for the others. `readout` is "invariant" or "upright", see the module's docstring.
    """
    _check_readout(config, readout)
    rate = config.dropout_rate if dropout_rate is None else dropout_rate
    if config.rotations != "ignored":
        _warn_of_odd_size(_group.map_size(x))
    for index in range(1, 7):
        x = _layer(x, config, options, f"l{index}")
        if index == 2:
            x = _halve(x)
        elif rate:
            x = _group.dropout(x, rate, f"l{index}.drop")

    def classifier(x):
        x = _convolve(x, config.rotations, options, options.classes, 4, "top", dtype=head_dtype())
        if readout == "upright":
            x = ops.take(x, 0, axis=_group.group_axis())
        elif config.rotations != "ignored":
            x = GroupPooling2D("max", dtype=head_dtype(), name="group_pool")(x)
        return keras.layers.GlobalMaxPooling2D(dtype=head_dtype(), name="global_pool")(x)

    if config.rotations == "group" and not options.include_top:
        x = GroupPooling2D("max", name="group_pool")(x)
    return options.outputs(x, classifier)


FAMILY = Family(
    name="p4cnn",
    paper="Cohen and Welling, Group Equivariant Convolutional Networks, ICML 2016, section 8.1.",
    build=build,
    variants=VARIANTS,
    names=("Z2CNN", "P4CNNRotationPooling", "P4CNN"),
    input_shape=(28, 28, 1),
    classes=10,
    min_size=28,
    statistics="mnist",
    plain_variants=frozenset({"z2cnn"}),
    learning_rate=3e-3,
    width=("filters",),
)
