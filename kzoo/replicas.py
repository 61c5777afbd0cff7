"""The processes that train one model together, each on its part of every batch (TensorFlow).

They are none but this one until `kzoo.training.workers.connect` says otherwise. Layers whose result
depends on the whole batch ask here.
"""

import functools

import keras
import numpy as np

_strategy = None
_index, _count = 0, 1


def join(strategy, index: int, count: int):
    """Make this process number `index` of `count`, which talk through `strategy`."""
    global _strategy, _index, _count
    _strategy, _index, _count = strategy, index, count


def count() -> int:
    """Return how many processes train together; 1 alone."""
    return _count


def index() -> int:
    """Return which of them this is; 0 is the chief, who alone writes files."""
    return _index


def is_chief() -> bool:
    """Return whether this is the process that writes files."""
    return _index == 0


def total(tensors: list) -> list:
    """Return the sums over all processes of floating-point tensors that each of them gives.

    For use in a step; the gradient of a sum is the sum of the gradients. All processes must come
    here alike, in the same order.
    """
    if _count == 1:
        return list(tensors)
    import tensorflow as tf

    @tf.custom_gradient
    def summed(*parts):
        return tuple(_sum(parts)), lambda *gradients: tuple(_sum(gradients))

    return list(summed(*map(keras.ops.convert_to_tensor, tensors)))


def total_of_array(array: np.ndarray) -> np.ndarray:
    """Return the sum over all processes of a vector, float64 or int64, that each of them gives."""
    return array if _count == 1 else _summing(str(array.dtype))(array).numpy()


@functools.cache
def _summing(dtype):
    import tensorflow as tf

    # One trace for vectors of all lengths.
    return tf.function(lambda vector: _sum([vector])[0], [tf.TensorSpec([None], dtype)])


def _sum(parts):
    import tensorflow as tf

    def sum_here(*values):
        # A new tensor, as the strategy asks on which of its devices it is.
        values = [tf.identity(value) for value in values]
        return tf.distribute.get_replica_context().all_reduce("SUM", values)

    return tf.nest.flatten(_strategy.run(sum_here, args=tuple(parts)))
