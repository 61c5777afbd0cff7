"""Convolutions as arrays: scaled, added, and compared by what they read of their input.

Kernels are `(*sizes, in / groups, out)`, those of depthwise convolutions `(*sizes, in, multiplier)`
and those of dense layers `(in, out)`; everything is computed in float64.
"""

from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from kzoo import layers

DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
CONVOLUTIONS = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    *DEPTHWISE,
    layers.GroupedConv1D,
    layers.GroupedConv2D,
)


@dataclass(frozen=True, eq=False)
class Padded:
    """A tensor with zeros around it.

    Attributes:
        source: the tensor.
        layer: the layer that pads.
        amounts: zeros before and after, for each spatial axis.
    """

    source: Any
    layer: keras.layers.Layer
    amounts: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Scaled:
    """A tensor times one number per channel, or one for all, plus another.

    `layer` computes it; `None` where no layer of the model does. `scaling` is the layer whose
    channels they are, `None` where they are one for all.
    """

    source: Any
    layer: keras.layers.Layer | None
    scale: np.ndarray
    offset: np.ndarray
    scaling: keras.layers.Layer | None = None

    def times(self, factor):
        return replace(self, layer=None, scale=self.scale * factor, offset=self.offset * factor)


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution or dense layer without activation that has not been called yet.

    Attributes:
        source: tensor or `Padded`.
        layer: the layer whose arguments it has.
        kernel: see the module.
        bias: `(out,)`.
        has_bias: whether the bias is anything else than the absence of one.
    """

    source: Any
    layer: keras.layers.Layer
    kernel: np.ndarray
    bias: np.ndarray
    has_bias: bool

    @property
    def root(self):
        """The tensor before the padding."""
        return self.source.source if isinstance(self.source, Padded) else self.source

    @property
    def channel_axis(self):
        """Axis of the channels of its output."""
        return 1 if getattr(self.layer, "data_format", None) == "channels_first" else -1

    def transformed(self, scale, offset):
        """Return the convolution whose output is `scale` times this one's, plus `offset`."""
        factor = scale
        if isinstance(self.layer, DEPTHWISE):
            factor = np.reshape(scale, self.kernel.shape[-2:])
        return replace(
            self, kernel=self.kernel * factor, bias=self.bias * scale + offset, has_bias=True
        )

    def times(self, factor):
        return replace(self, kernel=self.kernel * factor, bias=self.bias * factor)

    def reach(self):
        """Return the zeros before and after each axis, `None` where they depend on the size."""
        spans = [
            rate * (size - 1) for size, rate in zip(self.kernel.shape, self.layer.dilation_rate)
        ]
        padding = self.layer.padding
        if padding == "valid":
            own = [(0, 0)] * len(spans)
        elif padding == "same" and max(self.layer.strides) == 1:
            own = [(span // 2, span - span // 2) for span in spans]
        else:
            return None
        if not isinstance(self.source, Padded):
            return own
        return [
            (before + more_before, after + more_after)
            for (before, after), (more_before, more_after) in zip(own, self.source.amounts)
        ]


def convolution(source, layer):
    """Return the `Convolution` that a layer computes."""
    depthwise = isinstance(layer, DEPTHWISE)
    kernel = np.asarray(layer.kernel, "float64")
    filters = np.prod(kernel.shape[-2:]) if depthwise else kernel.shape[-1]
    bias = np.asarray(layer.bias, "float64") if layer.use_bias else np.zeros(filters)
    return Convolution(source, layer, kernel, bias, layer.use_bias)


def normalisation(layer):
    """Return scale and offset, one per channel, of a batch normalisation at inference."""
    variance = np.asarray(layer.moving_variance, "float64")
    gamma = np.asarray(layer.gamma, "float64") if layer.scale else np.ones_like(variance)
    beta = np.asarray(layer.beta, "float64") if layer.center else np.zeros_like(variance)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return scale, beta - np.asarray(layer.moving_mean, "float64") * scale


def merged(first: Convolution, other):
    """Return the one convolution that is the sum of two linear maps, `None` where there is none.

    Args:
        first: a convolution.
        other: a convolution or a `Scaled`.
    """
    if type(first.layer) not in CONVOLUTIONS:
        return None
    if isinstance(other, Scaled):
        other = _identity(first, other)
        return None if other is None else _sum(first, other, other.reach())
    if not _alike(first, other):
        return None
    if any(size < more for size, more in zip(first.kernel.shape, other.kernel.shape)):
        first, other = other, first
    return _sum(first, other, other.reach())


def _alike(first, other):
    """Return whether two convolutions differ in size, padding and weights only."""
    names = ("strides", "dilation_rate", "groups", "data_format")
    return (
        type(first.layer) is type(other.layer)
        and first.root is other.root
        and first.layer.dtype_policy.name == other.layer.dtype_policy.name
        and first.kernel.shape[-2:] == other.kernel.shape[-2:]
        and all(getattr(first.layer, n, 1) == getattr(other.layer, n, 1) for n in names)
    )


def scales_channels(layer, conv: Convolution, rank: int) -> bool:
    """Return whether a layer scales the channels of a convolution, in the same precision.

    Args:
        layer: with an `axis`.
        conv: a convolution.
        rank: number of axes of what it scales.
    """
    same_axis = layer.axis % rank == conv.channel_axis % rank
    return same_axis and layer.dtype_policy.name == conv.layer.dtype_policy.name


def _identity(like, scaled):
    """Return `scaled` as a convolution of size 1 with the filters of `like`."""
    rank = len(scaled.source.shape)
    if scaled.scaling is not None and not scales_channels(scaled.scaling, like, rank):
        return None
    inputs, filters = like.kernel.shape[-2], len(like.bias)
    channels = like.root.shape[like.channel_axis]
    if like.root is not scaled.source or channels != filters or max(like.layer.strides) > 1:
        return None
    ones = (1,) * (like.kernel.ndim - 2)
    kernel = np.zeros((*ones, *like.kernel.shape[-2:]))
    if isinstance(like.layer, DEPTHWISE):
        kernel[..., 0] = scaled.scale
    else:
        kernel[..., np.arange(filters) % inputs, np.arange(filters)] = scaled.scale
    has_bias = bool(scaled.offset.any())
    return replace(like, source=scaled.source, kernel=kernel, bias=scaled.offset, has_bias=has_bias)


def _sum(first, other, reach):
    """Add the kernels where they read the same inputs; the first is at least as large."""
    sizes = list(zip(first.kernel.shape[:-2], other.kernel.shape[:-2], first.layer.dilation_rate))
    own = first.reach()
    if own is None or reach is None:
        if any(size != smaller for size, smaller, _ in sizes) or not _padded_alike(first, other):
            return None
        offsets = [0] * len(sizes)
    else:
        offsets = []
        for (before, after), (start, end), (size, smaller, rate) in zip(own, reach, sizes):
            offset, rest = divmod(before - start, rate)
            same_length = before + after - rate * (size - 1) == start + end - rate * (smaller - 1)
            if rest or not same_length or offset < 0 or offset + smaller > size:
                return None
            offsets.append(offset)
    kernel = first.kernel.copy()
    place = tuple(
        slice(offset, offset + smaller) for offset, (_, smaller, _) in zip(offsets, sizes)
    )
    kernel[place] += other.kernel
    return replace(
        first,
        kernel=kernel,
        bias=first.bias + other.bias,
        has_bias=first.has_bias or other.has_bias,
    )


def _padded_alike(first, other):
    amounts = [
        conv.source.amounts if isinstance(conv.source, Padded) else None for conv in (first, other)
    ]
    return amounts[0] == amounts[1] and first.layer.padding == other.layer.padding
