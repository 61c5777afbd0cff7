"""The same cache and the same small run as for the tests of training."""

from tests.training.conftest import lenet_run, own_cache

__all__ = ["lenet_run", "own_cache"]
