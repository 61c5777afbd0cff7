"""Split names and their slices: "train", "train[:90%]", "train[90%:]", "train[:200]"."""

import re

import numpy as np

from kzoo.data.spec import DataSpec, Source

_SPLIT = re.compile(r"(?P<base>[^\[\]]+)(?P<slice>\[(?P<start>-?\d+%?)?:(?P<stop>-?\d+%?)?\])?")
_ORDER_SEED = 0


def resolve(spec: DataSpec, split: str) -> tuple[str, np.ndarray]:
    """Return the name of the whole split and the indices that `split` stands for.

    A slice is taken from a fixed random order of the examples, so that it mixes the classes and
    is the same every time; a whole split keeps its own order.

    Raises:
        ValueError: an unknown split, a malformed slice, or an empty or too large one.
    """
    match = _SPLIT.fullmatch(split) if isinstance(split, str) else None
    if match is None:
        raise ValueError(
            "split must be a name or one slice of it, such as 'train', 'train[:90%]' or "
            f"'train[:200]'; received {split!r}."
        )
    base = match["base"]
    if base not in spec.splits:
        raise ValueError(
            f"{spec.name} has the splits {', '.join(spec.splits)}; received {split!r}."
        )
    examples = spec.splits[base]
    if match["slice"] is None:
        return base, np.arange(examples)
    start = _bound(match["start"], 0, examples, split)
    stop = _bound(match["stop"], examples, examples, split)
    if start >= stop:
        raise ValueError(f"{split!r} selects none of the {examples} examples of {base}.")
    order = np.random.RandomState(_ORDER_SEED).permutation(examples)
    return base, order[start:stop]


def _bound(text: str | None, default: int, examples: int, split: str) -> int:
    """Return the position a slice bound stands for, percentages rounded to the nearest."""
    if text is None:
        return default
    whole = 100 if text.endswith("%") else examples
    number = int(text.rstrip("%"))
    if not -whole <= number <= whole:
        raise ValueError(f"{split!r} reaches beyond the {examples} examples of the split.")
    from_start = number + whole if text.startswith("-") else number
    return round(from_start * examples / whole)


def train_and_validation(source: Source, validation_split: float = 0.1) -> tuple[str, str]:
    """Return the splits to train and to validate on.

    The source's own validation split where it has one; otherwise the last part of the training
    split, in its fixed random order.

    Args:
        source: An opened data set with a "train" split.
        validation_split: Part of the training split to hold out, between 0 and 1.

    Returns:
        For example ("train", "validation") or ("train[:90%]", "train[90%:]").

    Raises:
        ValueError: no training split, or a part that leaves one side without examples.
    """
    splits = source.spec.splits
    if "train" not in splits:
        raise ValueError(
            f"{source.spec.name} has no split 'train' to train on; it has {', '.join(splits)}."
        )
    if "validation" in splits:
        return "train", "validation"
    examples = splits["train"]
    percent = round(100 * (1 - validation_split), 9)
    if percent == int(percent):
        bound = f"{int(percent)}%"
        held_out = examples - round(int(percent) * examples / 100)
    else:
        held_out = round(validation_split * examples)
        bound = str(examples - held_out)
    if not 0 < held_out < examples:
        raise ValueError(
            "validation_split must leave examples on both sides; received "
            f"{validation_split} for {examples} training examples; a recipe with 0 trains on all."
        )
    return f"train[:{bound}]", f"train[{bound}:]"
