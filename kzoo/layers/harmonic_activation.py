"""The complex ReLU of harmonic networks: it acts on magnitudes and leaves phases alone.

Worrall, Garbin, Turmukhambetov and Brostow, "Harmonic Networks: Deep Translation and Rotation
Equivariance", CVPR 2017 (https://arxiv.org/abs/1612.04642).
"""

import keras
from keras import initializers, ops

from kzoo.layers._args import positive
from kzoo.layers._harmonic_map import EPSILON, BaseHarmonicLayer


@keras.saving.register_keras_serializable(package="kzoo")
class HarmonicActivation(BaseHarmonicLayer):
    """Takes each complex number z of a map of orders to ReLU(|z| + b) z / |z|.

    The bias b, one for each order and channel, decides which magnitudes pass.

    Args:
        epsilon: smallest magnitude to divide by. Where |z| is below, the layer is linear in z, so
            that its gradient is finite everywhere.
        data_format: "channels_last" or "channels_first"; default Keras's setting.
        bias_initializer: initial values of the biases.

    Input shape:
        `(batch, height, width, orders, 2, channels)`, or
        `(batch, orders, 2, channels, height, width)`.

    Output shape:
        The same.

    Raises:
        ValueError: an argument, or an input shape, that the layer does not allow.
        TypeError: an argument of the wrong type.

    Example:

    >>> kzoo.layers.HarmonicActivation()(keras.ops.ones((2, 24, 24, 2, 2, 8))).shape
    (2, 24, 24, 2, 2, 8)

    Reference:
        [Worrall et al., 2017](https://arxiv.org/abs/1612.04642).
    """

    def __init__(self, epsilon=EPSILON, data_format=None, bias_initializer="zeros", **kwargs):
        super().__init__(data_format, **kwargs)
        self.epsilon = positive(epsilon, "epsilon")
        self.bias_initializer = initializers.get(bias_initializer)

    def build(self, input_shape):
        orders, channels = self.read_input_shape(input_shape)
        self.bias = self.add_weight(
            name="bias",
            shape=(orders, channels),
            initializer=self.bias_initializer,
            autocast=False,
        )
        self.built = True

    def call(self, inputs):
        size = self.magnitude(inputs, self.epsilon)
        bias = ops.cast(self.bias, size.dtype)
        if self.data_format == "channels_first":
            bias = ops.reshape(bias, (*bias.shape, 1, 1))
        return self.scale(inputs, ops.relu(size + bias) / size)

    def get_config(self):
        return {
            **super().get_config(),
            "epsilon": self.epsilon,
            "bias_initializer": initializers.serialize(self.bias_initializer),
        }
