"""Networks without normalisation: NF-ResNet, NF-RegNet and NFNet.

Brock, De, Smith, "Characterizing signal propagation to close the performance gap in unnormalized
ResNets", ICLR 2021 (https://arxiv.org/abs/2101.08692), and Brock, De, Smith, Simonyan,
"High-Performance Large-Scale Image Recognition Without Normalization", ICML 2021
(https://arxiv.org/abs/2102.06171), Tables 1 and 2. Layer names are timm's.

A block computes x + alpha f(x / beta), where beta is the standard deviation that the signal x is
expected to have there, and the convolutions of f keep it: their kernels are standardised, scaled by
a learned gain, and by the gamma that makes good what the activation takes away.

Deviations, as in timm: widths are rounded to multiples of 8. gamma is in every kernel; in `dm_`
networks it belongs to the activations, as in DeepMind's code, so that kernels without one before
them have none, and the last activation has it. There as for beta, kernels are multiplied instead of
maps: the same function, with fewer multiplications. `dm_` networks alone have the learned factor at
the end of each branch (SkipInit), the others start from a gain of 0 there; and they alone pad as
TensorFlow does. `nfnet_l`, `eca_nfnet_l` and the attention of the NF-ResNets are timm's own, not
the papers'.

`conv=` puts its own in the place of the convolutions whose kernel is larger than 1 and that are not
grouped; those are neither standardised nor scaled, and have no gain.
"""

from dataclasses import dataclass
from functools import partial

from kzoo import layers
from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import (
    activation,
    add,
    average_pool,
    drop_path,
    drop_path_rates,
    max_pool,
    rescale,
)
from kzoo.applications._standardized import standardized_convolve
from kzoo.layers._divisible import make_divisible


@dataclass(frozen=True)
class NFNetConfig:
    """What varies.

    Attributes:
        blocks: number of blocks per stage.
        channels: width of each stage.
        body: "nfnet", "regnet" or "resnet", which says how stem and blocks are made.
        bottleneck: width of a block's 3x3 convolutions, as part of that of its output (of its input
            in a regnet, whose first block has as many as its input).
        group_size: channels of a group of the 3x3 convolutions; None for no groups.
        features: filters of the last convolution; 0 for none.
        activation: "relu", "gelu" or "silu".
        attention: "se" (squeeze-and-excitation), "eca" (efficient channel attention) or None.
        squeeze: reduced number of channels of squeeze-and-excitation, as part of its input's.
        deepmind: whether the network is DeepMind's to the letter, see the module.
    """

    blocks: tuple[int, int, int, int]
    channels: tuple[int, int, int, int] = (256, 512, 1536, 1536)
    body: str = "nfnet"
    bottleneck: float = 0.5
    group_size: int | None = 128
    features: int = 3072
    activation: str = "gelu"
    attention: str | None = "se"
    squeeze: float = 0.5
    deepmind: bool = False


_DeepMind = partial(NFNetConfig, deepmind=True)
_Light = partial(NFNetConfig, bottleneck=0.25, group_size=64, activation="silu", squeeze=0.25)
_RegNet = partial(
    NFNetConfig,
    body="regnet",
    channels=(48, 104, 208, 440),
    bottleneck=2.25,
    group_size=8,
    features=1280,
    activation="silu",
)
_ResNet = partial(
    NFNetConfig,
    body="resnet",
    channels=(256, 512, 1024, 2048),
    bottleneck=0.25,
    group_size=None,
    features=0,
    activation="relu",
    attention=None,
    squeeze=1 / 16,
)

VARIANTS = {
    # Brock et al., ICML 2021, Table 1.
    "dm_nfnet_f0": _DeepMind((1, 2, 6, 3)),
    "dm_nfnet_f1": _DeepMind((2, 4, 12, 6)),
    "dm_nfnet_f2": _DeepMind((3, 6, 18, 9)),
    "dm_nfnet_f3": _DeepMind((4, 8, 24, 12)),
    "dm_nfnet_f4": _DeepMind((5, 10, 30, 15)),
    "dm_nfnet_f5": _DeepMind((6, 12, 36, 18)),
    "dm_nfnet_f6": _DeepMind((7, 14, 42, 21)),
    "nfnet_f0": NFNetConfig((1, 2, 6, 3)),
    "nfnet_f1": NFNetConfig((2, 4, 12, 6)),
    "nfnet_f2": NFNetConfig((3, 6, 18, 9)),
    "nfnet_f3": NFNetConfig((4, 8, 24, 12)),
    "nfnet_f4": NFNetConfig((5, 10, 30, 15)),
    "nfnet_f5": NFNetConfig((6, 12, 36, 18)),
    "nfnet_f6": NFNetConfig((7, 14, 42, 21)),
    "nfnet_f7": NFNetConfig((8, 16, 48, 24)),
    # timm's own.
    "nfnet_l0": _Light((1, 2, 6, 3), features=2304),
    "eca_nfnet_l0": _Light((1, 2, 6, 3), features=2304, attention="eca"),
    "eca_nfnet_l1": _Light((2, 4, 12, 6), attention="eca"),
    "eca_nfnet_l2": _Light((3, 6, 18, 9), attention="eca"),
    "eca_nfnet_l3": _Light((4, 8, 24, 12), attention="eca"),
    # Brock et al., ICLR 2021, appendix; timm takes 0.75 of these widths.
    "nf_regnet_b0": _RegNet((1, 3, 6, 6)),
    "nf_regnet_b1": _RegNet((2, 4, 7, 7)),
    "nf_regnet_b2": _RegNet((2, 4, 8, 8), channels=(56, 112, 232, 488), features=1419),
    "nf_regnet_b3": _RegNet((2, 5, 9, 9), channels=(56, 128, 248, 528), features=1536),
    "nf_regnet_b4": _RegNet((2, 6, 11, 11), channels=(64, 144, 288, 616), features=1792),
    "nf_regnet_b5": _RegNet((3, 7, 14, 14), channels=(80, 168, 336, 704), features=2048),
    # He et al., "Deep Residual Learning for Image Recognition", Table 1.
    "nf_resnet26": _ResNet((2, 2, 2, 2)),
    "nf_resnet50": _ResNet((3, 4, 6, 3)),
    "nf_resnet101": _ResNet((3, 4, 23, 3)),
    "nf_seresnet26": _ResNet((2, 2, 2, 2), attention="se"),
    "nf_seresnet50": _ResNet((3, 4, 6, 3), attention="se"),
    "nf_seresnet101": _ResNet((3, 4, 23, 3), attention="se"),
    "nf_ecaresnet26": _ResNet((2, 2, 2, 2), attention="eca"),
    "nf_ecaresnet50": _ResNet((3, 4, 6, 3), attention="eca"),
    "nf_ecaresnet101": _ResNet((3, 4, 23, 3), attention="eca"),
}

ALPHA = 0.2
ATTENTION_GAIN = 2.0  # Attention halves the signal (ICML 2021, section 4.1).
# 1 / (standard deviation of the activation of a standard normal variable), from DeepMind's code.
GAMMA = {"relu": 1.7139588594446636, "gelu": 1.7015043497085571, "silu": 1.7881293296813965}
WIDTH = {"regnet": 0.75, "nfnet": 1.0, "resnet": 1.0}


def _bare_gamma(config):
    """gamma of the kernels that no activation precedes."""
    return 1.0 if config.deepmind else GAMMA[config.activation]


def _stem(x, config, conv):
    """Convolutions of strides 2 in all, or 4 in an nfnet and, with its pooling, in a resnet."""
    if config.body == "regnet":
        filters = make_divisible(config.channels[0] * WIDTH["regnet"])
        return conv(x, filters=filters, kernel_size=3, strides=2, name="stem.conv")
    if config.body == "resnet":
        x = conv(x, filters=64, kernel_size=7, strides=2, name="stem.conv")
        return max_pool(x, 3, 2, "stem.pool", padding=1)
    x = conv(x, filters=16, kernel_size=3, strides=2, gamma=_bare_gamma(config), name="stem.conv1")
    for index, (filters, strides) in enumerate(((32, 1), (64, 1), (128, 2)), start=2):
        x = activation(x, config.activation, f"stem.act{index}")
        x = conv(x, filters=filters, kernel_size=3, strides=strides, name=f"stem.conv{index}")
    return x


def _attention(x, config, name):
    if config.attention == "eca":
        return layers.EfficientChannelAttention(name=name)(x)
    return layers.SqueezeExcite(config.squeeze, name=name)(x)


def _block(x, config, conv, filters, strides, beta, rate, name):
    """Pre-activation block; kernels are divided by `beta` instead of what they see."""
    regnet, inputs = config.body == "regnet", x.shape[channel_axis()]
    gamma = GAMMA[config.activation]
    ratio = 1.0 if regnet and name == "stages.0.0" else config.bottleneck
    width = make_divisible((inputs if regnet else filters) * ratio)
    group_size = min(config.group_size or width, width)
    groups = width // group_size
    width = group_size * groups
    shortcut, scale = x, ALPHA
    x = activation(x, config.activation, f"{name}.act1")
    if inputs != filters or strides > 1:
        shortcut = x
        if strides > 1:
            shortcut = average_pool(x, 2, strides, f"{name}.downsample.pool", padding="same")
        shortcut = conv(
            shortcut,
            filters=filters,
            kernel_size=1,
            gamma=gamma / beta,
            name=f"{name}.downsample.conv",
        )
    x = conv(x, filters=width, kernel_size=1, gamma=gamma / beta, name=f"{name}.conv1")
    x = activation(x, config.activation, f"{name}.act2")
    middle = {"filters": width, "kernel_size": 3, "groups": groups}
    x = conv(x, strides=strides, name=f"{name}.conv2", **middle)
    if config.body == "nfnet":
        x = activation(x, config.activation, f"{name}.act2b")
        x = conv(x, name=f"{name}.conv2b", **middle)
    if regnet:
        x = _attention(x, config, f"{name}.attn")
        x = rescale(x, ATTENTION_GAIN, f"{name}.attn_gain")
    x = activation(x, config.activation, f"{name}.act3")
    gain = 1.0 if config.deepmind else 0.0
    x = conv(x, filters=filters, kernel_size=1, gain=gain, name=f"{name}.conv3")
    if config.attention and not regnet:
        x = _attention(x, config, f"{name}.attn_last")
        scale *= ATTENTION_GAIN
    x = drop_path(x, rate, f"{name}.drop_path")
    if config.deepmind:
        x = layers.SkipInit(name=name)(x)
    x = rescale(x, scale, f"{name}.alpha")
    return add(x, shortcut, f"{name}.add")


def build(config, x, options, *, dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `Family`.

    `dropout_rate` applies before the classifier, `drop_path_rate` to the last block's branch, from
    0 at the first on.
    """
    conv = partial(
        standardized_convolve,
        options=options,
        padding="same" if config.deepmind else "symmetric",
        use_bias=True,
        epsilon=1e-5,
        gain=1.0,
        gamma=GAMMA[config.activation],
    )
    x = _stem(x, config, conv)
    rates = drop_path_rates(drop_path_rate, config.blocks)
    variance = 1.0
    for stage, channels in enumerate(config.channels):
        filters = make_divisible(channels * WIDTH[config.body])
        for index, rate in enumerate(rates[stage]):
            strides = 2 if index == 0 and (stage > 0 or config.body == "regnet") else 1
            name = f"stages.{stage}.{index}"
            x = _block(x, config, conv, filters, strides, variance**0.5, rate, name)
            # The shortcut's convolution takes the variance back to 1; a branch adds alpha^2.
            variance = (1.0 if index == 0 else variance) + ALPHA**2
    if config.features:
        filters = make_divisible(config.features * WIDTH[config.body])
        x = conv(x, filters=filters, kernel_size=1, gamma=_bare_gamma(config), name="final_conv")
    x = activation(x, config.activation, "final_act")
    if config.deepmind:
        x = rescale(x, GAMMA[config.activation], "final_act.gamma")
    return options.outputs(x, options.pooled_dense("head.fc", dropout_rate))


FAMILY = Family(
    name="nfnet",
    paper="Brock et al., High-Performance Large-Scale Image Recognition Without Normalization, "
    "ICML 2021.",
    build=build,
    variants=VARIANTS,
    names=(
        *(f"DMNFNetF{size}" for size in range(7)),
        *(f"NFNetF{size}" for size in range(8)),
        "NFNetL0",
        *(f"ECANFNetL{size}" for size in range(4)),
        *(f"NFRegNetB{size}" for size in range(6)),
        *(f"NF{kind}ResNet{depth}" for kind in ("", "SE", "ECA") for depth in (26, 50, 101)),
    ),
    input_shape=(224, 224, 3),
    input_sizes={
        "dm_nfnet_f0": 192,
        "dm_nfnet_f2": 256,
        "dm_nfnet_f3": 320,
        "dm_nfnet_f4": 384,
        "dm_nfnet_f5": 416,
        "dm_nfnet_f6": 448,
        "nfnet_f0": 192,
        "nfnet_f2": 256,
        "nfnet_f3": 320,
        "nfnet_f4": 384,
        "nfnet_f5": 416,
        "nfnet_f6": 448,
        "nfnet_f7": 480,
        "eca_nfnet_l1": 256,
        "eca_nfnet_l2": 320,
        "eca_nfnet_l3": 352,
        "nf_regnet_b0": 192,
        "nf_regnet_b1": 256,
        "nf_regnet_b2": 240,
        "nf_regnet_b3": 288,
        "nf_regnet_b4": 320,
        "nf_regnet_b5": 384,
        "nf_resnet50": 256,
    },
    width=("channels", "features"),
    depth=("blocks",),
)
