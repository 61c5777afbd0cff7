"""InceptionNeXt: ConvNeXt whose large depthwise kernels are split into bands, on some channels.

Yu, Zhou, Yan, Wang, "InceptionNeXt: When Inception Meets ConvNeXt", CVPR 2024
(https://arxiv.org/abs/2303.16900), Tables 1 and 2. Layer names are timm's.

Deviations: none; atto is the authors', published with their code.
"""

from dataclasses import dataclass

import keras
from keras import ops

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import (
    activation,
    add,
    batch_norm,
    convolve,
    drop_path,
    drop_path_rates,
)
from kzoo.layers import LayerScale


@dataclass(frozen=True)
class InceptionNeXtConfig:
    """What varies among the networks.

    Attributes:
        depths: blocks of each stage.
        widths: channels of each stage.
        band: length of the kernels that are one pixel wide.
        ratio: share of the channels that each of the three kinds of kernels gets.
    """

    depths: tuple[int, int, int, int]
    widths: tuple[int, int, int, int]
    band: int = 11
    ratio: float = 0.125


# Table 2 of the paper; atto as in the authors' code.
VARIANTS = {
    "inception_next_atto": InceptionNeXtConfig((2, 2, 6, 2), (40, 80, 160, 320), 9, 0.25),
    "inception_next_tiny": InceptionNeXtConfig((3, 3, 9, 3), (96, 192, 384, 768)),
    "inception_next_small": InceptionNeXtConfig((3, 3, 27, 3), (96, 192, 384, 768)),
    "inception_next_base": InceptionNeXtConfig((3, 3, 27, 3), (128, 256, 512, 1024)),
}

MLP_RATIOS = (4, 4, 4, 3)


def _mix(config, x, options, name):
    """Depthwise convolutions of the last channels: square, wide and high; the others stay."""
    axis = channel_axis()
    width = x.shape[axis]
    share = int(width * config.ratio)
    kernels = {"hw": (3, 3), "w": (1, config.band), "h": (config.band, 1)}
    rest, *parts = ops.split(x, [width - 3 * share, width - 2 * share, width - share], axis=axis)
    mixed = [
        convolve(
            part,
            options,
            share,
            kernel_size,
            groups=share,
            use_bias=True,
            name=f"{name}.dwconv_{kind}",
        )
        for part, (kind, kernel_size) in zip(parts, kernels.items())
    ]
    return keras.layers.Concatenate(axis=axis, name=f"{name}.concat")([rest, *mixed])


def _block(config, x, options, mlp_ratio, rate, name):
    width = x.shape[channel_axis()]
    y = _mix(config, x, options, f"{name}.token_mixer")
    y = batch_norm(y, f"{name}.norm")
    y = convolve(y, options, mlp_ratio * width, 1, use_bias=True, name=f"{name}.mlp.fc1")
    y = activation(y, "gelu", f"{name}.mlp.act")
    y = convolve(y, options, width, 1, use_bias=True, name=f"{name}.mlp.fc2")
    # Its weight is the block's own "gamma".
    y = LayerScale(1e-6, axis=channel_axis(), name=name)(y)
    y = drop_path(y, rate, f"{name}.drop_path")
    return add(y, x, f"{name}.add")


def _shrink(x, options, width, size, name):
    """Convolve non-overlapping patches."""
    return convolve(
        x, options, width, size, strides=size, padding="valid", use_bias=True, name=name
    )


def build(config, x, options, *, dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `Family`.

    `dropout_rate` applies before the classifier, `drop_path_rate` to the last residual branch, and
    to the earlier ones linearly less.
    """
    x = batch_norm(_shrink(x, options, config.widths[0], 4, "stem.0"), "stem.1")
    rates = drop_path_rates(drop_path_rate, config.depths)
    for stage, width in enumerate(config.widths):
        name = f"stages.{stage}"
        if stage > 0:
            x = batch_norm(x, f"{name}.downsample.0")
            x = _shrink(x, options, width, 2, f"{name}.downsample.1")
        for index, rate in enumerate(rates[stage]):
            x = _block(config, x, options, MLP_RATIOS[stage], rate, f"{name}.blocks.{index}")

    def classifier(x):
        x = options.pool(x, "avg")
        x = keras.layers.Dense(3 * config.widths[-1], name="head.fc1")(x)
        x = activation(x, "gelu", "head.act")
        x = keras.layers.LayerNormalization(epsilon=1e-6, name="head.norm")(x)
        return options.dense(x, "head.fc2", dropout_rate)

    return options.outputs(x, classifier)


FAMILY = Family(
    name="inception_next",
    paper="Yu et al., InceptionNeXt: When Inception Meets ConvNeXt, CVPR 2024, Table 2.",
    build=build,
    variants=VARIANTS,
    names=("InceptionNeXtAtto", "InceptionNeXtTiny", "InceptionNeXtSmall", "InceptionNeXtBase"),
    input_shape=(224, 224, 3),
    min_size=32,
    width=("widths",),
    depth=("depths",),
)
