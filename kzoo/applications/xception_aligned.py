"""Aligned Xception: the deeper Xception of DeepLab, strided in its separable convolutions.

Chen, Zhu, Papandreou, Schroff, Adam, "Encoder-Decoder with Atrous Separable Convolution for
Semantic Image Segmentation", ECCV 2018 (https://arxiv.org/abs/1802.02611), Figure 4, after Dai et
al., 2017; 41, 65 or 71 layers. Layer names are timm's.

Deviations: convolutions are padded symmetrically, as in timm. The variants with "p", timm's own,
normalise and activate before the convolutions instead of after.
"""

from dataclasses import dataclass

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import (
    activation,
    add,
    batch_norm,
    convolve,
    drop_path,
    drop_path_rates,
)


@dataclass(frozen=True)
class XceptionAlignedConfig:
    """Filters and strides of the entry flow's blocks, the number of middle blocks, the norms.

    `exit` is the filters of the three convolutions in both blocks of the exit flow, `stem` those of
    the first two convolutions.
    """

    entry: tuple[tuple[int, int], ...] = ((128, 2), (256, 2), (728, 2))
    middle: int = 16
    preact: bool = False
    epsilon: float = 1e-3
    exit: tuple[tuple[int, int, int], ...] = ((728, 1024, 1024), (1536, 1536, 2048))
    stem: tuple[int, int] = (32, 64)

    def blocks(self):
        """Return the filters of each block's three convolutions, and its strides."""
        return [
            *[((filters,) * 3, strides) for filters, strides in self.entry],
            *self.middle * [((self.entry[-1][0],) * 3, 1)],
            *zip(self.exit, (2, 1), strict=True),
        ]


VARIANTS = {
    "xception41": XceptionAlignedConfig(middle=8),
    "xception65": XceptionAlignedConfig(),
    "xception71": XceptionAlignedConfig(((128, 2), (256, 1), (256, 2), (728, 1), (728, 2))),
    "xception41p": XceptionAlignedConfig(middle=8, preact=True, epsilon=1e-5),
    "xception65p": XceptionAlignedConfig(preact=True),
}


def _norm_act(x, config, norm, act=None):
    x = batch_norm(x, norm, epsilon=config.epsilon)
    return x if act is None else activation(x, "relu", act)


def _separable(x, config, options, filters, strides, name, act_between):
    """Depthwise and pointwise convolution, each normalised where the network is not pre-act."""
    channels = x.shape[channel_axis()]
    for part, width, size, step, groups in (
        ("dw", channels, 3, strides, channels),
        ("pw", filters, 1, 1, 1),
    ):
        x = convolve(
            x, options, width, size, strides=step, groups=groups, name=f"{name}.conv_{part}"
        )
        if not config.preact:
            act = f"{name}.act_{part}" if act_between else None
            x = _norm_act(x, config, f"{name}.bn_{part}", act)
    return x


def _shortcut(x, config, options, filters, strides, name):
    if strides == 1 and x.shape[channel_axis()] == filters:
        return x
    if config.preact:
        return convolve(x, options, filters, 1, strides=strides, name=f"{name}.shortcut")
    x = convolve(x, options, filters, 1, strides=strides, name=f"{name}.shortcut.conv")
    return _norm_act(x, config, f"{name}.shortcut.bn")


def _block(x, config, options, filters, strides, rate, name, last):
    """Three separable convolutions; all but the last block have a shortcut."""
    if config.preact:
        x = _norm_act(x, config, f"{name}.norm", f"{name}.act")
    y = x
    for index, width in enumerate(filters, start=1):
        conv = f"{name}.stack.conv{index}"
        if config.preact and index > 1:
            y = _norm_act(y, config, f"{conv}.norm", f"{conv}.act")
        elif not config.preact and not last:
            y = activation(y, "relu", f"{name}.stack.act{index}")
        step = strides if index == len(filters) else 1
        y = _separable(y, config, options, width, step, conv, act_between=last)
    if last:
        return y
    shortcut = _shortcut(x, config, options, filters[-1], strides, name)
    return add(drop_path(y, rate, f"{name}.drop_path"), shortcut, f"{name}.add")


def build(config, x, options, *, dropout_rate=0.0, drop_path_rate=0.0):
    """Build the network; see `Family`.

    `dropout_rate` applies before the classifier; `drop_path_rate` is the probability with which the
    last block is skipped in training, and grows linearly up to it.
    """
    x = convolve(x, options, config.stem[0], 3, strides=2, name="stem.0.conv")
    x = _norm_act(x, config, "stem.0.bn", "stem.0.act")
    x = convolve(x, options, config.stem[1], 3, name="stem.1" if config.preact else "stem.1.conv")
    if not config.preact:
        x = _norm_act(x, config, "stem.1.bn", "stem.1.act")
    blocks = config.blocks()
    (rates,) = drop_path_rates(drop_path_rate, (len(blocks),))
    for index, ((filters, strides), rate) in enumerate(zip(blocks, rates)):
        last = index == len(blocks) - 1
        x = _block(x, config, options, filters, strides, rate, f"blocks.{index}", last)
    if config.preact:
        x = activation(x, "relu", "act")
    return options.outputs(x, options.pooled_dense("head.fc", dropout_rate))


FAMILY = Family(
    name="xception_aligned",
    paper="Chen et al., Encoder-Decoder with Atrous Separable Convolution, ECCV 2018, Figure 4.",
    build=build,
    variants=VARIANTS,
    names=("Xception41", "Xception65", "Xception71", "Xception41P", "Xception65P"),
    input_shape=(299, 299, 3),
    statistics="inception",
    width=("stem", "entry[0]", "exit"),
    depth=("middle",),
)
