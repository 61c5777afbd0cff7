"""Matrix products for which `keras.ops` has no name."""

import keras
from keras import ops

if keras.config.backend() == "tensorflow":
    import tensorflow as tf

    def product_of_transposed(a, b):
        """Return the matrix products of `a` transposed, (..., n, m), and `b`, (..., n, k)."""
        # TensorFlow would copy what `ops.swapaxes` returns.
        return tf.linalg.matmul(a, b, transpose_a=True)

else:

    def product_of_transposed(a, b):
        """Return the matrix products of `a` transposed, (..., n, m), and `b`, (..., n, k)."""
        # `ops.matmul` of float64 is float32 on PyTorch.
        return ops.swapaxes(a, -1, -2) @ b
