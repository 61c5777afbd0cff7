"""How networks of depthwise separable and inverted residual blocks are written down.

A `Network` has a stem of stride 2, stages of blocks, and a head. Its stages are written as the
papers' tables are, one line for the blocks of a kind, and scaled in width and depth when the
network is built, by timm's rounding. `kzoo.applications._inverted_residual` builds it.
"""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace

from kzoo.layers._divisible import make_divisible


@dataclass(frozen=True)
class Blocks:
    """Blocks of one kind in a row, a line of the papers' tables.

    Attributes:
        channels: number of output channels, before scaling.
        repeats: number of blocks, before scaling.
        kernel: size of the (depthwise) kernel, or several that share the channels (MixConv).
        expansion: expanded channels as a multiple of the input's.
        squeeze: squeezed channels as part of the input's (see `Squeeze`); 0 for no squeeze.
        activation: instead of the network's.
        skip: whether inputs are added to outputs of the same shape.
        multiple: of the scaled and rounded channels, which the blocks have.
    """

    channels: int
    repeats: int = 1
    _: KW_ONLY
    kernel: int | tuple[int, ...] = 3
    expansion: float = 1.0
    squeeze: float = 0.0
    activation: str | None = None
    skip: bool = True
    multiple: int = 1


@dataclass(frozen=True)
class Separable(Blocks):
    """Depthwise and 1x1 convolution, the second one linear unless `pointwise_activation`.

    With `space_to_depth` a convolution of 2x2 pixels, of stride 2, comes before them and makes four
    times the channels. The depthwise kernel is halved, rounding up.
    """

    _: KW_ONLY
    pointwise_activation: bool = False
    space_to_depth: bool = False


@dataclass(frozen=True)
class Inverted(Blocks):
    """1x1 expansion, depthwise convolution, linear 1x1 projection (MBConv).

    `expand_kernel` and `project_kernel` of `(1, 1)` divide these convolutions into two groups.
    `experts` are the kernels that every convolution mixes for each image (CondConv), 0 for one.
    """

    _: KW_ONLY
    experts: int = 0
    expand_kernel: int | tuple[int, ...] = 1
    project_kernel: int | tuple[int, ...] = 1


@dataclass(frozen=True)
class Fused(Blocks):
    """Expansion by a full convolution, linear 1x1 projection (Fused-MBConv, edge residual).

    `expanded_from` are the channels that `expansion` multiplies, instead of the input's;
    `group_size` the channels of a group of the first convolution, 0 for one group.
    """

    _: KW_ONLY
    expanded_from: int = 0
    group_size: int = 0


@dataclass(frozen=True)
class Convolution(Blocks):
    """One convolution."""


@dataclass(frozen=True)
class Universal(Blocks):
    """Inverted residual with a depthwise convolution before the expansion, where `start_kernel` > 0
    (linear), after it, where `kernel` > 0, or both (the universal inverted bottleneck)."""

    _: KW_ONLY
    start_kernel: int = 0


@dataclass(frozen=True)
class Stage:
    """Blocks at one resolution; `strides` are those of the first block, which may be another."""

    strides: int
    rows: tuple[Blocks, ...]
    first: Blocks | None = None


def stage(strides, *rows, first=None):
    """Write a stage as in the papers' tables."""
    return Stage(strides, rows, first)


@dataclass(frozen=True)
class Scaling:
    """How the numbers of the stages become those of a variant.

    Attributes:
        width, depth: factors of channels and repeats; `depth` may have one for each stage.
        stem: whether `width` scales the stem too.
        ends: whether `depth` scales the first and last stage too.
        divisor, round_limit: how channels are rounded, see `make_divisible`.
        expanded_divisor: of the expanded channels inside a block.
        depth_rounding: "ceil" or "round".
    """

    width: float = 1.0
    depth: float | tuple[float, ...] = 1.0
    _: KW_ONLY
    stem: bool = True
    ends: bool = True
    divisor: int = 8
    round_limit: float = 0.9
    expanded_divisor: int = 8
    depth_rounding: str = "ceil"

    def channels(self, value):
        """Scale and round a number of channels."""
        scaled = value * self.width
        return make_divisible(scaled, self.divisor, round_limit=self.round_limit)

    def expanded(self, value):
        """Round a number of expanded channels."""
        return make_divisible(value, self.expanded_divisor)

    def rows(self, stages):
        """Return the stages as lists of rows, one for each block."""
        depths = self.depth if isinstance(self.depth, tuple) else (self.depth,) * len(stages)
        if not self.ends:
            depths = (1.0, *depths[1:-1], 1.0)
        return [self._blocks(part, depth) for part, depth in zip(stages, depths, strict=True)]

    def _blocks(self, part, depth):
        counts = self._repeats([row.repeats for row in part.rows], depth)
        blocks = [row for row, count in zip(part.rows, counts) for _ in range(count)]
        return [part.first or blocks[0], *blocks[1:]]

    def _repeats(self, repeats, depth):
        """Scale the blocks of a stage together, and share them out from the last row to the first,
        so that a first row of one block stays alone."""
        left = sum(repeats)
        blocks = max(1, round(left * depth))
        if self.depth_rounding == "ceil":
            blocks = math.ceil(left * depth)
        counts = []
        for count in reversed(repeats):
            counts.append(max(1, round(count / left * blocks)))
            left -= count
            blocks -= counts[-1]
        return counts[::-1]


@dataclass(frozen=True, kw_only=True)
class Squeeze:
    """The squeeze-and-excitation of a network.

    Attributes:
        gate: activation of the weights.
        activation: of the squeezed channels; `None` for the block's.
        divisor, round_limit: how squeezed channels are rounded; a divisor of 1 rounds to even.
        of_expanded: whether they are a part of the expanded channels instead of the input's.
    """

    gate: str = "sigmoid"
    activation: str | None = None
    divisor: int = 1
    round_limit: float = 0.9
    of_expanded: bool = False


@dataclass(frozen=True)
class Head:
    """Features between the stages and the classifier.

    Attributes:
        channels: of the 1x1 convolution before the classifier; 0 for none.
        scaled: "always", "up" (never to fewer) or "never" by the width.
        pooled: whether the convolution follows the pooling (MobileNetV3's efficient head).
        use_bias: whether it has a bias.
        norm: whether it is normalised.
    """

    channels: int
    _: KW_ONLY
    scaled: str = "never"
    pooled: bool = False
    use_bias: bool = False
    norm: bool = True

    def width(self, scaling):
        """Return the number of features of a variant."""
        if self.scaled == "never" or not self.channels:
            return self.channels
        width = scaling.channels(self.channels)
        return max(self.channels, width) if self.scaled == "up" else width


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network, by what its variants differ in.

    Attributes:
        stages: the stages, before scaling.
        scaling: their scaling.
        stem: channels of the first convolution, before scaling, whose kernel is `stem_kernel`.
        head: the head.
        activation, padding, epsilon: of all layers, as in `kzoo.applications._parts`.
        squeeze: the squeeze-and-excitation.
        anti_aliasing: "average" or "blur" pools after a block's convolution instead of its stride.
        group_width: channels in a group of the convolutions that are depthwise where it is 1.
        norm_width: channels in a group of group normalisation; 0 for batch normalisation.
    """

    stages: Sequence[Stage]
    scaling: Scaling = Scaling()
    stem: int = 32
    stem_kernel: int = 3
    head: Head = Head(1280)
    activation: str = "relu"
    padding: str = "symmetric"
    epsilon: float = 1e-5
    squeeze: Squeeze = Squeeze()
    anti_aliasing: str | None = None
    group_width: int = 1
    norm_width: int = 0


def tensorflow(network):
    """Return the network as TensorFlow's implementation has it: its padding, its epsilon."""
    return replace(network, padding="same", epsilon=1e-3)
