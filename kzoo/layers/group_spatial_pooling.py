"""Pooling of a map on the group over windows of positions, each plane by itself.

Cohen and Welling, "Group Equivariant Convolutional Networks", ICML 2016
(https://arxiv.org/abs/1602.07576), section 6.3.
"""

import keras
from keras import ops

from kzoo.layers._args import one_of
from kzoo.layers._base_pooling import BasePooling2D
from kzoo.layers._symmetry import check_square, check_symmetry

_POOLINGS = {"max": ops.max_pool, "mean": ops.average_pool, "average": ops.average_pool}


@keras.saving.register_keras_serializable(package="kzoo")
class GroupSpatialPooling2D(BasePooling2D):
    """Pools a map on the group over space; the planes of the group stay apart.

    The result is that of `MaxPooling2D` or `AveragePooling2D` on each plane, computed on all of
    them at once.

    Args:
        pool_size: integer, side of the square window.
        mode: "max", or "mean" (also called "average").
        strides: integer, step between windows; default `pool_size`.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first"; default Keras's setting.
        strict: what to do where the windows do not lie symmetrically in the input, which breaks
            exact equivariance: `False` warns, `True` refuses, `None` accepts it.

    Input shape:
        `(batch, height, width, |G|, channels)`, or `(batch, |G|, channels, height, width)`.

    Output shape:
        The same with the sizes of `MaxPooling2D`.

    On PyTorch, Keras counts the last row and column twice where `"same"` pads one side alone, and
    the means there differ from those of the other backends.

    Raises:
        ValueError: an argument, or an input shape, that the layer does not allow.
        TypeError: an argument of the wrong type.

    Example:

    >>> kzoo.layers.GroupSpatialPooling2D(2)(keras.ops.ones((2, 26, 26, 4, 10))).shape
    (2, 13, 13, 4, 10)

    Reference:
        [Cohen and Welling, 2016](https://arxiv.org/abs/1602.07576), section 6.3.
    """

    def __init__(
        self,
        pool_size=2,
        mode="max",
        strides=None,
        padding="valid",
        data_format=None,
        strict=False,
        **kwargs,
    ):
        super().__init__(pool_size, strides, padding, data_format, **kwargs)
        check_square(self.pool_size, "pool_size")
        check_square(self.strides, "strides")
        self.mode = one_of(mode, "mode", tuple(_POOLINGS))
        self.strict = one_of(strict, "strict", (True, False, None))

    @property
    def first_spatial_axis(self):
        return 1 if self.data_format == "channels_last" else 3

    def build(self, input_shape):
        if len(input_shape) != 5:
            raise ValueError(
                "GroupSpatialPooling2D takes a map on the group, of rank 5; received input shape "
                f"{tuple(input_shape)}. For images use keras.layers.MaxPooling2D."
            )
        self.pooled_shape(input_shape)
        check_symmetry(self, self.spatial(input_shape), self.pool_size[0], self.padding)

    def call(self, inputs):
        shape = ops.shape(inputs)
        if self.data_format == "channels_last":
            planar, planes = (-1, *shape[1:3], shape[3] * shape[4]), shape[3:]
        else:
            planar, planes = (-1, shape[1] * shape[2], *shape[3:]), shape[1:3]
        x = ops.reshape(inputs, planar)
        pool = _POOLINGS[self.mode]
        x = pool(x, self.pool_size, self.strides, self.padding, self.data_format)
        if self.data_format == "channels_last":
            return ops.reshape(x, (-1, *ops.shape(x)[1:3], *planes))
        return ops.reshape(x, (-1, *planes, *ops.shape(x)[2:]))

    def compute_output_shape(self, input_shape):
        return self.pooled_shape(input_shape)

    def get_config(self):
        return {**super().get_config(), "mode": self.mode, "strict": self.strict}
