"""FastViT without attention: RepMixer in all stages.

Vasu, Gabriel, Zhu, Tuzel, Ranjan, "FastViT: A Fast Hybrid Vision Transformer using Structural
Reparameterization", ICCV 2023 (https://arxiv.org/abs/2303.14189), Table 2, the variants whose token
mixer is RepMixer in all stages. This is the form that is trained, with all branches. Layer names
are timm's.

Deviations: as in the authors' code and timm, patch embeddings have no activation after their large
kernel.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._branches import branches
from kzoo.applications._conv_norm import conv_norm
from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import (
    activation,
    add,
    batch_norm,
    convolve,
    drop_path,
    drop_path_rates,
)
from kzoo.layers import LayerScale, SqueezeExcite


@dataclass(frozen=True)
class FastViTConfig:
    """Blocks per stage, and the width of the first, which doubles from stage to stage.

    `mlp_ratio` widens the inside of the feed-forward parts.
    """

    blocks: tuple[int, int, int, int]
    width: int
    mlp_ratio: int


# Table 2 of the paper.
VARIANTS = {
    "fastvit_t8": FastViTConfig((2, 2, 4, 2), 48, 3),
    "fastvit_t12": FastViTConfig((2, 2, 6, 2), 64, 3),
    "fastvit_s12": FastViTConfig((2, 2, 6, 2), 64, 4),
}


def _channels(x):
    return x.shape[channel_axis()]


def _unit(x, options, filters, kernel_size, name, *, strides=1, groups=1, kind="gelu"):
    """Unit of MobileOne with one branch."""
    pointwise = "conv_scale" if kernel_size > 1 else None
    shape = {"kernels": ("conv_kxk.0",), "pointwise": pointwise}
    x = branches(x, options, filters, kernel_size, name, strides=strides, groups=groups, **shape)
    return activation(x, kind, f"{name}.act")


def _scale(x, name):
    return LayerScale(1e-5, axis=channel_axis(), name=f"{name}.layer_scale")(x)


def _stem(x, options, width):
    x = _unit(x, options, width, 3, "stem.0", strides=2)
    x = _unit(x, options, width, 3, "stem.1", strides=2, groups=width)
    return _unit(x, options, width, 1, "stem.2")


def _embed_patches(x, options, width, name):
    """Halve the map by a large and a small depthwise kernel, then mix the channels."""
    shape = {"strides": 2, "groups": _channels(x)}
    large = conv_norm(x, options, width, 7, f"{name}.0.large_conv", **shape)
    small = conv_norm(x, options, width, 3, f"{name}.0.small_conv", **shape)
    return _unit(add(large, small, f"{name}.0.add"), options, width, 1, f"{name}.1")


def _mix(x, options, name):
    """RepMixer: add a scaled depthwise convolution less the normalised input."""
    width = _channels(x)
    y = _unit(x, options, width, 3, f"{name}.mixer", groups=width, kind=None)
    normalised = batch_norm(x, f"{name}.norm.identity")
    y = keras.layers.Subtract(name=f"{name}.subtract")([y, normalised])
    return add(_scale(y, name), x, f"{name}.add")


def _feed_forward(x, options, ratio, name):
    width = _channels(x)
    x = conv_norm(x, options, width, 7, f"{name}.conv", groups=width)
    x = convolve(x, options, ratio * width, 1, use_bias=True, name=f"{name}.fc1")
    x = activation(x, "gelu", f"{name}.act")
    return convolve(x, options, width, 1, use_bias=True, name=f"{name}.fc2")


def _block(x, options, config, rate, name):
    x = _mix(x, options, f"{name}.token_mixer")
    y = _scale(_feed_forward(x, options, config.mlp_ratio, f"{name}.mlp"), name)
    return add(drop_path(y, rate, f"{name}.drop_path"), x, f"{name}.add")


def build(config, x, options, *, dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    x = _stem(x, options, config.width)
    rates = drop_path_rates(drop_path_rate, config.blocks)
    for stage, stage_rates in enumerate(rates):
        if stage:
            x = _embed_patches(x, options, config.width << stage, f"stages.{stage}.downsample.proj")
        for index, rate in enumerate(stage_rates):
            x = _block(x, options, config, rate, f"stages.{stage}.blocks.{index}")
    width = _channels(x)
    x = _unit(x, options, 2 * width, 3, "final_conv", groups=width, kind=None)
    x = SqueezeExcite(divisor=1, name="final_conv.se")(x)
    x = activation(x, "gelu", "final_conv.act")
    return options.outputs(x, options.pooled_dense("head.fc", dropout_rate))


FAMILY = Family(
    name="fastvit",
    paper="Vasu et al., FastViT: A Fast Hybrid Vision Transformer, ICCV 2023, Table 2.",
    build=build,
    variants=VARIANTS,
    names=("FastViTT8", "FastViTT12", "FastViTS12"),
    input_shape=(256, 256, 3),
    width=("width",),
    depth=("blocks",),
)
