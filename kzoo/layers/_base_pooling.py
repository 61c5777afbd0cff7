"""What the poolings of this package share: windows, and output shapes."""

import keras

from kzoo.layers import _args
from kzoo.layers._window import aligned, output_size, taps

PADDINGS = ("valid", "same")


def window_elements(x, pool_size, strides, padding, axis):
    """Return what each position of the windows sees of `x`, a list in the order of rows.

    Args:
        x: signals, maps or volumes.
        pool_size: size of a window along each spatial axis.
        strides: strides between neighbouring windows, as many.
        padding: `"valid"` or `"same"`; padding counts as 0.
        axis: first spatial axis.

    Returns:
        A list of tensors of the same rank, each with one element per window.
    """
    for i, (size, stride) in enumerate(zip(pool_size, strides)):
        x = aligned(x, axis + i, size, stride, 1, padding)
    window = [x]
    for i, (size, stride) in enumerate(zip(pool_size, strides)):
        window = [tap for seen in window for tap in taps(seen, axis + i, size, stride)]
    return window


class BasePooling(keras.layers.Layer):
    """Holds and checks the arguments of a pooling over windows along `rank` axes."""

    rank = 2

    def __init__(self, pool_size, strides, padding, data_format, **kwargs):
        super().__init__(**kwargs)
        self.pool_size = _args.integers(pool_size, "pool_size", self.rank)
        self.strides = self.pool_size
        if strides is not None:
            self.strides = _args.integers(strides, "strides", self.rank)
        self.padding = _args.one_of(padding, "padding", PADDINGS)
        self.data_format = _args.data_format(data_format)

    @property
    def first_spatial_axis(self):
        return 1 if self.data_format == "channels_last" else 2

    def spatial(self, shape):
        """Return the sizes along the pooled axes, height and width of a map."""
        axis = self.first_spatial_axis
        return tuple(shape[axis : axis + self.rank])

    def with_spatial(self, shape, sizes):
        """Return `shape` with `sizes` along the pooled axes."""
        axis = self.first_spatial_axis
        return (*shape[:axis], *sizes, *shape[axis + self.rank :])

    def pooled_sizes(self, sizes):
        """Return the sizes of the result of pooling an input of `sizes`; None where unknown."""
        return tuple(
            output_size(size, window, stride, self.padding)
            for size, window, stride in zip(sizes, self.pool_size, self.strides)
        )

    def pooled_shape(self, input_shape):
        """Return the shape of the result of pooling, or refuse an input that holds no window."""
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


class BasePooling2D(BasePooling):
    """A pooling of maps."""
