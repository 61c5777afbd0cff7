"""The cost of a call of a layer, and what the rules that tell it are written with."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple

import keras


class Cost(NamedTuple):
    """Multiply-adds of one input, and the elements of the products that they make."""

    multiply_adds: int = 0
    activations: int = 0


class UnknownCostError(Exception):
    """No rule says how many products a layer, or one that it wraps, has."""

    def __init__(self, layer: keras.Operation, why: str):
        super().__init__(layer, why)
        self.layer = layer
        self.why = why


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer or operation.

    Attributes:
        layer: the layer or operation.
        arguments: the positional arguments, tensors as `keras.KerasTensor`.
        input_shapes: of the tensors, each with the batch.
        output_shapes: likewise.
        keywords: the arguments that were given by their names.
    """

    layer: keras.Operation
    arguments: tuple
    input_shapes: tuple[tuple, ...]
    output_shapes: tuple[tuple, ...]
    keywords: Mapping[str, Any] = field(default_factory=dict)

    @property
    def input_shape(self) -> tuple:
        return self.input_shapes[0]

    @property
    def outputs(self) -> int:
        """Number of elements of the first output."""
        return prod(self.output_shapes[0][1:])

    @property
    def channels(self) -> int:
        """Number of channels of the first input."""
        return self.input_shape[channel_axis(self.layer)]

    @property
    def positions(self) -> int:
        """Number of positions of the first output."""
        return self.outputs // self.output_shapes[0][channel_axis(self.layer)]


Rule = Callable[[LayerCall], Cost]


def channel_axis(layer: keras.Operation) -> int:
    """Return the axis of the channels of a layer's input and output."""
    return 1 if getattr(layer, "data_format", None) == "channels_first" else -1


def products(outputs: int, terms: float) -> Cost:
    """Return the cost of so many outputs that are sums of so many products."""
    return Cost(round(outputs * terms), outputs)


def total(costs: Iterable[Cost]) -> Cost:
    """Return the sum of some costs."""
    multiply_adds, activations = zip(*costs, strict=True)
    return Cost(sum(multiply_adds), sum(activations))


def times(count: int, cost: Cost) -> Cost:
    """Return the cost of the same so many times."""
    return Cost(count * cost.multiply_adds, count * cost.activations)


def rules(table: dict[Rule, tuple[type, ...]]) -> dict[type, Rule]:
    """Return the rule of each class, from the classes of each rule."""
    return {kind: rule for rule, kinds in table.items() for kind in kinds}
