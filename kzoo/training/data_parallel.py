"""Several devices of one process that divide every batch.

On JAX they are those of `divided`; on TensorFlow those of the `tf.distribute` strategy, if any, in
whose scope the user made the model.
"""

import contextlib
import dataclasses
import math

import keras

from kzoo.data import Pipeline, ServedPipeline


class DataParallel(keras.distribution.DataParallel):
    """`keras.distribution.DataParallel` that gives batches that do not divide whole to each device.

    Keras decides by the first batch of an epoch, for all of them.
    """

    def get_data_layout(self, data_shape):
        if data_shape[0] % self.device_mesh.shape[0]:
            return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)
        return super().get_data_layout(data_shape)


def devices() -> int:
    """Return how many devices divide every batch; 1 where none do."""
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        return tf.distribute.get_strategy().num_replicas_in_sync
    distribution = keras.distribution.distribution()
    return distribution.device_mesh.shape[0] if isinstance(distribution, DataParallel) else 1


def is_strategy() -> bool:
    """Return whether they are those of a TensorFlow strategy."""
    return keras.config.backend() == "tensorflow" and devices() > 1


def scope_of(model):
    """Return, as a context, the scope of the TensorFlow strategy that a model was made in."""
    strategy = getattr(model, "distribute_strategy", None)
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def check_strategy(model: keras.Model, recipe):
    """Refuse a model and a recipe that the TensorFlow strategy in scope cannot train."""
    if not is_strategy():
        return
    import tensorflow as tf

    made_here = tf.distribute.get_strategy().extended.variable_created_in_scope
    if not all(made_here(variable.value) for variable in model.variables):
        raise ValueError(
            f"{model.name} must be made in the scope of the tf.distribute strategy that trains it; "
            "make it there, or train it outside of the scope."
        )
    if recipe.xla == "on":
        raise ValueError("xla='on' does not go with a tf.distribute strategy; leave it 'auto'.")
    for name, without in (("accumulate", 1), ("clip", None)):
        if getattr(recipe, name) != without:
            raise ValueError(
                f"{name} must be {without} in a tf.distribute strategy, whose devices would each "
                f"do so with a part of the gradient; received {getattr(recipe, name)}. Leave it "
                "out, or start several workers instead."
            )


def divisible(pipeline: Pipeline) -> Pipeline:
    """Return a pipeline whose batches divide among the devices: a last one is cut.

    Raises:
        ValueError: they cannot.
    """
    count, rest = devices(), pipeline.examples % pipeline.batch_size
    rule = f"must be divisible by the number of devices ({count}); received"
    if pipeline.batch_size % count:
        raise ValueError(f"batch_size {rule} {pipeline.batch_size}.")
    if isinstance(pipeline, ServedPipeline) and rest % count and not pipeline.drop_remainder:
        raise ValueError(
            f"the last batch of data_service {rule} {rest}. Choose another batch_size, or leave "
            "data_service out."
        )
    return (
        pipeline
        if count == 1
        else dataclasses.replace(pipeline, multiple=math.lcm(count, pipeline.multiple))
    )


def evaluation_batch_size(examples: int, batch_size: int) -> int:
    """Return a size of batches, at most `batch_size`, with which the devices can evaluate.

    The number of examples is what it is, so it is not refused. JAX devices all get batches whole
    that are all uneven; those of TensorFlow divide the first one, and have none without examples.
    """
    count = devices()
    if keras.config.backend() == "tensorflow":
        sizes = range(min(batch_size, examples) // count * count, 0, -count)
        return next((size for size in sizes if not 0 < examples % size < count), batch_size)
    uneven = examples % batch_size % count
    return batch_size - 1 if uneven and batch_size % count == 0 else batch_size


@contextlib.contextmanager
def divided(count: int):
    """Have models that are made and trained while the block runs use `count` devices.

    Raises:
        ValueError: there are fewer.
    """
    there = keras.distribution.list_devices()
    if count > len(there):
        raise ValueError(
            f"workers must be at most the number of JAX devices ({len(there)}); received "
            f"{count}. XLA_FLAGS=--xla_force_host_platform_device_count={count} makes as many on a "
            "CPU."
        )
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(DataParallel(devices=there[:count]))
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)
