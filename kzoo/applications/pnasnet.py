"""PNASNet-5: one cell found by a search that goes from simple to complex, repeated.

Liu, Zoph, Neumann, Shlens, Hua, Li, Fei-Fei, Yuille, Huang, Murphy, "Progressive Neural
Architecture Search", ECCV 2018 (https://arxiv.org/abs/1712.00559), Figure 1 and Table 5. Layer
names are timm's.

Deviations: as in timm, there is no auxiliary classifier.
"""

from dataclasses import dataclass

import keras

from kzoo.applications._family import Family, channel_axis
from kzoo.applications._parts import activation, add, convolve, max_pool
from kzoo.applications._searched import factorized_reduction, norm, pointwise, separable, stem


@dataclass(frozen=True)
class PNASNetConfig:
    """`cells` in each of three stages, `filters` of the first, `stem` of the first convolution."""

    cells: int
    filters: int
    stem: int


# Table 5 of the paper: PNASNet-5 (N = 4, F = 216).
VARIANTS = {"pnasnet5large": PNASNetConfig(cells=4, filters=216, stem=96)}


def _cell(left, right, options, filters, strides, name, *, first=False):
    """Five sums of two branches each; gives five times `filters` channels.

    Args:
        left: the map before the last, at the resolution of `right`.
        right: the last map, with `filters` channels.
        first: whether this is the first cell, whose left map has other channels.
    """

    def branch(source, kernel_size, place, strides=strides):
        place = f"{name}.comb_iter_{place}"
        return separable(source, options, filters, kernel_size, place, strides=strides)

    def pooled(source, place):
        return max_pool(source, 3, strides, f"{name}.comb_iter_{place}", padding="same")

    def total(one, other, index):
        return add(one, other, f"{name}.comb_iter_{index}.add")

    if first:
        place = f"{name}.comb_iter_0_right"
        fitted = convolve(
            pooled(left, "0_right.max_pool"), options, filters, 1, name=f"{place}.conv"
        )
        fitted = norm(fitted, f"{place}.bn")
    else:
        fitted = pooled(left, "0_right")
    # One pooling serves both sums.
    largest = pooled(right, "1_right")
    bypass = right
    if strides > 1:
        place = f"{name}.comb_iter_4_right"
        bypass = pointwise(right, options, filters, place, strides=strides)
    sums = [
        total(branch(left, 5, "0_left"), fitted, 0),
        total(branch(right, 7, "1_left"), largest, 1),
        total(branch(right, 5, "2_left"), branch(right, 3, "2_right"), 2),
    ]
    sums.append(total(branch(sums[2], 3, "3_left", strides=1), largest, 3))
    sums.append(total(branch(left, 3, "4_left"), bypass, 4))
    return keras.layers.Concatenate(axis=channel_axis(), name=f"{name}.concat")(sums)


def _next_cell(previous, x, options, filters, name, *, strides=1, halve_previous=False):
    """Cell of the two last maps, brought to `filters` channels and one resolution."""
    place = f"{name}.conv_prev_1x1"
    fit = factorized_reduction if halve_previous else pointwise
    left = fit(previous, options, filters, place)
    right = pointwise(x, options, filters, f"{name}.conv_1x1")
    return _cell(left, right, options, filters, strides, name)


def build(config, x, options, *, dropout_rate=0.5):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    previous = stem(x, options, config.stem, "conv_0")

    name, width = "cell_stem_0", config.filters // 4
    right = pointwise(previous, options, width, f"{name}.conv_1x1")
    x = _cell(previous, right, options, width, 2, name, first=True)

    reduced = _next_cell(
        previous,
        x,
        options,
        config.filters // 2,
        "cell_stem_1",
        strides=2,
        halve_previous=True,
    )
    previous, x = x, reduced
    after_reduction = True
    for index in range(3 * config.cells):
        stage, place = divmod(index, config.cells)
        strides = 2 if stage > 0 and place == 0 else 1
        y = _next_cell(
            previous,
            x,
            options,
            config.filters * 2**stage,
            f"cell_{index}",
            strides=strides,
            halve_previous=after_reduction,
        )
        previous, x = x, y
        after_reduction = strides == 2
    x = activation(x, "relu", "act")
    return options.outputs(x, options.pooled_dense("last_linear", dropout_rate))


FAMILY = Family(
    name="pnasnet",
    paper="Liu et al., Progressive Neural Architecture Search, ECCV 2018, Table 5.",
    build=build,
    variants=VARIANTS,
    names=("PNASNet5Large",),
    input_shape=(331, 331, 3),
    min_size=32,
    statistics="inception",
    width=("filters", "stem"),
    depth=("cells",),
)
