"""Several devices of one process that divide every batch (JAX)."""

import contextlib

import keras


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
    distribution = keras.distribution.distribution()
    return distribution.device_mesh.shape[0] if isinstance(distribution, DataParallel) else 1


def check_batches(examples: int, batch_size: int):
    """Refuse training data whose batches do not divide among the devices, as JAX asks."""
    for name, size in (("batch_size", batch_size), ("the last batch", examples % batch_size)):
        if size % devices():
            raise ValueError(
                f"{name} must be divisible by the number of devices ({devices()}); received "
                f"{size}. Choose another batch_size ({batch_size}) or leave out examples "
                f"({examples})."
            )


def validation_batch_size(examples: int, batch_size: int) -> int:
    """Return the size of validation batches: one that gives them whole to each device if need be.

    Their number is what it is, so it is not refused; it costs as much as on one device.
    """
    uneven = examples % batch_size % devices()
    return batch_size - 1 if uneven and batch_size % devices() == 0 else batch_size


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
