"""Mean pooling of a map of orders over windows of positions.

Worrall, Garbin, Turmukhambetov and Brostow, "Harmonic Networks: Deep Translation and Rotation
Equivariance", CVPR 2017 (https://arxiv.org/abs/1612.04642).
"""

from math import prod

import keras
from keras import ops

from kzoo.layers._args import one_of
from kzoo.layers._base_pooling import BasePooling2D
from kzoo.layers._harmonic_map import check_map
from kzoo.layers._symmetry import check_square, check_symmetry


@keras.saving.register_keras_serializable(package="kzoo")
class HarmonicAveragePooling2D(BasePooling2D):
    """Averages a map of orders, complex as it is, over windows of positions.

    The result is that of `AveragePooling2D` on the real and imaginary part of each order. (The
    largest of several complex numbers has no meaning.)

    Args:
        pool_size: integer, side of the square window.
        strides: integer, step between windows; default `pool_size`.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first"; default Keras's setting.
        strict: what to do where the windows do not lie symmetrically in the input, which breaks
            exact equivariance: `False` warns, `True` refuses, `None` accepts it.

    Input shape:
        `(batch, height, width, orders, 2, channels)`, or
        `(batch, orders, 2, channels, height, width)`.

    Output shape:
        The same with the sizes of `AveragePooling2D`.

    On PyTorch, Keras counts the last row and column twice where `"same"` pads one side alone, and
    the means there differ from those of the other backends.

    Raises:
        ValueError: an argument, or an input shape, that the layer does not allow.
        TypeError: an argument of the wrong type.

    Example:

    >>> kzoo.layers.HarmonicAveragePooling2D(2)(keras.ops.ones((2, 24, 24, 2, 2, 8))).shape
    (2, 12, 12, 2, 2, 8)

    Reference:
        [Worrall et al., 2017](https://arxiv.org/abs/1612.04642).
    """

    def __init__(
        self,
        pool_size=2,
        strides=None,
        padding="valid",
        data_format=None,
        strict=False,
        **kwargs,
    ):
        super().__init__(pool_size, strides, padding, data_format, **kwargs)
        check_square(self.pool_size, "pool_size")
        check_square(self.strides, "strides")
        self.strict = one_of(strict, "strict", (True, False, None))

    @property
    def first_spatial_axis(self):
        return 1 if self.data_format == "channels_last" else 4

    def build(self, input_shape):
        check_map(input_shape, self.data_format, "HarmonicAveragePooling2D")
        self.pooled_shape(input_shape)
        check_symmetry(self, self.spatial(input_shape), self.pool_size[0], self.padding)
        self.built = True

    def call(self, inputs):
        shape = ops.shape(inputs)
        if self.data_format == "channels_last":
            planar, planes = (-1, *shape[1:3], prod(shape[3:])), shape[3:]
        else:
            planar, planes = (-1, prod(shape[1:4]), *shape[4:]), shape[1:4]
        x = ops.reshape(inputs, planar)
        x = ops.average_pool(x, self.pool_size, self.strides, self.padding, self.data_format)
        if self.data_format == "channels_last":
            return ops.reshape(x, (-1, *ops.shape(x)[1:3], *planes))
        return ops.reshape(x, (-1, *planes, *ops.shape(x)[2:]))

    def compute_output_shape(self, input_shape):
        return self.pooled_shape(input_shape)

    def get_config(self):
        return {**super().get_config(), "strict": self.strict}
