"""What depends on the backend and on the machine."""

import keras

from kzoo import replicas
from kzoo.analysis import count_multiply_adds, count_parameters
from kzoo.graph import all_layers
from kzoo.training import data_parallel

# Multiply-adds of steps that run as one call: about a tenth of a second of work.
_CALL_ON_CPU = 2e9
_CALL_ON_GPU = 1e12


def gpus() -> list:
    """Return the GPUs that TensorFlow sees; none on another backend."""
    if keras.config.backend() != "tensorflow":
        return []
    import tensorflow as tf

    return tf.config.list_physical_devices("GPU")


def let_gpu_memory_grow():
    """Have TensorFlow take GPU memory as it needs it; call it before the first use of a GPU."""
    for gpu in gpus():
        import tensorflow as tf

        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:
            # The GPU is in use already, with the setting that its first user chose.
            return


def jit_compile(xla: str) -> bool:
    """Return whether to compile with XLA, for a recipe's `xla`.

    Raises:
        ValueError: the backend cannot do as asked.
    """
    backend = keras.config.backend()
    if backend == "jax" and xla == "off":
        raise ValueError("xla='off' is not possible with JAX, which always compiles; use 'auto'.")
    if backend == "torch" and xla == "on":
        raise ValueError("xla='on' needs TensorFlow or JAX; the backend is PyTorch, use 'auto'.")
    if xla == "auto":
        return backend == "jax" or bool(gpus()) and not _adds_up()
    return xla == "on"


def _adds_up():
    """Return whether a step adds up what several processes or TensorFlow devices have."""
    return replicas.count() > 1 or data_parallel.is_strategy()


def steps_per_call(model: keras.Model, batch_size: int, steps: int) -> int:
    """Return how many steps to run as one call into TensorFlow, a divisor of `steps`.

    A tiny network spends more time between its steps than in them; a large one takes one step a
    call, so that progress is shown at every step, and so does one of a size that is not known.
    """
    if keras.config.backend() != "tensorflow" or None in model.inputs[0].shape[1:]:
        return 1
    if _adds_up():  # which TensorFlow cannot put into its loop
        return 1
    try:
        forward = max(1, count_multiply_adds(model), count_parameters(model))
    except ValueError:  # a layer that kzoo does not know
        return 1
    limit = (_CALL_ON_GPU if gpus() else _CALL_ON_CPU) / (3 * batch_size * forward)
    return max(n for n in range(1, steps + 1) if steps % n == 0 and n <= max(1, limit))


def precision_of(model: keras.Model) -> str:
    """Return the precision that the layers of a model were built with, by a recipe's names."""
    policies = {layer.dtype_policy.name for layer in all_layers(model)} - {"float32"}
    return policies.pop() if len(policies) == 1 else "float32" if not policies else "several"
