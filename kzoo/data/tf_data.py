"""The batches of a pipeline as `tf.data`, for TensorFlow; imported only where it is asked for."""

import itertools

import numpy as np
import tensorflow as tf

_LAST = np.iinfo(np.int64).max


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


def endless(pipeline, first_epoch: int) -> tf.data.Dataset:
    """Return the batches of `first_epoch`, `first_epoch` + 1 and so on without end."""
    indices = tf.data.Dataset.range(first_epoch * pipeline.steps, _LAST)
    return _batches(pipeline, indices, tf.data.INFINITE_CARDINALITY)


def _batches(pipeline, indices: tf.data.Dataset, cardinality: int) -> tf.data.Dataset:
    """Return the batches at `indices`, counted from the first batch of epoch 0."""
    inputs, labels = pipeline.batch_spec

    def read(index):
        return pipeline.batch(*divmod(int(index), pipeline.steps))

    def make(index):
        batch = tf.numpy_function(read, [index], [inputs.dtype, labels.dtype], stateful=False)
        return tf.ensure_shape(batch[0], inputs.shape), tf.ensure_shape(batch[1], labels.shape)

    batches = indices.map(make, tf.data.AUTOTUNE, deterministic=True)
    batches = batches.apply(tf.data.experimental.assert_cardinality(cardinality))
    return batches.prefetch(tf.data.AUTOTUNE)
