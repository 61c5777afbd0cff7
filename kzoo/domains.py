"""What values a hyperparameter may take, as plain data.

Families declare theirs next to their variant tables, see `kzoo.applications._family.Family.search`;
`kzoo.tuning` hands them to keras-tuner.
"""

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kzoo.layers._args import integer


@dataclass(frozen=True)
class Choice:
    """One of several values.

    Args:
        values: numbers, names or truth values, all of one kind.
        default: the value to begin with; by default the first.
    """

    values: tuple[Any, ...]
    default: Any = None

    def __post_init__(self):
        if isinstance(self.values, str) or not isinstance(self.values, Sequence):
            raise TypeError(f"values must be a tuple; received {self.values!r}.")
        values = tuple(dict.fromkeys(self.values))
        if not values:
            raise ValueError("a Choice must have at least one value; received none.")
        if any(isinstance(value, float) for value in values) and all(map(_is_number, values)):
            values = tuple(map(float, values))
        kinds = {type(value) for value in values}
        if len(kinds) > 1 or not kinds <= {int, float, str, bool}:
            raise TypeError(
                "the values of a Choice must be all numbers, all names or all truth values; "
                f"received {self.values!r}."
            )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "default", values[0] if self.default is None else self.default)
        _check_default(self.default in values, self.default, "one of its values", values)


@dataclass(frozen=True)
class Int:
    """A whole number from `low` to `high`, both included.

    Args:
        low: smallest value.
        high: largest value.
        step: distance between neighbours; with `log`, their ratio.
        log: whether to draw its logarithm evenly.
        default: the value to begin with; by default the middle.
    """

    low: int
    high: int
    step: int = field(default=None, kw_only=True)  # type: ignore[assignment]
    log: bool = field(default=False, kw_only=True)
    default: int | None = field(default=None, kw_only=True)

    def __post_init__(self):
        for name in ("low", "high"):
            integer(getattr(self, name), name, minimum=1 if self.log else -(2**31))
        _check_bounds(self)
        if self.step is None:
            object.__setattr__(self, "step", 2 if self.log else 1)
        integer(self.step, "step", minimum=2 if self.log else 1)
        if self.default is None:
            object.__setattr__(self, "default", round(_middle(self)))
        inside = self.low <= self.default <= self.high
        _check_default(inside, self.default, "from", (self.low, self.high))


@dataclass(frozen=True)
class Float:
    """A number from `low` to `high`.

    Args:
        low: smallest value.
        high: largest value.
        step: distance between neighbours, or `None` for any number between.
        log: whether to draw its logarithm evenly.
        default: the value to begin with; by default the middle.
    """

    low: float
    high: float
    step: float | None = field(default=None, kw_only=True)
    log: bool = field(default=False, kw_only=True)
    default: float | None = field(default=None, kw_only=True)

    def __post_init__(self):
        for name in ("low", "high"):
            if not _is_number(getattr(self, name)) or not math.isfinite(getattr(self, name)):
                raise TypeError(f"{name} must be a number; received {getattr(self, name)!r}.")
            object.__setattr__(self, name, float(getattr(self, name)))
        _check_bounds(self)
        if self.step is not None and not self.step > 0:
            raise ValueError(f"step must be above 0 or None; received {self.step!r}.")
        if self.step is not None and self.log:
            raise ValueError("step cannot go with log=True; leave one of them out.")
        if self.log and self.low <= 0:
            raise ValueError(f"low must be above 0 with log=True; received {self.low}.")
        if self.default is None:
            object.__setattr__(self, "default", _middle(self))
        inside = self.low <= self.default <= self.high
        _check_default(inside, self.default, "from", (self.low, self.high))


Domain = Choice | Int | Float


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _middle(domain):
    if domain.log:
        return math.sqrt(domain.low * domain.high)
    if domain.step:
        steps = (domain.high - domain.low) / domain.step
        return domain.low + domain.step * (steps // 2)
    return (domain.low + domain.high) / 2


def _check_bounds(domain):
    if not domain.low <= domain.high:
        raise ValueError(f"low must be at most high ({domain.high}); received {domain.low}.")


def _check_default(is_one, default, words, values):
    if not is_one:
        listed = " to ".join(map(str, values)) if words == "from" else ", ".join(map(str, values))
        raise ValueError(f"default must be {words} {listed}; received {default!r}.")
