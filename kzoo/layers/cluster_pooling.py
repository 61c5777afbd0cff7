"""Cluster pooling: only features whose descriptors are alike are pooled together.

Boureau, Le Roux, Bach, Ponce and LeCun, Ask the locals: multi-way local pooling for image
recognition (ICCV 2011).
"""

import keras
import numpy as np
from keras import initializers, ops

from kzoo.layers import _args
from kzoo.layers._base_pooling import BasePooling2D
from kzoo.layers._k_means import k_means
from kzoo.layers._window import aligned

MODES = ("max", "average")
# Not -inf: exported to ONNX, a choice between two numbers is a sum of their products with 0 and 1.
LOWEST = float(np.finfo("float32").min)


def membership(x, centers):
    """Return 1 for the centre nearest to each descriptor, of equally near ones the first, else 0.

    Args:
        x: descriptors, (..., dimensions).
        centers: (count, dimensions).

    Returns:
        (..., count), of the type of `x`.
    """
    closeness = 2 * x @ ops.transpose(centers) - ops.sum(ops.square(centers), axis=1)
    # So that what is no number is in the first.
    farther = closeness < ops.max(closeness, axis=-1, keepdims=True)
    nearest = ops.cast(ops.logical_not(farther), x.dtype)
    return nearest * ops.cast(ops.cumsum(nearest, axis=-1) < 1.5, x.dtype)


def cluster_pool2d(x, member, pool_size, strides, padding, mode):
    """Pool each window once for every cluster, over the positions that belong to it.

    Args:
        x: maps, (batch, height, width, channels).
        member: 1 where a position belongs to a cluster, else 0: (batch, height, width, clusters).
        pool_size: pair, height and width of a window.
        strides: pair of strides between neighbouring windows.
        padding: `"valid"` or `"same"`; padding belongs to no cluster.
        mode: `"max"` or `"average"`.

    Returns:
        Maps, (batch, output height, output width, clusters * channels), cluster after cluster; 0
        for a window without a position of the cluster.
    """
    clusters, channels = member.shape[-1], x.shape[-1]
    shape = ops.shape(x)
    belongs = ops.expand_dims(member, -1)
    x = ops.expand_dims(x, -2)
    outside = 0.0 if mode == "average" else LOWEST
    split = ops.where(belongs > 0, x, ops.full_like(x, outside))
    split = ops.reshape(split, (*shape[:3], clusters * channels))
    for i in (0, 1):
        window = (pool_size[i], strides[i], 1, padding)
        split = aligned(split, 1 + i, *window, fill=outside)
        member = aligned(member, 1 + i, *window)
    pool = {"average": ops.average_pool, "max": ops.max_pool}[mode]
    y = pool(split, pool_size, strides, "valid", "channels_last")
    share = pool(member, pool_size, strides, "valid", "channels_last")
    share = ops.repeat(share, channels, axis=-1)
    occupied = share > 0
    share = ops.where(occupied, share, ops.ones_like(share))
    return ops.where(occupied, y / share, ops.zeros_like(y))


@keras.saving.register_keras_serializable(package="kzoo")
class ClusterPooling2D(BasePooling2D):
    """Pools each window once per cluster of descriptors: close in space and in appearance.

    Every position belongs to the cluster whose centre is nearest to its descriptor, which is its
    feature vector itself, or that of a second input. A window gives, for each cluster, the maximum
    or the average over its positions in that cluster, and 0 where it has none. With one cluster it
    is `MaxPooling2D` or `AveragePooling2D`.

    The centres are weights that no gradient changes. They are random until `adapt` computes them
    by k-means, or weights are loaded.

    Args:
        num_clusters: number of clusters.
        pool_size: height and width of a window, one integer or two.
        strides: distance between neighbouring windows; None for `pool_size`.
        padding: `"valid"` or `"same"`; padding belongs to no cluster.
        mode: `"max"` or `"average"`.
        centers_initializer: initializer of the centres, (clusters, descriptor length).
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps of any size that holds a window; or a list of two, the maps to pool and the
            maps of descriptors, of the same height and width.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`; or a list of two such shapes.

    Output shape:
        The same as the first with the sizes of `MaxPooling2D` and `num_clusters * channels`
        channels, those of the first cluster first.

    Raises:
        ValueError: an argument outside its range, an input that holds no window or has an unknown
            number of channels, or two inputs of different sizes.
        TypeError: an argument that is not an integer where it must be.

    Example:

    >>> x = np.random.default_rng(0).normal(size=(4, 8, 8, 3))
    >>> layer = kzoo.layers.ClusterPooling2D(5, pool_size=4)
    >>> layer.adapt(x, seed=0)
    >>> keras.ops.shape(layer(x))
    (4, 2, 2, 15)

    Reference:
        Boureau et al. (2011), section 3.
    """

    def __init__(
        self,
        num_clusters,
        pool_size=2,
        strides=None,
        padding="valid",
        mode="max",
        centers_initializer="random_normal",
        data_format=None,
        **kwargs,
    ):
        super().__init__(pool_size, strides, padding, data_format, **kwargs)
        self.num_clusters = _args.integer(num_clusters, "num_clusters")
        self.mode = _args.one_of(mode, "mode", MODES)
        self.centers_initializer = initializers.get(centers_initializer)

    @property
    def _channel_axis(self):
        return 3 if self.data_format == "channels_last" else 1

    def build(self, input_shape):
        maps, descriptors = _two(input_shape)
        for shape in (maps, descriptors):
            if len(shape) != 4 or shape[self._channel_axis] is None:
                raise ValueError(
                    "ClusterPooling2D takes maps of rank 4 with a known number of channels, or a "
                    f"list of two; received {input_shape} with data_format={self.data_format!r}."
                )
        if self.spatial(maps) != self.spatial(descriptors):
            raise ValueError(
                "the maps and the descriptors of ClusterPooling2D must have the same height and "
                f"width; received {self.spatial(maps)} and {self.spatial(descriptors)}."
            )
        self.pooled_shape(maps)
        self.centers = self.add_weight(
            name="centers",
            shape=(self.num_clusters, descriptors[self._channel_axis]),
            initializer=self.centers_initializer,
            trainable=False,
            autocast=False,
        )

    def adapt(self, data, seed=None, max_points=100_000):
        """Compute the centres by k-means from descriptors.

        Args:
            data: array of maps of descriptors, of the layer's data format, or an iterable of
                batches of them, such as a `tf.data.Dataset`. Where the layer is called on two
                inputs, these are the second ones.
            seed: seed of the draws, an integer; None for a random one.
            max_points: number of positions to use; of more, as many are drawn.

        Raises:
            ValueError: fewer different descriptors than clusters, or not of the length of those
                that the layer was built with.
        """
        rng = np.random.default_rng(seed)
        batches = [data] if hasattr(data, "shape") else data
        arrays = [ops.convert_to_numpy(batch) for batch in batches]
        if not arrays or any(array.ndim != 4 for array in arrays):
            raise ValueError(
                "adapt takes maps of rank 4, or an iterable of batches of them; received "
                f"{'nothing' if not arrays else [array.shape for array in arrays][:3]}."
            )
        arrays = [np.moveaxis(array, self._channel_axis, 3) for array in arrays]
        points = np.concatenate([a.reshape(-1, a.shape[3]) for a in arrays]).astype("float64")
        if len(points) > max_points:
            points = points[rng.choice(len(points), max_points, replace=False)]
        different = len(np.unique(points, axis=0))
        if different < self.num_clusters:
            raise ValueError(
                f"adapt needs at least num_clusters={self.num_clusters} different descriptors; "
                f"received {different}."
            )
        if not self.built:
            shape = [None] * 4
            shape[self._channel_axis] = points.shape[1]
            self.build(tuple(shape))
        if self.centers.shape[1] != points.shape[1]:
            raise ValueError(
                f"adapt needs descriptors of length {self.centers.shape[1]}, as the layer was "
                f"built; received {points.shape[1]}."
            )
        self.centers.assign(k_means(points, self.num_clusters, rng))

    def call(self, inputs):
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        maps, descriptors = _two(inputs)
        if self.data_format == "channels_first":
            maps, descriptors = ops.moveaxis(maps, 1, -1), ops.moveaxis(descriptors, 1, -1)
        member = membership(ops.cast(descriptors, dtype), ops.cast(self.centers, dtype))
        y = cluster_pool2d(
            ops.cast(maps, dtype), member, self.pool_size, self.strides, self.padding, self.mode
        )
        y = y if self.data_format == "channels_last" else ops.moveaxis(y, -1, 1)
        return ops.cast(y, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        shape = list(self.pooled_shape(_two(input_shape)[0]))
        channels = shape[self._channel_axis]
        shape[self._channel_axis] = None if channels is None else self.num_clusters * channels
        return tuple(shape)

    def get_config(self):
        return {
            **super().get_config(),
            "num_clusters": self.num_clusters,
            "mode": self.mode,
            "centers_initializer": initializers.serialize(self.centers_initializer),
        }


def _two(inputs):
    """Return maps and descriptors, or their shapes, out of what the layer is called on."""
    listed = isinstance(inputs, (list, tuple)) and not isinstance(inputs[0], (int, type(None)))
    if not listed:
        return inputs, inputs
    if len(inputs) != 2:
        raise ValueError(
            "ClusterPooling2D is called on maps, or on a list of maps and descriptors; received "
            f"{len(inputs)} inputs."
        )
    return inputs[0], inputs[1]
