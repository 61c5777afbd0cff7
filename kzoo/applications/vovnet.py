"""VoVNet: blocks whose layers are concatenated once, at their end.

Lee, Hwang, Lee, Bae, Park, "An Energy and GPU-Computation Efficient Backbone Network for Real-Time
Object Detection", CVPR workshops 2019 (https://arxiv.org/abs/1904.09730), Table 1 (V1, names in
"a"); Lee, Park, "CenterMask", CVPR 2020 (https://arxiv.org/abs/1911.06667), section 3.3 (V2, names
in "b": shortcuts and effective squeeze-and-excitation). Layer names are timm's.

Deviations: as in the authors' code, only the last block of a stage has attention. `eca_vovnet39b`
and `ese_vovnet39b_evos` are timm's.
"""

import math
from dataclasses import dataclass

import keras

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import (
    activation,
    add,
    batch_norm,
    convolve,
    drop_path,
    drop_path_rates,
    max_pool,
)
from kzoo.layers import EffectiveSqueezeExcite, EfficientChannelAttention, EvoNormS0

ATTENTIONS = {"ese": EffectiveSqueezeExcite, "eca": EfficientChannelAttention}
WIDE = (128, 160, 192, 224), (256, 512, 768, 1024)
SLIM = (64, 80, 96, 112), (112, 256, 384, 512)


@dataclass(frozen=True)
class VoVNetConfig:
    """Blocks per stage, layers per block; `widths` within blocks and of their results, per stage.

    `depthwise` makes the layers depthwise separable; blocks have shortcuts where there is an
    `attention`; `evo_norm` puts EvoNorm-S0 in the place of normalisation and activation.
    """

    blocks: tuple[int, int, int, int]
    layers: int = 5
    widths: tuple[tuple[int, int, int, int], tuple[int, int, int, int]] = WIDE
    attention: str | None = "ese"
    depthwise: bool = False
    evo_norm: bool = False


# Table 1 of the first paper ("a"), the authors' code of the second one ("b").
VARIANTS = {
    "vovnet39a": VoVNetConfig((1, 1, 2, 2), attention=None),
    "vovnet57a": VoVNetConfig((1, 1, 4, 3), attention=None),
    "ese_vovnet19b_dw": VoVNetConfig((1, 1, 1, 1), 3, depthwise=True),
    "ese_vovnet19b_slim": VoVNetConfig((1, 1, 1, 1), 3, SLIM),
    "ese_vovnet19b_slim_dw": VoVNetConfig((1, 1, 1, 1), 3, SLIM, depthwise=True),
    "ese_vovnet39b": VoVNetConfig((1, 1, 2, 2)),
    "ese_vovnet39b_evos": VoVNetConfig((1, 1, 2, 2), evo_norm=True),
    "ese_vovnet57b": VoVNetConfig((1, 1, 4, 3)),
    "ese_vovnet99b": VoVNetConfig((1, 3, 9, 3)),
    "eca_vovnet39b": VoVNetConfig((1, 1, 2, 2), attention="eca"),
}


def _layer(x, config, options, filters, kernel_size, name, strides=1, depthwise=False):
    """Convolution, depthwise separable if asked for, norm and activation."""
    if depthwise:
        channels = x.shape[channel_axis()]
        x = convolve(
            x,
            options,
            channels,
            kernel_size,
            strides=strides,
            groups=channels,
            name=f"{name}.conv_dw",
        )
        x = convolve(x, options, filters, 1, name=f"{name}.conv_pw")
    else:
        x = convolve(x, options, filters, kernel_size, strides=strides, name=f"{name}.conv")
    if config.evo_norm:
        return EvoNormS0(math.gcd(32, filters), name=f"{name}.bn")(x)
    return activation(batch_norm(x, f"{name}.bn"), "relu", f"{name}.act")


def _block(x, config, options, stage, attend, drop_rate, name):
    """One-shot aggregation: layers in sequence, all their results concatenated with the input."""
    shortcut = x
    width, filters = (widths[stage] for widths in config.widths)
    results = [x]
    if config.depthwise and x.shape[channel_axis()] != width:
        x = _layer(x, config, options, width, 1, f"{name}.conv_reduction")
    for index in range(config.layers):
        x = _layer(
            x, config, options, width, 3, f"{name}.conv_mid.{index}", depthwise=config.depthwise
        )
        results.append(x)
    x = keras.layers.Concatenate(channel_axis(), name=f"{name}.concat")(results)
    x = _layer(x, config, options, filters, 1, f"{name}.conv_concat")
    if config.attention and attend:
        x = ATTENTIONS[config.attention](name=f"{name}.attn")(x)
    if config.attention and not name.endswith(".0"):
        x = add(drop_path(x, drop_rate, f"{name}.drop_path"), shortcut, f"{name}.add")
    return x


def build(config, x, options, *, dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `Family`.

    `dropout_rate` applies before the classifier, `drop_path_rate` to the shortcut of the last
    block; it grows linearly over the blocks.
    """
    last = 64 if config.depthwise else 128
    for index, (filters, strides) in enumerate(((64, 2), (64, 1), (last, 2))):
        depthwise = config.depthwise and index > 0
        x = _layer(x, config, options, filters, 3, f"stem.{index}", strides, depthwise)
    rates = drop_path_rates(drop_path_rate, config.blocks)
    for stage, stage_rates in enumerate(rates):
        if stage:
            x = max_pool(x, 3, 2, f"stages.{stage}.pool", ceil=True)
        for index, rate in enumerate(stage_rates):
            attend = index == len(stage_rates) - 1
            name = f"stages.{stage}.blocks.{index}"
            x = _block(x, config, options, stage, attend, rate, name)
    return options.outputs(x, options.pooled_dense("head.fc", dropout_rate))


FAMILY = Family(
    name="vovnet",
    paper="Lee et al., An Energy and GPU-Computation Efficient Backbone Network, CVPR-W 2019.",
    build=build,
    variants=VARIANTS,
    names=(
        "VoVNet39a",
        "VoVNet57a",
        "ESEVoVNet19bDW",
        "ESEVoVNet19bSlim",
        "ESEVoVNet19bSlimDW",
        "ESEVoVNet39b",
        "ESEVoVNet39bEvoS",
        "ESEVoVNet57b",
        "ESEVoVNet99b",
        "ECAVoVNet39b",
    ),
    input_shape=(224, 224, 3),
    input_sizes={"ese_vovnet57b": 256},
    min_size=29,
    variant_statistics={"ese_vovnet57b": "inception"},
    width=("widths",),
    depth=("blocks",),
)
