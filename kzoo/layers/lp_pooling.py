"""Lp pooling: the p-norm of each window.

Sermanet, Chintala and LeCun, Convolutional neural networks applied to house numbers digit
classification (ICPR 2012).
"""

import math
import numbers

import keras
from keras import ops

from kzoo.layers._base_pooling import BasePooling, window_elements

# Smallest positive normal number: below it a quotient of two numbers has few or no digits left.
TINY = {"float32": 2.0**-126, "float64": 2.0**-1022}


def lp_pool(x, p, pool_size, strides, padding, axis):
    """Return (sum |x|^p)^(1/p) of each window.

    Each window is divided by its largest magnitude before the power, so that no power overflows or
    vanishes; the gradient is the exact one, and 0 where the whole window is 0.

    Args:
        x: signals, maps or volumes in float32 or float64.
        p: exponent, at least 1.
        pool_size: size of a window along each spatial axis.
        strides: strides between neighbouring windows, as many.
        padding: `"valid"` or `"same"`; padding counts as 0.
        axis: first spatial axis.

    Returns:
        A tensor of the same rank, with one element per window.
    """
    window = window_elements(ops.abs(x), pool_size, strides, padding, axis)
    largest = window[0]
    for tap in window[1:]:
        # Not `ops.maximum`, which is float32 on PyTorch.
        largest = ops.where(tap > largest, tap, largest)
    largest = ops.stop_gradient(largest)
    tiny = largest < TINY[keras.backend.standardize_dtype(x.dtype)]
    scale = ops.where(tiny, ops.ones_like(largest), largest)
    total = sum(ops.power(tap / scale, p) for tap in window)
    # A NaN that is not the largest is kept by the total.
    vanishing = ops.logical_and(tiny, total < 1)
    total = ops.where(vanishing, ops.ones_like(total), total)
    return ops.where(vanishing, ops.zeros_like(total), scale * ops.power(total, 1.0 / p))


class _LpPooling(BasePooling):
    def __init__(self, pool_size=2, p=2, strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, **kwargs)
        if isinstance(p, bool) or not isinstance(p, numbers.Real):
            raise TypeError(f"p must be a number; received {p!r}.")
        if not p >= 1:
            raise ValueError(f"p must be at least 1; received {p}.")
        self.p = float(p)
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)

    def build(self, input_shape):
        self.pooled_shape(input_shape)

    def call(self, inputs):
        if math.isinf(self.p):
            return ops.max_pool(
                ops.abs(inputs), self.pool_size, self.strides, self.padding, self.data_format
            )
        x = inputs if self.compute_dtype == "float64" else ops.cast(inputs, "float32")
        y = lp_pool(x, self.p, self.pool_size, self.strides, self.padding, self.first_spatial_axis)
        return ops.cast(y, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return self.pooled_shape(input_shape)

    def get_config(self):
        return {**super().get_config(), "p": self.p}


@keras.saving.register_keras_serializable(package="kzoo")
class LpPooling1D(_LpPooling):
    """Pooling of signals by the p-norm of each window, (sum |x|^p)^(1/p): a sum, not a mean.

    Args and everything else are those of `LpPooling2D`, for one spatial axis.

    Input shape:
        `(batch, length, channels)`, or `(batch, channels, length)` in `channels_first`.

    Output shape:
        The same with the length of `MaxPooling1D`.

    Example:

    >>> x = keras.ops.reshape(keras.ops.convert_to_tensor([3.0, 4.0]), (1, 2, 1))
    >>> float(kzoo.layers.LpPooling1D(2, p=2)(x)[0, 0, 0])
    5.0
    """

    rank = 1


@keras.saving.register_keras_serializable(package="kzoo")
class LpPooling2D(_LpPooling):
    """Pooling of maps by the p-norm of each window, (sum |x|^p)^(1/p): a sum, not a mean.

    p = 1 is the sum of magnitudes, p = 2 the Euclidean norm, p = inf the largest magnitude.

    Args:
        pool_size: height and width of a window, one integer or two.
        p: exponent, a number of at least 1; `math.inf` is allowed.
        strides: distance between neighbouring windows; None for `pool_size`.
        padding: `"valid"` or `"same"`; padding counts as 0.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps of any size that holds a window.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`.

    Output shape:
        The same with the sizes of `MaxPooling2D`.

    Raises:
        ValueError: an argument outside its range, or an input that holds no window.
        TypeError: an argument that is not a number where it must be.

    Example:

    >>> float(kzoo.layers.LpPooling2D(2, p=2)(keras.ops.ones((1, 2, 2, 1)))[0, 0, 0, 0])
    2.0

    Reference:
        Sermanet, Chintala and LeCun (2012), section 2.2.
    """
