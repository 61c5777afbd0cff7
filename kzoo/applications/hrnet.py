"""HRNet: parallel branches at several resolutions, which exchange what they see.

Wang, Sun, Cheng, Jiang, Deng, Zhao, Liu, Mu, Tan, Wang, Liu, Xiao, "Deep High-Resolution
Representation Learning for Visual Recognition", TPAMI 2021 (https://arxiv.org/abs/1908.07919),
Figures 2 to 4 and appendix. Layer names are timm's.

Deviations: none from the authors' code for classification; "ssld" are PaddlePaddle's, whose head
has no biases. Maps of odd size work, where an enlarged branch is cut to the size of the finer one;
timm refuses them.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import activation, add, batch_norm, convolve
from kzoo.layers import CropLike2D


@dataclass(frozen=True)
class HRNetConfig:
    """What varies among the networks.

    Attributes:
        width: channels of the finest branch; each coarser one has twice as many.
        modules: exchanges in stages 2 to 4.
        blocks: blocks of each branch between exchanges.
        first: bottleneck blocks of stage 1, and their narrow width.
        head_bias: whether the convolutions of the head have biases.
    """

    width: int
    modules: tuple[int, int, int] = (1, 4, 3)
    blocks: int = 4
    first: tuple[int, int] = (4, 64)
    head_bias: bool = True


# The authors' configurations for ImageNet (experiments/ of HRNet-Image-Classification).
VARIANTS = {
    "hrnet_w18_small": HRNetConfig(16, modules=(1, 1, 1), blocks=2, first=(1, 32)),
    "hrnet_w18_small_v2": HRNetConfig(18, modules=(1, 3, 2), blocks=2, first=(2, 64)),
    "hrnet_w18": HRNetConfig(18),
    "hrnet_w30": HRNetConfig(30),
    "hrnet_w32": HRNetConfig(32),
    "hrnet_w40": HRNetConfig(40),
    "hrnet_w44": HRNetConfig(44),
    "hrnet_w48": HRNetConfig(48),
    "hrnet_w64": HRNetConfig(64),
    "hrnet_w18_ssld": HRNetConfig(18, head_bias=False),
    "hrnet_w48_ssld": HRNetConfig(48, head_bias=False),
}

HEAD_WIDTHS = (32, 64, 128, 256)  # narrow widths of the head's bottleneck blocks


def _conv_norm(x, options, filters, size, name, *, strides=1, use_bias=False, act=False):
    """A convolution `name.0`, a normalisation `name.1` and, with `act`, ReLU `name.2`."""
    x = convolve(x, options, filters, size, strides=strides, use_bias=use_bias, name=f"{name}.0")
    return activation(batch_norm(x, f"{name}.1"), "relu" if act else None, f"{name}.2")


def _block(x, options, sizes, filters, name):
    """Residual block of convolutions `sizes` with `filters` each."""
    shortcut = x
    if x.shape[channel_axis()] != filters[-1]:
        shortcut = _conv_norm(x, options, filters[-1], 1, f"{name}.downsample")
    for index, (size, count) in enumerate(zip(sizes, filters), start=1):
        x = convolve(x, options, count, size, name=f"{name}.conv{index}")
        x = batch_norm(x, f"{name}.bn{index}")
        if index == len(sizes):
            x = add(x, shortcut, f"{name}.add")
        x = activation(x, "relu", f"{name}.act{index}")
    return x


def _bottleneck(x, options, width, name):
    return _block(x, options, (1, 3, 1), (width, width, 4 * width), name)


def _basic(x, options, width, name):
    return _block(x, options, (3, 3), (width, width), name)


def _branch_out(maps, options, width, name):
    """Add a branch at half the coarsest resolution; the first time, fit the finest as well."""
    if len(maps) == 1:
        finest = _conv_norm(maps[0], options, width, 3, f"{name}.0", act=True)
        new = _conv_norm(maps[0], options, 2 * width, 3, f"{name}.1.0", strides=2, act=True)
        return [finest, new]
    filters, place = width * 2 ** len(maps), f"{name}.{len(maps)}.0"
    return [*maps, _conv_norm(maps[-1], options, filters, 3, place, strides=2, act=True)]


def _upsampled(x, options, filters, factor, reference, name):
    x = _conv_norm(x, options, filters, 1, name)
    x = keras.layers.UpSampling2D(factor, interpolation="nearest", name=f"{name}.2")(x)
    return CropLike2D(name=f"{name}.crop")([x, reference])


def _downsampled(x, options, filters, halvings, name):
    """Halve the resolution; the channels change with the last convolution."""
    for index in range(halvings):
        last = index == halvings - 1
        width = filters if last else x.shape[channel_axis()]
        x = _conv_norm(x, options, width, 3, f"{name}.{index}", strides=2, act=not last)
    return x


def _exchange(maps, options, width, name):
    """Give each branch the sum of all, brought to its resolution and width."""
    fused = []
    for i, target in enumerate(maps):
        filters = width * 2**i
        parts = [target]
        for j, source in enumerate(maps):
            place = f"{name}.fuse_layers.{i}.{j}"
            if j > i:
                factor = 2 ** (j - i)
                parts.append(_upsampled(source, options, filters, factor, target, place))
            elif j < i:
                parts.append(_downsampled(source, options, filters, i - j, place))
        y = keras.layers.Add(name=f"{name}.fuse_layers.{i}.add")(parts)
        fused.append(activation(y, "relu", f"{name}.fuse_act.{i}"))
    return fused


def _head(config, maps, options):
    """From the finest map down, each added to the next; then 2,048 channels."""
    bias, y = config.head_bias, None
    for index, (x, width) in enumerate(zip(maps, HEAD_WIDTHS)):
        x = _bottleneck(x, options, width, f"incre_modules.{index}.0")
        if y is not None:
            name = f"downsamp_modules.{index - 1}"
            y = _conv_norm(y, options, 4 * width, 3, name, strides=2, use_bias=bias, act=True)
            x = add(x, y, f"{name}.add")
        y = x
    return _conv_norm(y, options, 2048, 1, "final_layer", use_bias=bias, act=True)


def build(config, x, options, *, dropout_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    for index in (1, 2):
        x = convolve(x, options, 64, 3, strides=2, name=f"conv{index}")
        x = activation(batch_norm(x, f"bn{index}"), "relu", f"act{index}")
    blocks, width = config.first
    for index in range(blocks):
        x = _bottleneck(x, options, width, f"layer1.{index}")
    maps = [x]
    for stage, modules in enumerate(config.modules, start=2):
        maps = _branch_out(maps, options, config.width, f"transition{stage - 1}")
        for module in range(modules):
            name = f"stage{stage}.{module}"
            for branch in range(len(maps)):
                for index in range(config.blocks):
                    maps[branch] = _basic(
                        maps[branch],
                        options,
                        config.width * 2**branch,
                        f"{name}.branches.{branch}.{index}",
                    )
            maps = _exchange(maps, options, config.width, name)
    x = _head(config, maps, options)
    return options.outputs(x, options.pooled_dense("classifier", dropout_rate))


FAMILY = Family(
    name="hrnet",
    paper="Wang et al., Deep High-Resolution Representation Learning, TPAMI 2021.",
    build=build,
    variants=VARIANTS,
    names=(
        "HRNetW18Small",
        "HRNetW18SmallV2",
        "HRNetW18",
        "HRNetW30",
        "HRNetW32",
        "HRNetW40",
        "HRNetW44",
        "HRNetW48",
        "HRNetW64",
        "HRNetW18SSLD",
        "HRNetW48SSLD",
    ),
    input_shape=(224, 224, 3),
    width=("width",),
    depth=("blocks", "first[0]"),
)
