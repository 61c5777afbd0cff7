"""SelecSLS: selective long and short range skip connections, for speed.

Mehta et al., "XNect: Real-time Multi-Person 3D Motion Capture with a Single RGB Camera", SIGGRAPH
2020 (https://arxiv.org/abs/1907.00837), section 4.1.1 and the authors' code. Layer names are
timm's.

Deviations: `selecsls42`, `selecsls84` and the classifiers on ImageNet are the authors' code's, not
in the paper.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import activation, batch_norm, convolve

STAGES_42 = (((64, 64), (64, 128)), ((144, 144), (144, 288)), ((304, 304), (304, 480)))
STAGES_60 = (
    ((64, 64), (64, 128)),
    ((128, 128), (128, 128), (128, 288)),
    ((288, 288), (288, 288), (288, 288), (288, 416)),
)
STAGES_84 = (
    ((64, 64), (64, 144)),
    (*((144, 144),) * 4, (144, 304)),
    (*((304, 304),) * 5, (304, 512)),
)


@dataclass(frozen=True)
class SelecSLSConfig:
    """Blocks of each stage as pairs of inner and output channels; head layers.

    `head` is the channels of the last four convolutions, of which the first and the third halve the
    height and width; `last_kernel` is the kernel size of the fourth.
    """

    stages: tuple[tuple[tuple[int, int], ...], ...]
    head: tuple[int, int, int, int]
    last_kernel: int = 1


# The authors' code.
VARIANTS = {
    "selecsls42": SelecSLSConfig(STAGES_42, (960, 1024, 1024, 1280)),
    "selecsls42b": SelecSLSConfig(STAGES_42, (960, 1024, 1280, 1024)),
    "selecsls60": SelecSLSConfig(STAGES_60, (756, 1024, 1024, 1280)),
    "selecsls60b": SelecSLSConfig(STAGES_60, (756, 1024, 1280, 1024)),
    "selecsls84": SelecSLSConfig(STAGES_84, (960, 1024, 1024, 1280), last_kernel=3),
}


def _layer(x, options, filters, kernel_size, name, strides=1):
    x = convolve(x, options, filters, kernel_size, strides=strides, name=f"{name}.0")
    return activation(batch_norm(x, f"{name}.1"), "relu", f"{name}.2")


def _block(x, skip, options, width, filters, name):
    """Three depths of the same input, concatenated; the first of a stage has a stride of 2.

    Args:
        skip: result of the first block of the stage, concatenated too; `None` in that block.
    """
    strides = 2 if skip is None else 1
    depth1 = _layer(x, options, width, 3, f"{name}.conv1", strides)
    x = _layer(depth1, options, width, 1, f"{name}.conv2")
    depth2 = _layer(x, options, width // 2, 3, f"{name}.conv3")
    x = _layer(depth2, options, width, 1, f"{name}.conv4")
    depth3 = _layer(x, options, width // 2, 3, f"{name}.conv5")
    parts = [depth1, depth2, depth3] if skip is None else [depth1, depth2, depth3, skip]
    x = keras.layers.Concatenate(channel_axis(), name=f"{name}.concat")(parts)
    return _layer(x, options, filters, 1, f"{name}.conv6")


def build(config, x, options, *, dropout_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    x = _layer(x, options, 32, 3, "stem", strides=2)
    index = 0
    for stage in config.stages:
        skip = None
        for width, filters in stage:
            x = _block(x, skip, options, width, filters, f"features.{index}")
            skip = x if skip is None else skip
            index += 1
    kernel_sizes = (3, 3, 3, config.last_kernel)
    for index, (filters, size, strides) in enumerate(zip(config.head, kernel_sizes, (2, 1, 2, 1))):
        x = _layer(x, options, filters, size, f"head.{index}", strides)
    return options.outputs(x, options.pooled_dense("fc", dropout_rate))


FAMILY = Family(
    name="selecsls",
    paper="Mehta et al., XNect, SIGGRAPH 2020, section 4.1.1.",
    build=build,
    variants=VARIANTS,
    names=("SelecSLS42", "SelecSLS42b", "SelecSLS60", "SelecSLS60b", "SelecSLS84"),
    input_shape=(224, 224, 3),
    width=("stages", "head"),
)
