"""Learned pooling: which region of the map a feature is pooled over is trained.

Jia, Huang and Darrell, Beyond spatial pyramids: receptive field learning for pooled image features
(CVPR 2012); with differentiable weights as in Malinowski and Fritz, Learnable pooling regions for
image classification (ICLR workshop 2013).
"""

import keras
import numpy as np
from keras import initializers, ops

from kzoo.layers import _args


def rectangles(grid_size):
    """Return all rectangles of cells of a grid as (top, left, bottom, right), ends not included."""
    rows, columns = grid_size
    return [
        (top, left, bottom, right)
        for top in range(rows)
        for bottom in range(top + 1, rows + 1)
        for left in range(columns)
        for right in range(left + 1, columns + 1)
    ]


def densities(grid_size):
    """Return an array (regions, rows, columns): 1 / area in the cells of each rectangle, else 0."""
    regions = rectangles(grid_size)
    result = np.zeros((len(regions), *grid_size))
    for density, (top, left, bottom, right) in zip(result, regions):
        density[top:bottom, left:right] = 1 / ((bottom - top) * (right - left))
    return result


def balanced_prior(density):
    """Return positive probabilities of the regions under which all cells weigh the same.

    Equal probabilities would favour the middle of the map, which lies in more rectangles. Here
    all rectangles of several cells are equally likely, and each single cell gets what its place
    then lacks; half of its weight or more is its own.

    Args:
        density: array (regions, rows, columns) as `densities` returns it.

    Returns:
        Array (regions,) that sums to 1.
    """
    flat = density.reshape(len(density), -1)
    cells = flat.shape[1]
    single = flat.max(axis=1) == 1
    covered = flat[~single].sum(axis=0)
    each = 0.5 / (cells * max(covered.max(), 1))
    return np.where(single, flat @ (1 / cells - each * covered), each)


def cell_means_matrix(size, count, dtype):
    """Return the matrix (count, size) that averages an axis over `count` cells of equal length.

    An element across the border of two cells counts in both, in proportion to its share. Hence the
    mean of the cells is the mean of the axis, whatever its size.
    """
    cell = ops.expand_dims(ops.arange(count, dtype="int32"), 1)
    element = ops.expand_dims(ops.arange(size, dtype="int32"), 0)
    # In units of 1 / count elements all borders are whole numbers.
    start = ops.maximum(cell * size, element * count)
    end = ops.minimum((cell + 1) * size, (element + 1) * count)
    return ops.cast(ops.maximum(end - start, 0), dtype) / ops.cast(size, dtype)


@keras.saving.register_keras_serializable(package="kzoo")
class LearnedPooling2D(keras.layers.Layer):
    """Average pooling of the whole map over regions that are learned.

    A grid divides the map into cells, and all rectangles of cells are candidates: 100 for a grid
    of 4 x 4, as in the paper. A unit pools every channel over each candidate, and adds the results
    up with weights that are positive and sum to 1: a softmax of trainable logits, times a fixed
    prior. At first all logits are 0, and the prior is such that every unit then is the average of
    the whole map, `GlobalAveragePooling2D`. The paper selects single candidates greedily, by
    group-sparse regression; here all of them keep a weight, and several mixtures make one region:
    see it in `cell_weights()`.

    Args:
        units: number of regions to learn.
        grid_size: number of rows and columns of the grid, one integer or two.
        per_channel: whether each channel has regions of its own; else all share those of a unit.
        logits_initializer: initializer of the logits.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps of any size, which may be unknown until the call.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`.

    Output shape:
        `(batch, units * channels)`, the channels of a unit together, in both data formats.

    Raises:
        ValueError: an argument outside its range, or an unknown number of channels.
        TypeError: an argument that is not an integer where it must be.

    Example:

    >>> layer = kzoo.layers.LearnedPooling2D(6)
    >>> keras.ops.shape(layer(keras.ops.ones((1, 9, 11, 32))))
    (1, 192)
    >>> layer.region_weights().shape, layer.regions[0]
    ((6, 100), (0, 0, 1, 1))

    References:
        Jia, Huang and Darrell (2012), sections 3 and 4.
        Malinowski and Fritz (2013), section 2.
    """

    def __init__(
        self,
        units,
        grid_size=4,
        per_channel=False,
        logits_initializer="zeros",
        data_format=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = _args.integer(units, "units")
        self.grid_size = _args.integers(grid_size, "grid_size", 2)
        self.per_channel = _args.one_of(per_channel, "per_channel", (True, False))
        self.logits_initializer = initializers.get(logits_initializer)
        self.data_format = _args.data_format(data_format)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    @property
    def regions(self):
        """The candidates, (top, left, bottom, right) in cells, ends not included."""
        return rectangles(self.grid_size)

    def build(self, input_shape):
        axis = 3 if self.data_format == "channels_last" else 1
        channels = input_shape[axis]
        if channels is None:
            raise ValueError(
                "LearnedPooling2D needs a known number of input channels; received an input of "
                f"shape {tuple(input_shape)} with data_format={self.data_format!r}."
            )
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={axis: channels})
        self._densities = densities(self.grid_size)
        self._prior = balanced_prior(self._densities)
        shared = (channels,) if self.per_channel else ()
        self.logits = self.add_weight(
            name="logits",
            shape=(self.units, *shared, len(self._prior)),
            initializer=self.logits_initializer,
        )

    def call(self, inputs):
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        x = inputs if self.data_format == "channels_last" else ops.moveaxis(inputs, 1, -1)
        x = ops.cast(x, dtype)
        size = ops.shape(x)
        rows = cell_means_matrix(size[1], self.grid_size[0], dtype)
        columns = cell_means_matrix(size[2], self.grid_size[1], dtype)
        cells = ops.einsum("jw,biwc->bijc", columns, ops.einsum("ih,bhwc->biwc", rows, x))
        unit = "uc" if self.per_channel else "u"
        y = ops.einsum(f"{unit}ij,bijc->buc", self._cell_weights(dtype), cells)
        return ops.cast(ops.reshape(y, (-1, self.units * size[3])), self.compute_dtype)

    def _region_weights(self, dtype):
        logits = ops.cast(self.logits, dtype)
        largest = ops.stop_gradient(ops.max(logits, axis=-1, keepdims=True))
        prior = ops.convert_to_tensor(self._prior, dtype=dtype)
        weights = prior * ops.exp(logits - largest)
        return weights / ops.sum(weights, axis=-1, keepdims=True)

    def _cell_weights(self, dtype):
        density = ops.convert_to_tensor(self._densities, dtype=dtype)
        return ops.einsum("...r,rij->...ij", self._region_weights(dtype), density)

    def region_weights(self):
        """Return the weights of the candidates as an array, (units, regions).

        With `per_channel` it is (units, channels, regions). `regions` lists them in this order.
        """
        self._require_built()
        return ops.convert_to_numpy(self._region_weights("float32"))

    def cell_weights(self):
        """Return the weight of each cell of the grid as an array, (units, rows, columns).

        With `per_channel` it is (units, channels, rows, columns). The weights of a unit sum to 1.
        """
        self._require_built()
        return ops.convert_to_numpy(self._cell_weights("float32"))

    def _require_built(self):
        if not self.built:
            raise ValueError(
                f"LearnedPooling2D {self.name!r} has no weights yet; call it or `build` it."
            )

    def compute_output_shape(self, input_shape):
        channels = input_shape[3 if self.data_format == "channels_last" else 1]
        return (input_shape[0], None if channels is None else self.units * channels)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "grid_size": self.grid_size,
            "per_channel": self.per_channel,
            "logits_initializer": initializers.serialize(self.logits_initializer),
            "data_format": self.data_format,
        }
