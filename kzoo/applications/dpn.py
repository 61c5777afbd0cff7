"""DPN: a residual path and a dense path side by side.

Chen, Li, Xiao, Jin, Yan, Feng, "Dual Path Networks", NeurIPS 2017
(https://arxiv.org/abs/1707.01629), Table 1 and the authors' code. Layer names are timm's.

Deviations: `dpn48b` is timm's, with SiLU as first and last activation. The last activation is the
stem's, as timm builds it, though timm's code also names an ELU for it.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import activation, add, batch_norm, convolve, max_pool
from kzoo.layers._divisible import make_divisible


@dataclass(frozen=True)
class DPNConfig:
    """Blocks per stage, channels that each adds to the dense path, and widths.

    `width` is that of the grouped convolution in the first stage, `residual` that of the residual
    path; both double per stage. A small network has a small kernel in its stem. `split_end` ends a
    block in two convolutions, one for each path; `outer_activation` is that of the stem and of the
    end.
    """

    blocks: tuple[int, int, int, int]
    increments: tuple[int, int, int, int]
    stem: int
    width: int
    groups: int
    residual: int = 256
    small: bool = False
    split_end: bool = False
    outer_activation: str = "relu"


# Table 1 of the paper (92, 98, 131), the authors' code (68, 107) and timm (48b).
VARIANTS = {
    "dpn48b": DPNConfig((3, 4, 6, 3), (16, 32, 32, 64), 10, 128, 32, 64, True, True, "silu"),
    "dpn68": DPNConfig((3, 4, 12, 3), (16, 32, 32, 64), 10, 128, 32, 64, small=True),
    "dpn68b": DPNConfig((3, 4, 12, 3), (16, 32, 32, 64), 10, 128, 32, 64, True, True),
    "dpn92": DPNConfig((3, 4, 20, 3), (16, 32, 24, 128), 64, 96, 32),
    "dpn98": DPNConfig((3, 6, 20, 3), (16, 32, 32, 128), 96, 160, 40),
    "dpn107": DPNConfig((4, 8, 20, 3), (20, 64, 64, 128), 128, 200, 50),
    "dpn131": DPNConfig((4, 8, 28, 3), (16, 32, 32, 128), 128, 160, 40),
}


def _norm_act(x, name, kind="relu"):
    return activation(batch_norm(x, f"{name}.bn", epsilon=1e-3), kind, f"{name}.act")


def _norm_convolve(x, options, filters, kernel_size, name, strides=1, groups=1):
    x = _norm_act(x, name)
    return convolve(
        x, options, filters, kernel_size, strides=strides, groups=groups, name=f"{name}.conv"
    )


def _concatenate(tensors, name):
    if len(tensors) == 1:
        return tensors[0]
    return keras.layers.Concatenate(channel_axis(), name=name)(tensors)


def _split(x, channels):
    """The first `channels` channels, and the others."""
    return keras.ops.split(x, [channels], axis=channel_axis())


def _block(paths, config, options, stage, index):
    """Add to the residual path, append to the dense one; the first block of a stage projects both.

    Args:
        paths: the residual path, and the parts of the dense path.

    Returns:
        The same with one part more.
    """
    name = f"features.conv{stage + 2}_{index}"
    width = make_divisible(config.width, config.groups) << stage
    residual_width = config.residual << stage
    increment = config.increments[stage]
    strides = 2 if stage and index == 1 else 1
    x = _concatenate(paths, f"{name}.concat")
    if index == 1:
        filters = residual_width + 2 * increment
        both = _norm_convolve(x, options, filters, 1, f"{name}.c1x1_w_s{strides}", strides)
        paths = _split(both, residual_width)
    x = _norm_convolve(x, options, width, 1, f"{name}.c1x1_a")
    x = _norm_convolve(x, options, width, 3, f"{name}.c3x3_b", strides, config.groups)
    if config.split_end:
        x = _norm_act(x, f"{name}.c1x1_c")
        addend = convolve(x, options, residual_width, 1, name=f"{name}.c1x1_c1")
        new = convolve(x, options, increment, 1, name=f"{name}.c1x1_c2")
    else:
        x = _norm_convolve(x, options, residual_width + increment, 1, f"{name}.c1x1_c")
        addend, new = _split(x, residual_width)
    residual, *dense = paths
    return [add(residual, addend, f"{name}.add"), *dense, new]


def build(config, x, options, *, dropout_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    stem = "features.conv1_1"
    size = 3 if config.small else 7
    x = convolve(x, options, config.stem, size, strides=2, name=f"{stem}.conv")
    x = _norm_act(x, stem, config.outer_activation)
    paths = [max_pool(x, 3, 2, "features.conv1_pool", padding=1)]
    for stage, blocks in enumerate(config.blocks):
        for index in range(1, blocks + 1):
            paths = _block(paths, config, options, stage, index)
    x = _norm_act(
        _concatenate(paths, "features.concat"), "features.conv5_bn_ac", config.outer_activation
    )
    return options.outputs(x, options.pooled_dense("classifier", dropout_rate))


FAMILY = Family(
    name="dpn",
    paper="Chen et al., Dual Path Networks, NeurIPS 2017, Table 1.",
    build=build,
    variants=VARIANTS,
    names=("DPN48b", "DPN68", "DPN68b", "DPN92", "DPN98", "DPN107", "DPN131"),
    input_shape=(224, 224, 3),
    statistics="dpn",
    variant_statistics={"dpn48b": "imagenet", "dpn68b": "imagenet"},
    width=("stem", "width", "residual", "increments"),
    depth=("blocks",),
)
