"""Residual networks for CIFAR-10 with convolutions on the group p4m, and their planar rivals.

Cohen and Welling, "Group Equivariant Convolutional Networks", ICML 2016
(https://arxiv.org/abs/1602.07576), section 8.2 and Table 2: a 3x3 convolution, three stages of n
pre-activation blocks on maps of size 32, 16 and 8 (He et al., "Identity Mappings in Deep Residual
Networks", 2016), 6n + 2 layers. As in the authors' code, every convolution has a bias, and where
the number of filters grows the shortcut is a 1x1 convolution.

Readout. The published classifier sees the mean over space of every plane of the group, so that the
logits depend on the orientation of the image (`readout="upright"`). It is the same as a 1x1 group
convolution to the classes, read at the identity; with `readout="invariant"` the logits are the
maximum over the group in its place, with the same weights.

Downsampling. The published networks stride by 2 over even maps and so sample them asymmetrically
(`downsample="published"`). With `downsample="equivariant"` an even map is averaged over windows of
2x2 positions before the same strided convolutions: with the same weights, the last map turns and
flips as the image does, and the logits of the invariant readout, which then is the default, do not
change. The input size must be known.
"""

from dataclasses import dataclass

import keras
from keras import ops

from kzoo.applications import _group
from kzoo.applications._family import Family, head_dtype
from kzoo.applications._parts import add, convolve
from kzoo.layers import GroupPooling2D

READOUTS = ("upright", "invariant")


@dataclass(frozen=True)
class P4ResNetConfig:
    """`group` is None for the plane; `filters` of the stages, for each element of the group."""

    group: str | None
    blocks: int
    filters: tuple[int, int, int]


# Table 2 of the paper; the filters are in the README of the authors' code.
VARIANTS = {
    "z2_resnet44": P4ResNetConfig(group=None, blocks=7, filters=(32, 64, 128)),
    "p4m_resnet44": P4ResNetConfig(group="p4m", blocks=7, filters=(11, 23, 45)),
    "z2_resnet26": P4ResNetConfig(group=None, blocks=4, filters=(71, 142, 284)),
    "p4m_resnet26": P4ResNetConfig(group="p4m", blocks=4, filters=(25, 50, 100)),
}


def _check(config, downsample, readout):
    _group.check_downsample(downsample)
    if readout not in (None, *READOUTS):
        raise ValueError(
            f"readout must be one of 'upright', 'invariant', or None; received {readout!r}."
        )
    if config.group is None and (downsample == "equivariant" or readout == "invariant"):
        raise ValueError(
            "a planar network has no group: leave downsample and readout as they are, or take a "
            f"p4m network; received downsample={downsample!r} and readout={readout!r}."
        )


def _convolve(x, group, options, filters, kernel_size, name, *, strides=1, downsample=None):
    if group is None:
        return convolve(x, options, filters, kernel_size, strides=strides, use_bias=True, name=name)
    if strides > 1:
        x = _group.before_strides(x, kernel_size // 2, downsample, name)
    return _group.convolve_group(
        x,
        filters,
        kernel_size,
        group=group,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        strict=True if downsample == "equivariant" else None,
        name=name,
    )


def _block(x, group, options, filters, strides, downsample, name):
    """Pre-activation block; a change of size or filters is a 1x1 convolution of its input."""
    y = _group.norm_relu(x, f"{name}.1")
    shared = {"strides": strides, "downsample": downsample}
    y = _convolve(y, group, options, filters, 3, f"{name}.conv1", **shared)
    y = _group.norm_relu(y, f"{name}.2")
    y = _convolve(y, group, options, filters, 3, f"{name}.conv2")
    if strides > 1:
        x = _convolve(x, group, options, filters, 1, f"{name}.fiber_map", **shared)
    return add(y, x, f"{name}.add")


def build(config, x, options, *, downsample="published", readout=None):
    """Build the network; see `Family`.

    `downsample` is "published" or "equivariant", and `readout` "upright" or "invariant", see the
    module's docstring; `None` is "invariant" where the downsampling is equivariant, else "upright".
    """
    _check(config, downsample, readout)
    if readout is None:
        readout = "invariant" if downsample == "equivariant" else "upright"
    x = _convolve(x, config.group, options, config.filters[0], 3, "conv1")
    for stage, filters in enumerate(config.filters, start=1):
        for block in range(config.blocks):
            strides = 2 if stage > 1 and block == 0 else 1
            name = f"layer{stage}.{block}"
            x = _block(x, config.group, options, filters, strides, downsample, name)
    x = _group.norm_relu(x, "last")
    if config.group is None:
        return options.outputs(x, options.pooled_dense("fc"))

    def classifier(x):
        spatial = (1, 2) if _group.group_axis() == 3 else (3, 4)
        x = ops.mean(ops.cast(x, head_dtype()), axis=spatial, keepdims=True)
        x = _group.convolve_group(
            x, options.classes, 1, group=config.group, dtype=head_dtype(), name="fc"
        )
        if readout == "upright":
            x = ops.take(x, 0, axis=_group.group_axis())
        else:
            x = GroupPooling2D("max", dtype=head_dtype(), name="group_pool")(x)
        return keras.layers.Flatten(dtype=head_dtype(), name="logits")(x)

    if not options.include_top:
        x = GroupPooling2D("mean", name="group_pool")(x)
    return options.outputs(x, classifier)


FAMILY = Family(
    name="p4_resnet",
    paper="Cohen and Welling, Group Equivariant Convolutional Networks, ICML 2016, section 8.2.",
    build=build,
    variants=VARIANTS,
    names=("Z2ResNet44", "P4MResNet44", "Z2ResNet26", "P4MResNet26"),
    input_shape=(32, 32, 3),
    classes=10,
    statistics="cifar10",
    plain_variants=frozenset({"z2_resnet44", "z2_resnet26"}),
    learning_rate=3e-3,
    width=("filters",),
    depth=("blocks",),
)
