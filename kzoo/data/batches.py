"""The batches of a pipeline as a `keras.utils.PyDataset`, which needs no TensorFlow."""

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import keras

from kzoo.data.arrays import Arrays
from kzoo.data.pipeline import Pipeline


class Batches(keras.utils.PyDataset):
    """One epoch of a pipeline, or its epochs without end, read ahead by threads.

    Keras's own threads keep a place in the data from one iteration to the next, and would begin
    the second one after the first batch; these make what is asked for, and what probably follows.

    For several epochs of Keras's own `fit`, give `endless=True`: one epoch would be repeated as it
    is, in a random order of batches unless `shuffle=False`, which are then not read ahead.

    Args:
        pipeline: The `Pipeline`.
        epoch: The epoch, or the first of them.
        endless: Whether the next epochs follow; Keras then needs `steps_per_epoch`.
        first_step: Where to begin in the first of endless epochs.
        threads: How many make batches, and two more than that many lie ready; None: one per core
            up to 16, and none beside the caller's where a batch is only gathered from memory.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        epoch: int = 0,
        endless: bool = False,
        first_step: int = 0,
        threads: int | None = None,
    ):
        super().__init__()
        if threads is None:
            threads = 1 if pipeline.gathers_only else min(os.cpu_count() or 1, 16)
        pipeline.prepare()
        self.pipeline = pipeline
        self.epoch = epoch
        self.endless = endless
        self.first_step = first_step
        self.threads = threads
        self._next = 0
        self._ahead: dict[int, Future] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    @property
    def num_batches(self) -> int | None:
        """Number of batches; None where they do not end."""
        return None if self.endless else self.pipeline.steps

    def __getitem__(self, index: int) -> Arrays:
        if self._pool is None:
            return self._make(index)
        with self._lock:
            follows = index in (0, self._next)
            self._next = index + 1
            wanted = range(index, index + 1 + (self.threads + 2 if follows else 0))
            if self.num_batches is not None:
                wanted = range(index, min(wanted.stop, max(self.num_batches, index + 1)))
            for old in self._ahead.keys() - set(wanted):
                self._ahead.pop(old).cancel()
            for new in wanted:
                if new not in self._ahead:
                    self._ahead[new] = self._pool.submit(self._make, new)
            batch = self._ahead.pop(index)
        return batch.result()

    def _make(self, index):
        epoch, step = divmod(self.first_step + index, self.pipeline.steps)
        return self.pipeline.batch(self.epoch + epoch, step)
