"""The batches of a pipeline as `tf.data`, for TensorFlow; imported only where it is asked for."""

import atexit
import itertools
import threading
import time

import numpy as np
import tensorflow as tf

from kzoo.data import failures

_LAST = np.iinfo(np.int64).max
_QUIET = 0.06


class _Calls:
    """What TensorFlow's threads call, so that none of them is in Python when the interpreter ends.

    Such a thread would never come back, and TensorFlow, which waits for it, would hang the process
    at its end if an iterator were still there, for instance after Ctrl-C.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._running = self._begun = 0
        self._ending = False
        atexit.register(self._end)

    def run(self, function, instead):
        """Return `function()`, or `instead` at the end of the process."""
        with self._lock:
            self._running += 1
            self._begun += 1
        try:
            return instead if self._ending else function()
        finally:
            with self._lock:
                self._running -= 1

    def _end(self):
        """Wait until TensorFlow has filled its buffers and calls no more."""
        self._ending = True
        while True:
            begun = self._begun
            time.sleep(_QUIET)
            if self._running == 0 and self._begun == begun:
                return


_calls = _Calls()


def epoch_by_epoch(pipeline) -> tf.data.Dataset:
    """Return one epoch of batches; iterated again, those of the next epoch."""
    count = itertools.count()
    steps = pipeline.steps

    def next_epoch(_):
        epoch = tf.numpy_function(lambda: np.int64(next(count)), [], tf.int64)
        return tf.ensure_shape(epoch, ())

    def indices(epoch):
        return tf.data.Dataset.range(epoch * steps, (epoch + 1) * steps)

    epochs = tf.data.Dataset.range(1)
    if pipeline.changes:
        epochs = epochs.map(next_epoch)
    return _batches(pipeline, epochs.flat_map(indices), steps)


def endless(pipeline, first_epoch: int, first_step: int = 0, count: int = 1) -> tf.data.Dataset:
    """Return the batches from a step of `first_epoch` on, without end.

    Of each `count` of them, it is only the first.
    """
    indices = tf.data.Dataset.range(first_epoch * pipeline.steps + first_step, _LAST, count)
    return _batches(pipeline, indices, tf.data.INFINITE_CARDINALITY)


def in_turn(pipeline, batch) -> tf.data.Dataset:
    """Return `batch(0)`, `batch(1)` and so on without end, one asked for after the other."""
    indices = tf.data.Dataset.range(_LAST)
    return _made(pipeline, indices, tf.data.INFINITE_CARDINALITY, batch, threads=1)


def _batches(pipeline, indices: tf.data.Dataset, cardinality: int) -> tf.data.Dataset:
    """Return the batches at `indices`, counted from the first batch of epoch 0."""

    def batch(index):
        return pipeline.batch(*divmod(index, pipeline.steps))

    return _made(pipeline, indices, cardinality, batch, threads=tf.data.AUTOTUNE)


def _made(pipeline, indices, cardinality, batch, threads) -> tf.data.Dataset:
    """Return `batch(index)` for all indices; it has the shapes of the pipeline's."""
    inputs, labels = pipeline.batch_spec
    zeros = tuple(np.zeros([side or 1 for side in s.shape], s.dtype) for s in (inputs, labels))

    def read(index):
        with failures.kept():
            return _calls.run(lambda: batch(int(index)), zeros)

    def make(index):
        made = tf.numpy_function(read, [index], [inputs.dtype, labels.dtype], stateful=False)
        return tf.ensure_shape(made[0], inputs.shape), tf.ensure_shape(made[1], labels.shape)

    batches = indices.map(make, threads, deterministic=True)
    batches = batches.apply(tf.data.experimental.assert_cardinality(cardinality))
    return batches.prefetch(tf.data.AUTOTUNE)
