"""The layers that benchmark_layers.py measures, and the peak memory of a train step of one.

Command: python scripts/_layer_cases.py NAME BATCH   prints the megabytes of one of `memory_cases`
"""

import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import keras
from keras import ops

from kzoo import layers
from kzoo.layers import (
    GroupedConv2D,
    GroupEquivariantConv2D,
    LocallyConnected1D,
    LocallyConnected2D,
    TiledConv2D,
)

BARE = {"use_bias": False}
ORDERS = {"p4": 4, "p4m": 8}
# (spatial sizes, input channels, filters, kernel size)
LOCAL_CASES = (
    ((32, 32), 16, 16, 3),
    ((16, 16), 64, 64, 3),
    ((28, 28), 1, 32, 5),
    ((256,), 64, 64, 3),
)


class BatchedProduct(keras.layers.Layer):
    """One matrix product for each position: the least that a locally connected layer computes."""

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape):
        positions, _, window = input_shape
        self.kernel = self.add_weight(shape=(positions, window, self.filters))

    def call(self, inputs):
        return ops.matmul(inputs, self.kernel)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)


def local_layer(case, tf_keras_implementation=None):
    """Return kzoo's layer of a case, or tf_keras's with the implementation of that number."""
    sizes, _, filters, window = case
    if tf_keras_implementation is None:
        layer_class = LocallyConnected1D if len(sizes) == 1 else LocallyConnected2D
        return layer_class(filters, window, **BARE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tf_keras

    name = f"LocallyConnected{len(sizes)}D"
    return getattr(tf_keras.layers, name)(
        filters, window, implementation=tf_keras_implementation, **BARE
    )


def group_layer(name, fields):
    return GroupEquivariantConv2D(fields, 3, group=name, padding="same", strict=None, **BARE)


class Values(keras.layers.Layer):
    """The first result of a layer."""

    def __init__(self, layer, **kwargs):
        super().__init__(**kwargs)
        self.layer = layer

    def call(self, inputs):
        return self.layer(inputs)[0]

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)[0]


def pooling_cases():
    """Return (title, layer, Keras's layer with windows of that size) for maps of 32x32x64."""
    maximum, average = keras.layers.MaxPooling2D, keras.layers.AveragePooling2D
    return [
        ("Lp, p=2", layers.LpPooling2D(2), average(2)),
        ("with argmax (values)", Values(layers.MaxPoolingWithArgmax2D(2)), maximum(2)),
        ("blur, 3x3", layers.BlurPooling2D(3), average(3, 2, "same")),
        ("stochastic", layers.StochasticPooling2D(2), maximum(2)),
        ("maxout of 2", layers.Maxout(2), maximum(2)),
        ("spatial pyramid 1, 2, 4", layers.SpatialPyramidPooling2D((1, 2, 4)), maximum(8)),
        ("learned, 2x2", layers.LearnedPooling2D(2), average(16)),
        ("cluster, 4 of 2x2", layers.ClusterPooling2D(4, 2), maximum(2)),
        ("complex cell, 3x3", layers.ComplexCell2D(32, 3), keras.layers.Conv2D(64, 3, **BARE)),
    ]


def memory_cases():
    """Return name -> (function that returns a layer, shape without the batch)."""
    same = {"padding": "same", **BARE}
    cases = {
        "Conv2D 64 -> 64": (lambda: keras.layers.Conv2D(64, 3, **same), (32, 32, 64)),
        "tiled, t=2": (lambda: TiledConv2D(64, 3, tile_size=2, **same), (32, 32, 64)),
        "tiled, t=3": (lambda: TiledConv2D(64, 3, tile_size=3, **same), (32, 32, 64)),
        "group, p4": (lambda: group_layer("p4", 16), (32, 32, 4, 16)),
        "group, p4m": (lambda: group_layer("p4m", 8), (32, 32, 8, 8)),
        "grouped, 8 groups": (lambda: GroupedConv2D(64, 3, groups=8, **same), (32, 32, 64)),
    }
    for case in LOCAL_CASES:
        shape = (*case[0], case[1])
        title = "locally connected " + "x".join(map(str, shape))
        cases[title] = (lambda case=case: local_layer(case), shape)
        cases[f"{title}, tf_keras"] = (lambda case=case: local_layer(case, 1), shape)
    return cases


def peak_of_one(name, batch):
    """Return by how many MB a train step raises this process's peak."""
    make, shape = memory_cases()[name]
    from _timing import Compiled

    layer = make()
    for _ in range(2):
        Compiled(layer, (1, *shape)).train()
    before = peak_so_far()
    Compiled(layer, (batch, *shape)).train()
    return (peak_so_far() - before) / 1024


def peak_so_far():
    """Return the most kilobytes that were resident; Linux only.

    `getrusage` would start from the peak of the process that started this one.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


if __name__ == "__main__":
    print(peak_of_one(sys.argv[1], int(sys.argv[2])))
