"""Stochastic pooling: in training each window gives one of its activations, drawn by its size.

Zeiler and Fergus, Stochastic pooling for regularization of deep convolutional neural networks
(ICLR 2013).
"""

import keras
from keras import ops

from kzoo.layers import _args
from kzoo.layers._base_pooling import BasePooling2D, window_elements


def sample(window, uniform):
    """Return one activation of each window, activation i with probability a_i / sum_k a_k.

    Args:
        window: list of the activations of a window, tensors of one shape without negative values.
        uniform: draws from [0, 1), of that shape.

    Returns:
        The activation chosen, with its gradient; 0 where the whole window is 0.
    """
    threshold = ops.stop_gradient(uniform * sum(window))
    # What is no number stays none.
    chosen = ops.where(threshold >= 0, ops.zeros_like(threshold), threshold)
    before = ops.zeros_like(window[0])
    for activation in window:
        # The last positive one that begins at or before the threshold: rounding of the sum cannot
        # leave a window without one, nor choose one of probability 0.
        begun = ops.logical_and(before <= threshold, activation > 0)
        begun = ops.logical_and(begun, ops.isfinite(before))  # nothing follows infinity
        chosen = ops.where(begun, activation, chosen)
        before = before + ops.stop_gradient(activation)
    return chosen


def expectation(window):
    """Return sum_i p_i a_i with p_i = a_i / sum_k a_k, and 0 where the whole window is 0.

    Args:
        window: list of the activations of a window, tensors of one shape without negative values.
    """
    total = sum(window)
    total = ops.where(total > 0, total, ops.ones_like(total))
    return sum(activation * (activation / total) for activation in window)


@keras.saving.register_keras_serializable(package="kzoo")
class StochasticPooling2D(BasePooling2D):
    """Pooling that draws, in training, one activation of each window by its size.

    In training a window gives activation a_i with probability a_i / sum_k a_k, and only that one
    gets the gradient. Otherwise it gives the mean of the activations by these probabilities,
    sum_i a_i^2 / sum_k a_k. Activations are meant to come after a ReLU: a negative one counts as
    0, as padding does, and is never drawn. A window with no positive activation gives 0.

    Args:
        pool_size: height and width of a window, one integer or two.
        strides: distance between neighbouring windows; None for `pool_size`.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        seed: seed of the draws, an integer; None for a random one.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps of any size that holds a window.
        training: whether to draw.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`.

    Output shape:
        The same with the sizes of `MaxPooling2D`.

    Raises:
        ValueError: an argument outside its range, or an input that holds no window.
        TypeError: an argument that is not an integer where it must be.

    Example:

    >>> x = keras.ops.reshape(keras.ops.convert_to_tensor([1.0, 3.0, 0.0, 0.0]), (1, 2, 2, 1))
    >>> float(kzoo.layers.StochasticPooling2D(2)(x)[0, 0, 0, 0])
    2.5

    Reference:
        Zeiler and Fergus (2013), equations 4 to 6.
    """

    def __init__(
        self, pool_size=2, strides=None, padding="valid", data_format=None, seed=None, **kwargs
    ):
        super().__init__(pool_size, strides, padding, data_format, **kwargs)
        self.seed = None if seed is None else _args.integer(seed, "seed", minimum=0)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        self.pooled_shape(input_shape)

    def call(self, inputs, training=False):
        x = inputs if self.compute_dtype == "float64" else ops.cast(inputs, "float32")
        window = window_elements(
            ops.relu(x), self.pool_size, self.strides, self.padding, self.first_spatial_axis
        )
        if training:
            uniform = keras.random.uniform(
                ops.shape(window[0]), dtype=window[0].dtype, seed=self.seed_generator
            )
            y = sample(window, uniform)
        else:
            y = expectation(window)
        return ops.cast(y, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return self.pooled_shape(input_shape)

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}
