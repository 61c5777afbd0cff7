"""All-CNN-C with convolutions on the groups p4 and p4m, and the planar network beside them.

Cohen and Welling, "Group Equivariant Convolutional Networks", ICML 2016
(https://arxiv.org/abs/1602.07576), section 8.2 and Table 2, after Springenberg et al., "Striving
for Simplicity", 2015 (https://arxiv.org/abs/1412.6806). As in the authors' code, whose layer names
are used, every 3x3 convolution is padded, every convolution is followed by batch normalisation and
ReLU, the last one too, and the logits are means over the group and over space. `z2_all_cnn_c` is
the first row of their table, to compare with; Springenberg's own `all_cnn_c` has no batch
normalisation.

Downsampling. The published networks stride by 2 over even maps and so sample them asymmetrically:
the logits change when the image is rotated (`downsample="published"`; untrained, on 32 x 32 inputs,
by 2 to 6 % of the largest one). With `downsample="equivariant"` an even map is averaged over
windows of 2x2 positions, one position apart, before the same strided convolution: the samples are
then symmetric and the logits exactly invariant, with the same weights. Odd maps need no averaging.
Which of the two it is depends on the size, which must be known.

Deviation: a dropout mask is shared by the planes of the group.
"""

from dataclasses import dataclass

import keras

from kzoo.applications import _group
from kzoo.applications._family import Family, head_dtype
from kzoo.applications._parts import convolve
from kzoo.layers import GroupPooling2D


@dataclass(frozen=True)
class P4AllCNNConfig:
    """`filters` before and after the first strided convolution, for each element of `group`.

    Without a group the network is planar.
    """

    group: str | None
    filters: tuple[int, int]


# The filters are those of the authors' code. Table 2 of the paper has 1.37 M parameters for the
# planar network and for p4, and 1.22 M for p4m.
VARIANTS = {
    "z2_all_cnn_c": P4AllCNNConfig(group=None, filters=(96, 192)),
    "p4_all_cnn_c": P4AllCNNConfig(group="p4", filters=(48, 96)),
    "p4m_all_cnn_c": P4AllCNNConfig(group="p4m", filters=(32, 64)),
}


def _layer(x, group, options, filters, kernel_size, name, *, strides=1, downsample="published"):
    if group is None:
        x = convolve(
            x, options, filters, kernel_size, strides=strides, use_bias=True, name=f"{name}.conv"
        )
        return _group.norm_relu(x, name)
    if strides == 2:
        x = _group.before_strides(x, 1, downsample, name)
    x = _group.convolve_group(
        x,
        filters,
        kernel_size,
        group=group,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        strict=True if strides == 1 or downsample == "equivariant" else None,
        name=f"{name}.conv",
    )
    return _group.norm_relu(x, name)


def _to_classes(x, group, options):
    dtype = {"dtype": head_dtype()}
    if group is None:
        x = options.plain_conv(options.classes, 1, name="l9.conv", **dtype)(x)
    else:
        x = _group.convolve_group(x, options.classes, 1, group=group, name="l9.conv", **dtype)
    return _group.norm_relu(x, "l9", **dtype)


def _check_downsample(downsample, group):
    _group.check_downsample(downsample)
    if group is None and downsample != "published":
        raise ValueError(
            f"downsample={downsample!r} has no use in z2_all_cnn_c, which is not equivariant; "
            "leave it out."
        )


def build(config, x, options, *, downsample="published", dropout_rate=0.5, input_dropout_rate=0.2):
    """Build the network; see `Family`.

    `downsample` is "published" or "equivariant", see the module's docstring. `input_dropout_rate`
    applies to the image, `dropout_rate` after both strided convolutions.
    """
    _check_downsample(downsample, config.group)
    group, (first, second) = config.group, config.filters
    x = keras.layers.Dropout(input_dropout_rate, name="drop0")(x)
    for index, (filters, strides) in enumerate(
        ((first, 1), (first, 1), (first, 2), (second, 1), (second, 1), (second, 2)), start=1
    ):
        sampling = {"strides": strides, "downsample": downsample}
        x = _layer(x, group, options, filters, 3, f"l{index}", **sampling)
        if strides == 2:
            x = _group.dropout(x, dropout_rate, f"drop{index}")
    x = _layer(x, group, options, second, 3, "l7")
    x = _layer(x, group, options, second, 1, "l8")

    def classifier(x):
        x = _to_classes(x, group, options)
        if group is not None:
            x = GroupPooling2D("mean", dtype=head_dtype(), name="group_pool")(x)
        return keras.layers.GlobalAveragePooling2D(dtype=head_dtype(), name="global_pool")(x)

    if group is not None and not options.include_top:
        x = GroupPooling2D("mean", name="group_pool")(x)
    return options.outputs(x, classifier)


FAMILY = Family(
    name="p4_all_cnn",
    paper="Cohen and Welling, Group Equivariant Convolutional Networks, ICML 2016, section 8.2.",
    build=build,
    variants=VARIANTS,
    names=("Z2AllCNNC", "P4AllCNNC", "P4MAllCNNC"),
    input_shape=(32, 32, 3),
    classes=10,
    statistics="cifar10",
    plain_variants=frozenset({"z2_all_cnn_c"}),
    learning_rate=3e-3,
    width=("filters",),
    width_step=2,  # a filter has a plane for each element of the group
)
