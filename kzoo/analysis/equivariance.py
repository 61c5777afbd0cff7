"""Whether a layer or a model commutes with a transform of its input: f(T x) = T' f(x).

Cohen and Welling, "Group Equivariant Convolutional Networks", ICML 2016
(https://arxiv.org/abs/1602.07576), section 3. The error is measured, not proven: on the data given.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import index

import numpy as np

from kzoo.analysis._call import evaluate, input_shape_of
from kzoo.layers import _args
from kzoo.layers._groups import ORDERS, act, composition


@dataclass(frozen=True)
class EquivarianceErrors:
    """How far f(T x) is from T' f(x).

    Attributes:
        absolute: largest absolute difference.
        relative: `absolute` over the largest magnitude of T' f(x).
    """

    absolute: float
    relative: float


def check_equivariance(
    function,
    transform,
    data=None,
    output_transform=None,
    border=0,
    data_format="channels_last",
    seed=0,
):
    """Return how far a layer, a model or a function is from commuting with a transform.

    The named transforms are `"rot90"`, `"rot180"`, `"rot270"` (counter-clockwise), `"flip"` (left
    and right), `"shift"` (circular, by one row and one column) and `"identity"`; those of the
    output act by its rank, as `rotate`, `flip` and `shift` do: maps are moved, maps on a group have
    their planes permuted besides, and vectors such as logits stay. So with a named transform alone
    a network of group convolutions that ends in logits is tested for invariance.

    Args:
        function: a layer or a model, called for inference, or a function of a batch.
        transform: a name, or a function of a batch as a NumPy array.
        data: a batch; or the shape of an input without the batch, as a tuple, of which two normal
            inputs are drawn; or None for the shape of a model's input. Give a model that takes
            0..255 a batch of such values, or it sees next to nothing.
        output_transform: a name or a function likewise, `"identity"` for invariance, or None for
            `transform`. A layer with stride s has it move by k where `transform` moves by k s.
        border: pixels on each side of the output maps to leave out.
        data_format: `"channels_last"` or `"channels_first"`, of the input and the output; functions
            too are given maps in it.
        seed: seed of the draw.

    Returns:
        An `EquivarianceErrors`.

    Raises:
        ValueError: no data for what has no input shape, an unknown transform, a transform that the
            rank of its tensor does not have, or outputs of different shapes.
        TypeError: `function` cannot be called or has several outputs.

    Example:

    >>> layer = kzoo.layers.LiftingConv2D(4, 3, group="p4")
    >>> kzoo.analysis.check_equivariance(layer, "rot90", (9, 9, 3)).relative < 1e-5
    True
    """
    _args.one_of(data_format, "data_format", ("channels_last", "channels_first"))
    if data is None:
        data = input_shape_of(function, None, "data")
    if isinstance(data, tuple):
        data = _args.integers(data, "data", len(data))
        data = np.random.default_rng(seed).normal(size=(2, *data)).astype("float32")
    output_transform = transform if output_transform is None else output_transform
    before = _resolved(transform, "transform", data_format)
    after = _resolved(output_transform, "output_transform", data_format)
    data = np.asarray(data)
    moved, expected = evaluate(function, before(data)), after(evaluate(function, data))
    if moved.shape != expected.shape:
        raise ValueError(
            f"the transformed input gives an output of shape {moved.shape}, the transformed output "
            f"has {expected.shape}; give the output_transform that suits."
        )
    moved, expected = (_cropped(array, border, data_format) for array in (moved, expected))
    absolute, scale = np.abs(moved - expected).max(), np.abs(expected).max()
    if absolute == 0:
        return EquivarianceErrors(0.0, 0.0)
    return EquivarianceErrors(float(absolute), float(absolute / scale) if scale else math.inf)


def rotate(array, quarter_turns=1):
    """Rotate a batch counter-clockwise.

    Args:
        array: maps (batch, height, width, channels), maps on a group (batch, height, width, |G|,
            channels), whose plane h becomes plane g h, or vectors (batch, n), which stay.
        quarter_turns: number of quarter turns.

    Returns:
        An array, with height and width swapped for an odd number.
    """
    return _act(array, index(quarter_turns) % 4)


def flip(array):
    """Flip a batch left to right; as `rotate`, and a map on the group p4 has no such transform."""
    return _act(array, 4)


def shift(array, rows=1, columns=1):
    """Shift a batch circularly, down and to the right; the planes of a group map stay in place.

    Args:
        array: maps (batch, height, width, ...), sequences (batch, length, channels), which move by
            `rows`, or vectors (batch, n), which stay.
        rows: number of rows.
        columns: number of columns.

    Returns:
        An array of the same shape.
    """
    if array.ndim < 3:
        return array
    if array.ndim == 3:
        return np.roll(array, rows, axis=1)
    return np.roll(array, (rows, columns), axis=(1, 2))


TRANSFORMS: dict[str, Callable] = {
    "identity": lambda array: array,
    "rot90": rotate,
    "rot180": partial(rotate, quarter_turns=2),
    "rot270": partial(rotate, quarter_turns=3),
    "flip": flip,
    "shift": shift,
}


def _act(array, element):
    """Apply an element of p4m, numbered as in `_groups`, to a batch in channels_last."""
    if array.ndim < 3:
        return array
    if array.ndim not in (4, 5):
        raise ValueError(
            "rotations and flips are of vectors, maps and maps on a group, of rank 2, 4 or 5; "
            f"received the shape {array.shape}."
        )
    moved = np.moveaxis(act(np.moveaxis(array, 0, -1), element), -1, 0)
    if array.ndim == 4:
        return moved
    groups = [group for group, order in ORDERS.items() if order == array.shape[3]]
    if not groups or element >= array.shape[3]:
        raise ValueError(
            "maps on a group have 4 planes (p4, which has no flip) or 8 (p4m) on the axis before "
            f"the channels; received the shape {array.shape}."
        )
    result = np.empty_like(moved)
    result[:, :, :, composition(groups[0])[element]] = moved
    return result


def _resolved(transform, name, data_format):
    """Return a transform as a function of a batch in `data_format`."""
    if callable(transform):
        return transform
    named = TRANSFORMS[_args.one_of(transform, name, tuple(TRANSFORMS))]
    if data_format == "channels_last":
        return named
    return lambda array: _channels_first(named(_channels_last(array)))


def _channels_last(array):
    if array.ndim > 3:
        return np.moveaxis(array, (-2, -1), (1, 2))
    return array.swapaxes(1, 2) if array.ndim == 3 else array


def _channels_first(array):
    if array.ndim > 3:
        return np.moveaxis(array, (1, 2), (-2, -1))
    return array.swapaxes(1, 2) if array.ndim == 3 else array


def _cropped(array, border, data_format):
    """Leave out the border of maps and sequences; other arrays have none."""
    border = _args.integer(border, "border", 0)
    if border == 0 or array.ndim < 3:
        return array
    count = min(array.ndim - 2, 2)
    axes = range(1, 1 + count) if data_format == "channels_last" else range(-count, 0)
    if 2 * border >= min(array.shape[axis] for axis in axes):
        raise ValueError(
            f"a border of {border} on each side leaves nothing of outputs of shape {array.shape}."
        )
    for axis in axes:
        array = np.take(array, np.arange(border, array.shape[axis] - border), axis=axis)
    return array
