"""Argument checks shared by the layers: normalise once, refuse in one sentence."""

import math
import numbers

import keras

PADDINGS = {1: ("valid", "same", "full", "causal"), 2: ("valid", "same", "full")}


def integer(value, name, minimum=1):
    """Return `value` as an int of at least `minimum`, or refuse it by `name`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer; received {value!r}.")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}; received {value}.")
    return int(value)


def positive(value, name):
    """Return `value` as a float above 0, or refuse it by `name`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number; received {value!r}.")
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be positive and finite; received {value}.")
    return float(value)


def integers(value, name, rank, minimum=1):
    """Return `value`, one integer or `rank` of them, as a tuple of `rank` ints."""
    if isinstance(value, numbers.Integral):
        value = (value,) * rank
    if not isinstance(value, (tuple, list)):
        raise TypeError(f"{name} must be an integer or {rank} of them; received {value!r}.")
    if len(value) != rank:
        raise ValueError(f"{name} must be an integer or {rank} of them; received {tuple(value)}.")
    return tuple(integer(item, name, minimum) for item in value)


def one_of(value, name, choices):
    """Return `value` if it is among `choices`, or refuse it by `name` with the list."""
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {listed}; received {value!r}.")
    return value


def data_format(value):
    """Return `value`, or Keras's setting where it is None, as a data format."""
    if value is None:
        return keras.config.image_data_format()
    return one_of(value, "data_format", ("channels_last", "channels_first"))


def padding(value, rank):
    """Return `value` as a name of `PADDINGS`, or as a pair (before, after) for each axis.

    It takes what Keras's `ZeroPadding` layers take: one amount for all, for two axes one amount for
    each, or the pairs; for one axis also a bare pair.
    """
    if isinstance(value, str):
        if value in PADDINGS[rank]:
            return value
    elif rank == 1 and _is_pair_of_integers(value):
        value = (value,)
    if not isinstance(value, (numbers.Integral, tuple, list)) or isinstance(value, bool):
        kind = TypeError if not isinstance(value, str) else ValueError
        raise kind(_padding_rule(value, rank))
    amounts = (value,) * rank if isinstance(value, numbers.Integral) else tuple(value)
    if len(amounts) != rank:
        raise ValueError(_padding_rule(value, rank))
    return tuple(integers(amount, "padding", 2, minimum=0) for amount in amounts)


def _is_pair_of_integers(value):
    return (
        isinstance(value, (tuple, list))
        and len(value) == 2
        and all(isinstance(item, numbers.Integral) for item in value)
    )


def _padding_rule(value, rank):
    names = ", ".join(repr(name) for name in PADDINGS[rank])
    pairs = {1: "(before, after)", 2: "((top, bottom), (left, right))"}[rank]
    return f"padding must be {names}, one amount for all sides or {pairs}; received {value!r}."
