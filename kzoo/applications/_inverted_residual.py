"""Networks of depthwise separable and inverted residual blocks: the body that their families share.

It builds what `kzoo.applications._mobile_tables` describes. Layer names are timm's.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import keras
from keras import ops

from kzoo.applications._family import Options, channel_axis
from kzoo.applications._mobile_tables import (
    Blocks,
    Convolution,
    Fused,
    Inverted,
    Network,
    Separable,
    Universal,
)
from kzoo.applications._parts import (
    activation,
    add,
    average_pool,
    batch_norm,
    convolve,
    drop_path,
    fully_connected,
    group_norm,
)
from kzoo.layers import BlurPooling2D, CondConv2D, SqueezeExcite
from kzoo.layers._divisible import make_divisible


def split_channels(channels, parts):
    """Divide channels as evenly as can be; the first part takes what is left over."""
    share = channels // parts
    return [channels - share * (parts - 1), *[share] * (parts - 1)]


@dataclass(frozen=True)
class _Parts:
    """The layers of one network, by its conventions."""

    network: Network
    options: Options

    def convolve(self, x, filters, kernel, name, strides=1, depthwise=False):
        """Convolve; several kernels each take a part of the channels (MixConv).

        Those of an even size pad as TensorFlow does.
        """
        if not isinstance(kernel, int):
            return self._mixed(x, filters, kernel, name, strides, depthwise)
        # Not all widths that a factor gives are multiples of a group's.
        width = math.gcd(self.network.group_width, filters)
        groups = filters // width if depthwise else 1
        return self.grouped(x, filters, kernel, name, strides, groups)

    def grouped(self, x, filters, kernel, name, strides, groups):
        """Convolve in groups."""
        return convolve(
            x,
            self.options,
            filters,
            kernel,
            strides=strides,
            groups=groups,
            padding=self.network.padding if kernel % 2 else "same",
            name=name,
        )

    def conditional(self, x, experts, name):
        """Return `convolve` with kernels mixed by what `x` holds (CondConv)."""
        means = keras.layers.GlobalAveragePooling2D(name=f"{name}.pool")(x)
        routing = keras.layers.Dense(experts, activation="sigmoid", name=f"{name}.routing_fn")
        weights = routing(means)

        def convolve(x, filters, kernel, name, strides=1, depthwise=False):
            return CondConv2D(
                filters,
                kernel,
                experts=experts,
                strides=strides,
                padding=kernel // 2 if self.network.padding == "symmetric" else "same",
                groups=filters if depthwise else 1,
                use_bias=False,
                kernel_initializer=self.options.kernel_initializer,
                name=name,
            )([x, weights])

        return convolve

    def _mixed(self, x, filters, kernels, name, strides, depthwise):
        axis = channel_axis()
        inputs = split_channels(x.shape[axis], len(kernels))
        ends = [sum(inputs[:count]) for count in range(1, len(inputs))]
        parts = [
            self.convolve(part, width, kernel, f"{name}.{index}", strides, depthwise)
            for index, (part, width, kernel) in enumerate(
                zip(ops.split(x, ends, axis=axis), split_channels(filters, len(kernels)), kernels)
            )
        ]
        return keras.layers.Concatenate(axis=axis, name=f"{name}.concat")(parts)

    def norm(self, x, name, kind=None):
        """Normalise and activate."""
        epsilon = self.network.epsilon
        if self.network.norm_width:
            x = group_norm(x, name, width=self.network.norm_width, epsilon=epsilon)
        else:
            x = batch_norm(x, name, epsilon=epsilon)
        return activation(x, kind, f"{name}.act")

    def stage_strides(self, strides):
        """Return the strides of a convolution that `subsample` follows."""
        return 1 if self.network.anti_aliasing else strides

    def subsample(self, x, strides, name):
        """Pool, in networks that do so instead of convolving with strides."""
        if strides == 1 or self.network.anti_aliasing is None:
            return x
        if self.network.anti_aliasing == "average":
            return average_pool(x, strides, strides, f"{name}.aa")
        return BlurPooling2D(3, strides, padding_mode="zeros", name=f"{name}.aa")(x)

    def squeeze(self, x, row, kind, name):
        """Squeeze-and-excitation, where the row has it."""
        if not row.squeeze:
            return x
        style = self.network.squeeze
        ratio = row.squeeze / (1.0 if style.of_expanded else row.expansion)
        reduced = x.shape[channel_axis()] * ratio
        return SqueezeExcite(
            reduced_channels=round(reduced)
            if style.divisor == 1
            else make_divisible(reduced, style.divisor, round_limit=style.round_limit),
            activation=style.activation or kind,
            gate=style.gate,
            sublayer_names=("conv_reduce", "conv_expand"),
            name=f"{name}.se",
        )(x)


def _separable(x, parts, row, filters, strides, kind, name):
    channels, kernel = x.shape[channel_axis()], row.kernel
    if row.space_to_depth:
        channels, kernel = 4 * channels, math.ceil(kernel / 2)
        x = parts.convolve(x, channels, 2, f"{name}.conv_s2d", 2)
        x = parts.norm(x, f"{name}.bn_s2d", kind)
    step = parts.stage_strides(strides)
    x = parts.convolve(x, channels, kernel, f"{name}.conv_dw", step, depthwise=True)
    x = parts.subsample(parts.norm(x, f"{name}.bn1", kind), strides, name)
    x = parts.squeeze(x, row, kind, name)
    x = parts.convolve(x, filters, 1, f"{name}.conv_pw")
    return parts.norm(x, f"{name}.bn2", kind if row.pointwise_activation else None)


def _inverted(x, parts, row, filters, strides, kind, name):
    convolve = parts.conditional(x, row.experts, name) if row.experts else parts.convolve
    expanded = parts.network.scaling.expanded(x.shape[channel_axis()] * row.expansion)
    x = convolve(x, expanded, row.expand_kernel, f"{name}.conv_pw")
    x = parts.norm(x, f"{name}.bn1", kind)
    step = parts.stage_strides(strides)
    x = convolve(x, expanded, row.kernel, f"{name}.conv_dw", step, depthwise=True)
    x = parts.subsample(parts.norm(x, f"{name}.bn2", kind), strides, name)
    x = parts.squeeze(x, row, kind, name)
    x = convolve(x, filters, row.project_kernel, f"{name}.conv_pwl")
    return parts.norm(x, f"{name}.bn3")


def _fused(x, parts, row, filters, strides, kind, name):
    source = parts.network.scaling.channels(row.expanded_from) if row.expanded_from else None
    channels = x.shape[channel_axis()]
    expanded = parts.network.scaling.expanded((source or channels) * row.expansion)
    groups = 1
    if row.group_size:
        groups = math.gcd(max(1, expanded // row.group_size), expanded, channels)
    step = parts.stage_strides(strides)
    x = parts.grouped(x, expanded, row.kernel, f"{name}.conv_exp", step, groups)
    x = parts.subsample(parts.norm(x, f"{name}.bn1", kind), strides, name)
    x = parts.squeeze(x, row, kind, name)
    x = parts.convolve(x, filters, 1, f"{name}.conv_pwl")
    return parts.norm(x, f"{name}.bn2")


def _convolution(x, parts, row, filters, strides, kind, name):
    x = parts.convolve(x, filters, row.kernel, f"{name}.conv", parts.stage_strides(strides))
    return parts.subsample(parts.norm(x, f"{name}.bn1", kind), strides, name)


def _universal(x, parts, row, filters, strides, kind, name):
    def layer(x, width, kernel, path, act=None, strides=1, depthwise=False):
        step = parts.stage_strides(strides)
        x = parts.convolve(x, width, kernel, f"{name}.{path}.conv", step, depthwise)
        return parts.subsample(parts.norm(x, f"{name}.{path}.bn", act), strides, f"{name}.{path}")

    channels = x.shape[channel_axis()]
    expanded = parts.network.scaling.expanded(channels * row.expansion)
    if row.start_kernel:
        step = 1 if row.kernel else strides
        x = layer(x, channels, row.start_kernel, "dw_start", None, step, depthwise=True)
    x = layer(x, expanded, 1, "pw_exp", kind)
    if row.kernel:
        x = layer(x, expanded, row.kernel, "dw_mid", kind, strides, depthwise=True)
    x = parts.squeeze(x, row, kind, name)
    return layer(x, filters, 1, "pw_proj")


BLOCKS: dict[type[Blocks], Any] = {
    Separable: _separable,
    Inverted: _inverted,
    Fused: _fused,
    Convolution: _convolution,
    Universal: _universal,
}


def _stages(x, network, parts, drop_path_rate):
    """Build all blocks; the rate of stochastic depth grows with them."""
    stages = network.scaling.rows(network.stages)
    rate = drop_path_rate / sum(map(len, stages))
    count = 0
    for index, rows in enumerate(stages):
        for position, row in enumerate(rows):
            name = f"blocks.{index}.{position}"
            strides = network.stages[index].strides if position == 0 else 1
            filters = row.multiple * network.scaling.channels(row.channels)
            shortcut, kind = x, row.activation or network.activation
            x = BLOCKS[type(row)](x, parts, row, filters, strides, kind, name)
            if row.skip and strides == 1 and shortcut.shape[channel_axis()] == filters:
                x = add(drop_path(x, rate * count, f"{name}.drop_path"), shortcut, f"{name}.add")
            count += 1
    return x


def _pooled_head(x, network, parts, dropout_rate):
    """Pooling, a convolution of the one pixel that is left, and the classifier."""
    head = network.head
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name="global_pool")(x)
    width = head.width(network.scaling)
    x = fully_connected(x, parts.options, width, "conv_head", use_bias=head.use_bias)
    if head.norm:
        x = parts.norm(x, "norm_head", network.activation)
    else:
        x = activation(x, network.activation, "act2")
    x = keras.layers.Flatten(name="flatten")(x)
    return parts.options.dense(x, "classifier", dropout_rate)


def _without_first_stride(stages):
    """Return the stages with the first of them that has a stride at the size of its input."""
    first = next(index for index, part in enumerate(stages) if part.strides > 1)
    return (*stages[:first], replace(stages[first], strides=1), *stages[first + 1 :])


def build(config, x, options, *, stem="published", dropout_rate=0.2, drop_path_rate=0.0):
    """Build a `Network`; see `Family`.

    Args:
        stem: "small" for small images: the first convolution and the first stage with a stride have
            none, as MobileNetV2 is trained on CIFAR
            (https://github.com/chenyaofo/pytorch-cifar-models). As there, a block that so keeps the
            shape of its input adds it.
        dropout_rate: of the dropout before the classifier.
        drop_path_rate: of stochastic depth; it grows from 0 in the first of n blocks by an n-th of
            this for each, as in timm.
    """
    if stem == "small":
        config = replace(config, stages=_without_first_stride(config.stages))
    parts = _Parts(config, options)
    filters = config.scaling.channels(config.stem) if config.scaling.stem else config.stem
    strides = 1 if stem == "small" else 2
    x = parts.convolve(x, filters, config.stem_kernel, "conv_stem", strides=strides)
    x = parts.norm(x, "bn1", config.activation)
    x = _stages(x, config, parts, drop_path_rate)
    if config.head.pooled:
        return options.outputs(x, lambda x: _pooled_head(x, config, parts, dropout_rate))
    if config.head.channels:
        x = parts.convolve(x, config.head.width(config.scaling), 1, "conv_head")
        x = parts.norm(x, "bn2", config.activation)
    return options.outputs(x, options.pooled_dense("classifier", dropout_rate))
