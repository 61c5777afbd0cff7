"""Failures in making a batch, which TensorFlow tells as errors of its own, raised as they were."""

import contextlib
from collections.abc import Iterator

# The first ones, as TensorFlow tells of the first, in the order of the batches.
_KEPT: list[Exception] = []
_MOST = 64


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Keep what goes wrong in the block, which TensorFlow calls."""
    try:
        yield
    except Exception as error:
        if len(_KEPT) < _MOST:
            _KEPT.append(error)
        raise


@contextlib.contextmanager
def raised_as_they_were() -> Iterator[None]:
    """Raise what was kept where TensorFlow tells of it."""
    _KEPT.clear()
    try:
        yield
    except Exception as error:
        # The first in the text is what went wrong; its own words may name others.
        places: dict[int, Exception] = {}
        for failure in _KEPT:
            place = str(error).find(f"{type(failure).__name__}: {failure}")
            if failure is not error and place >= 0:
                places.setdefault(place, failure)
        if places:
            raise places[min(places)] from None
        raise
    finally:
        _KEPT.clear()
