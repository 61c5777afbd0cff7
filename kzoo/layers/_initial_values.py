"""Initial values of several kernels of one shape, each as if it were the only one."""

import keras
import numpy as np
from keras import ops

# The values of these do not depend on the shape, so one draw serves all kernels.
SHAPELESS = (
    keras.initializers.Constant,
    keras.initializers.Ones,
    keras.initializers.RandomNormal,
    keras.initializers.RandomUniform,
    keras.initializers.TruncatedNormal,
    keras.initializers.Zeros,
)


def reseeded(initializer, index):
    """Return a copy of `initializer` whose draws differ from those of any other `index`.

    Keras gives the same values each time that one initializer is called with one shape. An
    initializer whose state advances, or which is a plain function, is returned as it is.
    """
    config = initializer.get_config() if hasattr(initializer, "get_config") else {}
    if "seed" not in config or isinstance(config["seed"], dict):
        return initializer
    if config["seed"] is not None:
        sequence = np.random.SeedSequence([abs(config["seed"]), index])
        config["seed"] = int(sequence.generate_state(1)[0] >> 1)
    return type(initializer).from_config(config)


def independent_kernels(initializer, count, shape, dtype):
    """Return `count` kernels of `shape`, with the distribution that one of them has, all different.

    Args:
        initializer: a Keras initializer.
        count: number of kernels.
        shape: shape of one kernel, (*kernel_size, in, out), from which the fans are computed.
        dtype: type of the values.

    Returns:
        A tensor of shape (count, *shape).
    """
    if isinstance(initializer, SHAPELESS):
        return initializer((count, *shape), dtype=dtype)
    if len(shape) > 1 and _scales_with_the_shape(initializer):
        # A leading axis multiplies every fan by its size, and so divides the variance by it.
        return initializer((count, *shape), dtype=dtype) * count**0.5
    kernels = [reseeded(initializer, i)(shape, dtype=dtype) for i in range(count)]
    return ops.stack(kernels)


def _scales_with_the_shape(initializer):
    """Return whether a leading axis counts for the variance, and not the axes that were named."""
    if not isinstance(initializer, keras.initializers.VarianceScaling):
        return False
    config = initializer.get_config()
    return config.get("input_axes") is None and config.get("output_axes") is None


def given(values):
    """Return an initializer that gives `values`."""
    return lambda shape, dtype=None: ops.convert_to_tensor(values, dtype=dtype)
