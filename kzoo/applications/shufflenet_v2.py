"""ShuffleNet v2: channels are split, one half convolved, and both shuffled.

Ma, Zhang, Zheng, Sun, "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design",
ECCV 2018 (https://arxiv.org/abs/1807.11164), Table 5 and Figure 3. Layer names are torchvision's.

Deviations: none known.
"""

from dataclasses import dataclass

import keras
from keras import ops

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import activation, batch_norm, convolve, max_pool
from kzoo.layers import ChannelShuffle


@dataclass(frozen=True)
class ShuffleNetV2Config:
    """`filters` of the stages 2 to 4 and of the last convolution; `blocks` of the stages."""

    filters: tuple[int, int, int, int]
    blocks: tuple[int, int, int] = (4, 8, 4)


# Table 5 of the paper.
VARIANTS = {
    "shufflenet_v2_x0_5": ShuffleNetV2Config((48, 96, 192, 1024)),
    "shufflenet_v2_x1_0": ShuffleNetV2Config((116, 232, 464, 1024)),
    "shufflenet_v2_x1_5": ShuffleNetV2Config((176, 352, 704, 1024)),
    "shufflenet_v2_x2_0": ShuffleNetV2Config((244, 488, 976, 2048)),
}


def _depthwise(x, options, strides, name, index):
    channels = x.shape[channel_axis()]
    x = convolve(x, options, channels, 3, strides=strides, groups=channels, name=f"{name}.{index}")
    return batch_norm(x, f"{name}.{index + 1}")


def _pointwise(x, options, filters, name, index):
    x = batch_norm(convolve(x, options, filters, 1, name=f"{name}.{index}"), f"{name}.{index + 1}")
    return activation(x, "relu", f"{name}.{index + 2}")


def _block(x, options, filters, strides, name):
    """Figure 3 of the paper: c with stride 1, where the first half stays as it is; d with 2."""
    half = filters // 2
    if strides == 1:
        first, x = ops.split(x, 2, axis=channel_axis())
    else:
        first = _depthwise(x, options, strides, f"{name}.branch1", 0)
        first = _pointwise(first, options, half, f"{name}.branch1", 2)
    x = _pointwise(x, options, half, f"{name}.branch2", 0)
    x = _depthwise(x, options, strides, f"{name}.branch2", 3)
    x = _pointwise(x, options, half, f"{name}.branch2", 5)
    x = keras.layers.Concatenate(axis=channel_axis(), name=f"{name}.concat")([first, x])
    return ChannelShuffle(2, name=f"{name}.shuffle")(x)


def build(config, x, options, *, dropout_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    x = batch_norm(convolve(x, options, 24, 3, strides=2, name="conv1.0"), "conv1.1")
    x = max_pool(activation(x, "relu", "conv1.2"), 3, 2, "maxpool", padding=1)
    for stage, (blocks, filters) in enumerate(zip(config.blocks, config.filters), start=2):
        for index in range(blocks):
            strides = 2 if index == 0 else 1
            x = _block(x, options, filters, strides, f"stage{stage}.{index}")
    x = _pointwise(x, options, config.filters[-1], "conv5", 0)
    return options.outputs(x, options.pooled_dense("fc", dropout_rate))


FAMILY = Family(
    name="shufflenet_v2",
    paper="Ma et al., ShuffleNet V2: Practical Guidelines, ECCV 2018, Table 5.",
    build=build,
    variants=VARIANTS,
    names=("ShuffleNetV2X0_5", "ShuffleNetV2X1_0", "ShuffleNetV2X1_5", "ShuffleNetV2X2_0"),
    input_shape=(224, 224, 3),
    width=("filters",),
    depth=("blocks",),
)
