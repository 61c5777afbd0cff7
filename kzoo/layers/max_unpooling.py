"""Max pooling that also says where each maximum was, and the unpooling that puts it back.

Zeiler, Taylor and Fergus, Adaptive deconvolutional networks (ICCV 2011); Badrinarayanan, Kendall
and Cipolla, SegNet (2017).
"""

import keras
from keras import ops

from kzoo.layers import _args
from kzoo.layers._base_pooling import BasePooling2D
from kzoo.layers._window import aligned, padding_before, taps

INDEX_DTYPE = "int32"


def max_pool_with_argmax2d(x, pool_size, strides, padding):
    """Return the maximum of each window and its position.

    Args:
        x: maps, (batch, height, width, channels).
        pool_size: pair, height and width of a window.
        strides: pair of strides between neighbouring windows.
        padding: `"valid"` or `"same"`; padding never is the maximum.

    Returns:
        values: (batch, output height, output width, channels).
        indices: the same shape, row * width + column of each maximum; the first one where several
            are equal. NaN counts as larger than any number.
    """
    sizes = ops.shape(x)[1:3]
    before = [padding_before(sizes[i], pool_size[i], strides[i], padding) for i in (0, 1)]
    for i in (0, 1):
        x = aligned(x, 1 + i, pool_size[i], strides[i], 1, padding, fill="edge")
    rows = taps(x, 1, pool_size[0], strides[0])
    window = [taps(row, 2, pool_size[1], strides[1]) for row in rows]

    values, chosen = window[0][0], None
    for m in range(pool_size[0]):
        for n in range(pool_size[1]):
            tap, position = window[m][n], m * pool_size[1] + n
            if chosen is None:
                chosen = ops.zeros_like(tap, dtype=INDEX_DTYPE)
                continue
            larger = ops.logical_or(tap > values, ops.isnan(tap))
            values = ops.where(larger, tap, values)
            chosen = ops.where(larger, ops.full_like(chosen, position), chosen)

    counts = ops.shape(chosen)[1:3]
    origins = [ops.arange(counts[i], dtype=INDEX_DTYPE) * strides[i] - before[i] for i in (0, 1)]
    row = ops.reshape(origins[0], (1, -1, 1, 1)) + chosen // pool_size[1]
    column = ops.reshape(origins[1], (1, 1, -1, 1)) + chosen % pool_size[1]
    # The padding repeats the nearest element, which lies in every window that reaches the padding.
    row, column = ops.clip(row, 0, sizes[0] - 1), ops.clip(column, 0, sizes[1] - 1)
    return values, row * sizes[1] + column


def max_unpool2d(values, indices, sizes):
    """Return maps that are 0 but for `values` at `indices`.

    Args:
        values: (batch, height, width, channels).
        indices: the same shape: row * output width + column.
        sizes: output height and width.

    Returns:
        Maps, (batch, output height, output width, channels). Where one position is given several
        values, it has one of them.
    """
    batch, height, width, channels = ops.shape(values)
    count = height * width
    shape = (batch, count, channels)
    samples = ops.reshape(ops.arange(batch, dtype=INDEX_DTYPE), (-1, 1, 1))
    planes = ops.reshape(ops.arange(channels, dtype=INDEX_DTYPE), (1, 1, -1))
    position = ops.reshape(ops.cast(indices, INDEX_DTYPE), shape)
    places = ops.stack(
        [ops.broadcast_to(samples, shape), position, ops.broadcast_to(planes, shape)], axis=-1
    )
    blank = ops.zeros((batch, sizes[0] * sizes[1], channels), dtype=values.dtype)
    maps = ops.scatter_update(blank, ops.reshape(places, (-1, 3)), ops.reshape(values, (-1,)))
    return ops.reshape(maps, (batch, sizes[0], sizes[1], channels))


@keras.saving.register_keras_serializable(package="kzoo")
class MaxPoolingWithArgmax2D(BasePooling2D):
    """Max pooling that returns, beside each maximum, where it was.

    Args:
        pool_size: height and width of a window, one integer or two.
        strides: distance between neighbouring windows; None for `pool_size`.
        padding: `"valid"` or `"same"`; padding never is the maximum.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps of any size that holds a window.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`.

    Output shape:
        Two of the same rank, with the sizes of `MaxPooling2D`: the maxima, and their indices in
        int32, row * width + column within the map of the same channel (as in PyTorch); of several
        equal maxima, the first.

    Raises:
        ValueError: an argument outside its range, or an input that holds no window.
        TypeError: an argument that is not an integer where it must be.

    Example:

    >>> x = keras.ops.reshape(keras.ops.arange(16.0), (1, 4, 4, 1))
    >>> values, indices = kzoo.layers.MaxPoolingWithArgmax2D(2)(x)
    >>> keras.ops.convert_to_numpy(indices).ravel().tolist()
    [5, 7, 13, 15]
    """

    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, **kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        self.pooled_shape(input_shape)

    def call(self, inputs):
        x = inputs if self.data_format == "channels_last" else ops.moveaxis(inputs, 1, -1)
        values, indices = max_pool_with_argmax2d(x, self.pool_size, self.strides, self.padding)
        if self.data_format == "channels_first":
            values, indices = ops.moveaxis(values, -1, 1), ops.moveaxis(indices, -1, 1)
        return values, indices

    def compute_output_shape(self, input_shape):
        shape = self.pooled_shape(input_shape)
        return shape, shape

    def compute_output_spec(self, inputs):
        shape = self.pooled_shape(inputs.shape)
        return (
            keras.KerasTensor(shape, dtype=self.compute_dtype),
            keras.KerasTensor(shape, dtype=INDEX_DTYPE),
        )


@keras.saving.register_keras_serializable(package="kzoo")
class MaxUnpooling2D(BasePooling2D):
    """Puts maxima back where they were, and 0 elsewhere.

    Args:
        pool_size: height and width of the windows of the pooling to undo, one integer or two.
        strides: distance between those windows; None for `pool_size`.
        padding: `"valid"` or `"same"`, that of the pooling.
        output_size: height and width of the map that was pooled, one integer or two. Several
            sizes pool to the same one: None stands for the smallest of them with `"valid"`, and
            for the largest, a multiple of the strides, with `"same"`.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: a list of the values and the indices that `MaxPoolingWithArgmax2D` returns. The
            indices count in a map of the output size. Where windows overlap and one position is
            given several values, it has one of them.

    Input shape:
        Two times `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`.

    Output shape:
        The same with the height and width of `output_size`.

    Raises:
        ValueError: an argument outside its range, inputs that are not two of one shape, or an
            `output_size` that does not pool to the size of the input.
        TypeError: an argument that is not an integer where it must be.

    Example:

    >>> x = keras.ops.reshape(keras.ops.arange(16.0), (1, 4, 4, 1))
    >>> values, indices = kzoo.layers.MaxPoolingWithArgmax2D(2)(x)
    >>> y = kzoo.layers.MaxUnpooling2D(2)([values, indices])
    >>> keras.ops.convert_to_numpy(y)[0, :, :, 0].tolist()[3]
    [0.0, 13.0, 0.0, 15.0]
    """

    def __init__(
        self,
        pool_size=2,
        strides=None,
        padding="valid",
        output_size=None,
        data_format=None,
        **kwargs,
    ):
        super().__init__(pool_size, strides, padding, data_format, **kwargs)
        self.output_size = output_size
        if output_size is not None:
            self.output_size = _args.integers(output_size, "output_size", 2)

    def build(self, input_shape):
        if not _is_pair_of_maps(input_shape):
            raise ValueError(
                "MaxUnpooling2D is called on a list of two maps of one shape, values and indices; "
                f"received {input_shape!r}."
            )
        sizes = self.spatial(input_shape[0])
        if self.output_size is not None:
            pooled = self.pooled_sizes(self.output_size)
            if any(size not in (None, fits) for size, fits in zip(sizes, pooled)):
                raise ValueError(
                    f"output_size={self.output_size} pools to {pooled} with "
                    f"pool_size={self.pool_size}, strides={self.strides} and "
                    f"padding={self.padding!r}; received an input of {sizes}."
                )

    def call(self, inputs):
        values, indices = inputs
        if self.data_format == "channels_first":
            values, indices = ops.moveaxis(values, 1, -1), ops.moveaxis(indices, 1, -1)
        y = max_unpool2d(values, indices, self._unpooled_sizes(ops.shape(values)[1:3]))
        return y if self.data_format == "channels_last" else ops.moveaxis(y, -1, 1)

    def _unpooled_sizes(self, sizes):
        if self.output_size is not None:
            return self.output_size
        if self.padding == "same":
            return tuple(
                None if size is None else size * stride for size, stride in zip(sizes, self.strides)
            )
        return tuple(
            None if size is None else (size - 1) * stride + window
            for size, stride, window in zip(sizes, self.strides, self.pool_size)
        )

    def compute_output_shape(self, input_shape):
        shape = tuple(input_shape[0])
        return self.with_spatial(shape, self._unpooled_sizes(self.spatial(shape)))

    def get_config(self):
        return {**super().get_config(), "output_size": self.output_size}


def _is_pair_of_maps(shape):
    return (
        len(shape) == 2
        and all(isinstance(item, (tuple, list)) and len(item) == 4 for item in shape)
        and tuple(shape[0]) == tuple(shape[1])
    )
