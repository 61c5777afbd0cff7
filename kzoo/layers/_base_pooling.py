"""What the two-dimensional poolings of this package share: windows, and output shapes."""

import keras

from kzoo.layers import _args
from kzoo.layers._window import output_size

PADDINGS = ("valid", "same")


class BasePooling2D(keras.layers.Layer):
    """Holds and checks the arguments of a pooling over windows of a map."""

    def __init__(self, pool_size, strides, padding, data_format, **kwargs):
        super().__init__(**kwargs)
        self.pool_size = _args.integers(pool_size, "pool_size", 2)
        self.strides = self.pool_size if strides is None else _args.integers(strides, "strides", 2)
        self.padding = _args.one_of(padding, "padding", PADDINGS)
        self.data_format = _args.data_format(data_format)

    @property
    def first_spatial_axis(self):
        return 1 if self.data_format == "channels_last" else 2

    def spatial(self, shape):
        """Return height and width out of the shape of a map."""
        axis = self.first_spatial_axis
        return tuple(shape[axis : axis + 2])

    def with_spatial(self, shape, sizes):
        """Return the shape of a map with `sizes` for its height and width."""
        axis = self.first_spatial_axis
        return (*shape[:axis], *sizes, *shape[axis + 2 :])

    def pooled_sizes(self, sizes):
        """Return the sizes of the result of pooling a map of `sizes`; None where unknown."""
        return tuple(
            output_size(size, window, stride, self.padding)
            for size, window, stride in zip(sizes, self.pool_size, self.strides)
        )

    def pooled_shape(self, input_shape):
        """Return the shape of the result of pooling, or refuse a map that holds no window."""
        sizes = self.pooled_sizes(self.spatial(input_shape))
        if any(size is not None and size < 1 for size in sizes):
            raise ValueError(
                f"{type(self).__name__} with pool_size={self.pool_size} and "
                f"padding={self.padding!r} does not fit an input of {self.spatial(input_shape)}; "
                "use a larger input, a smaller pool_size or padding='same'."
            )
        return self.with_spatial(tuple(input_shape), sizes)

    def get_config(self):
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
        }
