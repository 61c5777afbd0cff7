"""All-CNN-C with convolutions on the groups p4 and p4m.

Cohen and Welling, "Group Equivariant Convolutional Networks", ICML 2016
(https://arxiv.org/abs/1602.07576), section 8.2 and Table 2; the planar network is that of
Springenberg et al., "Striving for Simplicity", 2015 (https://arxiv.org/abs/1412.6806). As in the
authors' code, whose layer names are used, every 3x3 convolution is padded, every convolution is
followed by batch normalisation and ReLU, the last one too, and the logits are means over the group
and over space.

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
from kzoo.layers import GroupPooling2D


@dataclass(frozen=True)
class P4AllCNNConfig:
    """`filters` before and after the first strided convolution, for each element of `group`."""

    group: str
    filters: tuple[int, int]


# The filters are those of the authors' code, for about the parameters of the planar network's 96
# and 192: Table 2 of the paper has 1.37 M for it and for p4, 1.22 M for p4m.
VARIANTS = {
    "p4_all_cnn_c": P4AllCNNConfig(group="p4", filters=(48, 96)),
    "p4m_all_cnn_c": P4AllCNNConfig(group="p4m", filters=(32, 64)),
}


def _layer(x, group, filters, kernel_size, name, *, strides=1, strict=True, **dtype):
    x = _group.convolve_group(
        x,
        filters,
        kernel_size,
        group=group,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        strict=strict,
        name=f"{name}.conv",
        **dtype,
    )
    return _group.norm_relu(x, name, **dtype)


def build(config, x, options, *, downsample="published", dropout_rate=0.5, input_dropout_rate=0.2):
    """Build the network; see `Family`.

    `downsample` is "published" or "equivariant", see the module's docstring. `input_dropout_rate`
    applies to the image, `dropout_rate` after both strided convolutions.
    """
    _group.check_downsample(downsample)
    first, second = config.filters
    strict = True if downsample == "equivariant" else None
    x = keras.layers.Dropout(input_dropout_rate, name="drop0")(x)
    for index, (filters, strides) in enumerate(
        ((first, 1), (first, 1), (first, 2), (second, 1), (second, 1), (second, 2)), start=1
    ):
        if strides == 2:
            x = _group.before_strides(x, 1, downsample, f"l{index}")
        x = _layer(x, config.group, filters, 3, f"l{index}", strides=strides, strict=strict)
        if strides == 2:
            x = _group.dropout(x, dropout_rate, f"drop{index}")
    x = _layer(x, config.group, second, 3, "l7")
    x = _layer(x, config.group, second, 1, "l8")

    def classifier(x):
        x = _layer(x, config.group, options.classes, 1, "l9", dtype=head_dtype())
        x = GroupPooling2D("mean", dtype=head_dtype(), name="group_pool")(x)
        return keras.layers.GlobalAveragePooling2D(dtype=head_dtype(), name="global_pool")(x)

    if not options.include_top:
        x = GroupPooling2D("mean", name="group_pool")(x)
    return options.outputs(x, classifier)


FAMILY = Family(
    name="p4_all_cnn",
    paper="Cohen and Welling, Group Equivariant Convolutional Networks, ICML 2016, section 8.2.",
    build=build,
    variants=VARIANTS,
    names=("P4AllCNNC", "P4MAllCNNC"),
    input_shape=(32, 32, 3),
    classes=10,
    statistics="cifar10",
    plain_variants=frozenset(),
    learning_rate=3e-3,
    width=("filters",),
)
