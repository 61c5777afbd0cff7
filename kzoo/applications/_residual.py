"""The body of the networks that put a block of their own into ResNet; layer names are timm's.

A configuration has `blocks`, their number in each of the four stages, `filters`, their nominal
widths, and `stem_width`: `None` for the published stem, one 7x7 convolution, or the width of a deep
one, three 3x3 convolutions ("d" for 32, "e" for 64). With a deep stem, shortcuts are averaged
before they are projected, as in He et al., "Bag of Tricks for Image Classification"
(https://arxiv.org/abs/1812.01187), ResNet-D.
"""

from kzoo.applications._family import channel_axis
from kzoo.applications._parts import (
    activation,
    add,
    average_pool,
    batch_norm,
    convolve,
    drop_path,
    drop_path_rates,
    max_pool,
)

FILTERS = (64, 128, 256, 512)


def _stem(x, config, options):
    width = config.stem_width
    if width is None:
        x = convolve(x, options, config.filters[0], 7, strides=2, name="conv1")
    else:
        for index, strides in ((0, 2), (3, 1)):
            x = convolve(x, options, width, 3, strides=strides, name=f"conv1.{index}")
            x = batch_norm(x, f"conv1.{index + 1}")
            x = activation(x, "relu", f"conv1.{index + 2}")
        x = convolve(x, options, 2 * width, 3, name="conv1.6")
    x = activation(batch_norm(x, "bn1"), "relu", "act1")
    return max_pool(x, 3, 2, "maxpool", padding=1)


def shortcut(x, options, filters, strides, average, name):
    """Identity, or a 1x1 convolution where the shape changes, after an average if asked for."""
    if strides == 1 and x.shape[channel_axis()] == filters:
        return x
    name, index = f"{name}.downsample", 0
    if average:
        if strides > 1:
            x = average_pool(x, strides, strides, f"{name}.0", padding="same")
        strides, index = 1, 1
    x = convolve(x, options, filters, 1, strides=strides, name=f"{name}.{index}")
    return batch_norm(x, f"{name}.{index + 1}")


def merge(x, identity, drop_rate, name, act_name):
    """End a block: stochastic depth, addition of the shortcut, activation."""
    x = drop_path(x, drop_rate, f"{name}.drop_path")
    return activation(add(x, identity, f"{name}.add"), "relu", f"{name}.{act_name}")


def residual_network(config, x, options, block, dropout_rate, drop_path_rate):
    """Stem, four stages of blocks, classifier.

    Args:
        block: function `(x, config, options, width, strides, drop_rate, name) -> tensor`.
        dropout_rate: applies before the classifier.
        drop_path_rate: of the last block; it grows linearly over the blocks.
    """
    x = _stem(x, config, options)
    rates = drop_path_rates(drop_path_rate, config.blocks)
    for stage, (stage_rates, width) in enumerate(zip(rates, config.filters), start=1):
        for index, rate in enumerate(stage_rates):
            strides = 2 if stage > 1 and index == 0 else 1
            x = block(x, config, options, width, strides, rate, f"layer{stage}.{index}")
    return options.outputs(x, options.pooled_dense("fc", dropout_rate))
