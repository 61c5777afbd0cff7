"""The batches of a pipeline as a `keras.utils.PyDataset`, which needs no TensorFlow."""

import os

import keras

from kzoo.data.pipeline import Pipeline


class Batches(keras.utils.PyDataset):
    """One epoch of a pipeline, or its epochs without end, read ahead by threads.

    Args:
        pipeline: The `Pipeline`.
        epoch: The epoch, or the first of them.
        endless: Whether the next epochs follow; Keras then needs `steps_per_epoch`.
        first_step: Where to begin in the first of endless epochs.
        workers: Threads that make batches; None: one per core, and none beside the caller's where
            a batch is only gathered from memory.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        epoch: int = 0,
        endless: bool = False,
        first_step: int = 0,
        workers: int | None = None,
    ):
        if workers is None:
            workers = 1 if pipeline.gathers_only else os.cpu_count() or 1
        super().__init__(workers=workers)
        pipeline.prepare()
        self.pipeline = pipeline
        self.epoch = epoch
        self.endless = endless
        self.first_step = first_step

    @property
    def num_batches(self) -> int | None:
        """Number of batches; None where they do not end."""
        return None if self.endless else self.pipeline.steps

    def __getitem__(self, index: int):
        epoch, step = divmod(self.first_step + index, self.pipeline.steps)
        return self.pipeline.batch(self.epoch + epoch, step)
