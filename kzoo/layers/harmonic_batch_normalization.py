"""Batch normalisation of the magnitudes of harmonic networks.

Worrall, Garbin, Turmukhambetov and Brostow, "Harmonic Networks: Deep Translation and Rotation
Equivariance", CVPR 2017 (https://arxiv.org/abs/1612.04642).
"""

import keras
from keras import activations, ops

from kzoo.layers._args import positive
from kzoo.layers._harmonic_map import EPSILON, BaseHarmonicLayer
from kzoo.layers.batch_normalization import BatchNormalization


@keras.saving.register_keras_serializable(package="kzoo")
class HarmonicBatchNormalization(BaseHarmonicLayer):
    """Takes each complex number z of a map of orders to f(BN(|z|)) z / |z|.

    BN is `keras.layers.BatchNormalization` of the magnitudes of each order and channel, and f the
    activation, which must not be negative: a magnitude is not. Phases stay as they are.

    Args:
        activation: function f from normalised magnitudes to magnitudes.
        momentum: of the moving averages.
        epsilon: added to the variance.
        smallest_magnitude: smallest magnitude to divide by. Where |z| is below, the result is
            proportional to z, so that the gradient is finite everywhere.
        data_format: "channels_last" or "channels_first"; default Keras's setting.

    Call arguments:
        inputs: maps of orders.
        training: whether to normalise by the batch's statistics, and to update the averages.

    Input shape:
        `(batch, height, width, orders, 2, channels)`, or
        `(batch, orders, 2, channels, height, width)`.

    Output shape:
        The same.

    Raises:
        ValueError: an argument, or an input shape, that the layer does not allow.
        TypeError: an argument of the wrong type.

    Example:

    >>> kzoo.layers.HarmonicBatchNormalization()(keras.ops.ones((2, 24, 24, 2, 2, 8))).shape
    (2, 24, 24, 2, 2, 8)

    Reference:
        [Worrall et al., 2017](https://arxiv.org/abs/1612.04642).
    """

    def __init__(
        self,
        activation="relu",
        momentum=0.99,
        epsilon=1e-3,
        smallest_magnitude=EPSILON,
        data_format=None,
        **kwargs,
    ):
        super().__init__(data_format, **kwargs)
        self.activation = activations.get(activation)
        self.momentum = momentum
        self.epsilon = epsilon
        self.smallest_magnitude = positive(smallest_magnitude, "smallest_magnitude")
        self.norm = BatchNormalization(
            axis=-1 if self.data_format == "channels_last" else 1,
            momentum=momentum,
            epsilon=epsilon,
            dtype=self.dtype_policy.variable_dtype,
            name="norm",
        )

    def build(self, input_shape):
        orders, channels = self.read_input_shape(input_shape)
        shape = [None] * 4
        shape[self.norm.axis] = orders * channels
        self.norm.build(tuple(shape))
        self.built = True

    def call(self, inputs, training=None):
        axis = self.order_axis
        size = self.magnitude(inputs, self.smallest_magnitude)
        shape = ops.shape(size)
        # Orders and channels side by side: the normalisation is fastest on four axes.
        planar = (-1, *shape[1:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :])
        normalised = self.norm(ops.reshape(size, planar), training=training)
        normalised = ops.cast(ops.reshape(normalised, (-1, *shape[1:])), size.dtype)
        factor = self.activation(normalised) / size
        return self.scale(inputs, factor)

    def get_config(self):
        return {
            **super().get_config(),
            "activation": activations.serialize(self.activation),
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "smallest_magnitude": self.smallest_magnitude,
        }
