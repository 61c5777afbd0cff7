"""NASNet-A: two cells found by search on CIFAR-10, repeated.

Zoph, Vasudevan, Shlens, Le, "Learning Transferable Architectures for Scalable Image Recognition",
CVPR 2018 (https://arxiv.org/abs/1707.07012), Figure 4 and Table 2. Layer names are timm's.

Deviations: as in timm, average pooling with stride 2 counts the zeros that it pads with, which the
authors' code leaves out, and there is no auxiliary classifier.
"""

from dataclasses import dataclass

import keras
import numpy as np

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import activation, add, average_pool, max_pool
from kzoo.applications._searched import factorized_reduction, pointwise, separable, stem
from kzoo.layers import FixedConv2D


@dataclass(frozen=True)
class NASNetConfig:
    """`cells` between reductions, `filters` of a map in the first, `stem` of the first layer."""

    cells: int
    filters: int
    stem: int


# Table 2 of the paper: NASNet-A (6 @ 4032): the last cells give six maps of 4 x 168 filters.
VARIANTS = {"nasnetalarge": NASNetConfig(cells=6, filters=168, stem=96)}


def _concatenate(parts, name):
    return keras.layers.Concatenate(axis=channel_axis(), name=f"{name}.concat")(parts)


def _normal(x, previous, options, filters, name):
    """Normal cell of two maps with `filters` channels each; gives six times as many."""

    def branch(source, kernel_size, place):
        return separable(source, options, filters, kernel_size, f"{name}.comb_iter_{place}")

    def pooled(source, place):
        place = f"{name}.comb_iter_{place}"
        return average_pool(source, 3, 1, place, padding=1, count_padding=False)

    def total(left, right, index):
        return add(left, right, f"{name}.comb_iter_{index}.add")

    mean = pooled(previous, "3_left")
    parts = [
        previous,
        total(branch(x, 5, "0_left"), branch(previous, 3, "0_right"), 0),
        total(branch(previous, 5, "1_left"), branch(previous, 3, "1_right"), 1),
        total(pooled(x, "2_left"), previous, 2),
        total(mean, mean, 3),
        total(branch(x, 3, "4_left"), x, 4),
    ]
    return _concatenate(parts, name)


def _reduction(x, previous, options, filters, name):
    """Reduction cell of two maps; halves the resolution, gives four times `filters` channels."""

    def branch(source, kernel_size, place, strides=2):
        place = f"{name}.comb_iter_{place}"
        return separable(source, options, filters, kernel_size, place, strides=strides)

    def total(left, right, index):
        return add(left, right, f"{name}.comb_iter_{index}.add")

    largest = max_pool(x, 3, 2, f"{name}.comb_iter_1_left", padding="same")
    # An average over zeros as well, which no pooling of Keras gives.
    box = FixedConv2D(np.full((3, 3), 1 / 9), strides=2, name=f"{name}.comb_iter_2_left")
    sums = [
        total(branch(x, 5, "0_left"), branch(previous, 7, "0_right"), 0),
        total(largest, branch(previous, 7, "1_right"), 1),
        total(box(x), branch(previous, 5, "2_right"), 2),
    ]
    place = f"{name}.comb_iter_3_right"
    mean = average_pool(sums[0], 3, 1, place, padding=1, count_padding=False)
    last = total(branch(sums[0], 3, "4_left", strides=1), largest, 4)
    return _concatenate([sums[1], sums[2], total(mean, sums[1], 3), last], name)


def build(config, x, options, *, dropout_rate=0.5):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    filters = config.filters
    first = stem(x, options, config.stem, "conv0")

    name, width = "cell_stem_0", filters // 4
    x = pointwise(first, options, width, f"{name}.conv_1x1")
    previous = _reduction(x, first, options, width, name)

    name, width = "cell_stem_1", filters // 2
    x = pointwise(previous, options, width, f"{name}.conv_1x1")
    x = _reduction(x, factorized_reduction(first, options, width, name), options, width, name)

    for stage in range(3):
        width = filters * 2**stage
        if stage > 0:
            name = f"reduction_cell_{stage - 1}"
            right = pointwise(x, options, width, f"{name}.conv_1x1")
            left = pointwise(previous, options, width, f"{name}.conv_prev_1x1")
            x = _reduction(right, left, options, width, name)
        for index in range(config.cells):
            name = f"cell_{stage * config.cells + index}"
            if index == 0:
                left = factorized_reduction(previous, options, width, name)
            else:
                left = pointwise(previous, options, width, f"{name}.conv_prev_1x1")
            right = pointwise(x, options, width, f"{name}.conv_1x1")
            previous, x = x, _normal(right, left, options, width, name)
    x = activation(x, "relu", "act")
    return options.outputs(x, options.pooled_dense("last_linear", dropout_rate))


FAMILY = Family(
    name="nasnet",
    paper="Zoph et al., Learning Transferable Architectures, CVPR 2018, Table 2.",
    build=build,
    variants=VARIANTS,
    names=("NASNetALarge",),
    input_shape=(331, 331, 3),
    min_size=32,
    statistics="inception",
    width=("filters", "stem"),
    depth=("cells",),
)
