"""Failures in making a batch, which TensorFlow tells as errors of its own, raised as they were."""

import collections
import contextlib
from collections.abc import Iterator

_LAST: collections.deque[Exception] = collections.deque(maxlen=16)  # of as many threads


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Keep what goes wrong in the block, which TensorFlow calls."""
    try:
        yield
    except Exception as error:
        _LAST.append(error)
        raise


@contextlib.contextmanager
def raised_as_they_were() -> Iterator[None]:
    """Raise what was kept where TensorFlow tells of it."""
    try:
        yield
    except Exception as error:
        told = str(error)
        for failure in reversed(_LAST):
            if failure is not error and f"{type(failure).__name__}: {failure}" in told:
                raise failure from None
        raise
    finally:
        _LAST.clear()
