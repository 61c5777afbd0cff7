"""Argument checks shared by the layers: normalise once, refuse in one sentence."""

import numbers

import keras


def integer(value, name, minimum=1):
    """Return `value` as an int of at least `minimum`, or refuse it by `name`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer; received {value!r}.")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}; received {value}.")
    return int(value)


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
