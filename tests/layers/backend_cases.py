"""Runs every layer on the active Keras backend: `python -m tests.layers.backend_cases OUTPUT.npz`.

As a script it makes TensorFlow impossible to import, as on a machine that does not have it.
"""

import sys
from itertools import chain

import numpy as np

BLOCKED = ("tensorflow", "tensorflow_datasets", "tf_keras")


def cases():
    """Return name -> (layer, list of inputs); weights and inputs are the same on every backend."""
    from kzoo import layers

    rng = np.random.default_rng(0)
    maps = rng.normal(size=(2, 8, 9, 3)).astype("float32")
    wide = rng.normal(size=(2, 6, 7, 16)).astype("float32")
    signal = rng.normal(size=(2, 9, 3)).astype("float32")
    group = rng.normal(size=(2, 7, 7, 4, 3)).astype("float32")
    indices = np.arange(24, dtype="int32").reshape(1, 3, 4, 2) % 12 * 4
    values = rng.normal(size=(1, 3, 4, 2)).astype("float32")
    crowd = rng.normal(size=(8, 4, 5, 16)).astype("float32")
    orders = rng.normal(size=(2, 7, 8, 2, 2, 3)).astype("float32")
    table = [[1, 0, 1], [0, 1, 1], [1, 1, 1]]
    blank = {"kernel_initializer": "zeros"}  # drawing takes JAX a second to compile
    flat = blank | {"phase_initializer": "zeros"}
    return {
        "tiled 1d": (layers.TiledConv1D(4, 3, tile_size=3, padding="same", **blank), [signal]),
        "tiled": (
            layers.TiledConv2D(4, 3, strides=2, padding="same", bias_mode="tile", **blank),
            [maps],
        ),
        "tiled dilated": (layers.TiledConv2D(4, 3, tile_size=3, dilation_rate=2, **blank), [maps]),
        "local 1d": (layers.LocallyConnected1D(4, 3, strides=2, **blank), [signal]),
        "local": (layers.LocallyConnected2D(4, 3, strides=2, padding="same", **blank), [maps]),
        "local wide": (layers.LocallyConnected2D(4, 3, dilation_rate=2, **blank), [wide]),
        "table": (layers.ConnectionTableConv2D(3, table, padding="same", **blank), [maps]),
        "grouped 1d": (
            layers.GroupedConv1D(6, 3, groups=3, padding="causal", **blank),
            [signal],
        ),
        "grouped": (layers.GroupedConv2D(16, 3, 2, "same", groups=4, **blank), [wide]),
        "grouped dilated": (
            layers.GroupedConv2D(16, 3, padding="same", dilation_rate=2, groups=2, **blank),
            [wide],
        ),
        "depthwise": (
            layers.GroupedConv2D(32, 3, padding=((1, 0), (1, 1)), groups=16, **blank),
            [wide],
        ),
        "grouped pixels": (layers.GroupedConv2D(8, 1, groups=4, **blank), [wide]),
        "conditional": (
            layers.CondConv2D(4, 3, experts=3, strides=2, padding="same", groups=2, **blank),
            [wide, wide[:, 0, 0, :3]],
        ),
        "conditional pixels": (
            layers.CondConv2D(4, 1, experts=3, **blank),
            [wide, wide[:, 0, 0, :3]],
        ),
        "standardised": (
            layers.WeightStandardizedConv2D(4, 3, 2, "same", groups=2, gain=1.0, **blank),
            [wide],
        ),
        "fft 1d": (layers.FFTConv1D(6, 3, padding="causal", groups=3, **blank), [signal]),
        "fft": (layers.FFTConv2D(4, (3, 2), 2, "same", groups=2, **blank), [wide]),
        "gabor": (layers.GaborConv2D(4, 5, strides=2, padding="same"), [maps]),
        "fixed": (layers.FixedConv2D(["sobel_x", "gaussian"], strides=(1, 2)), [maps]),
        "batch normalisation": (layers.BatchNormalization(), [maps]),
        "constant padding": (layers.ConstantPadding2D(1, -2.0), [maps]),
        "lp": (layers.LpPooling2D(3, p=3, strides=2, padding="same"), [maps]),
        "lp infinite": (layers.LpPooling2D(2, p=float("inf")), [maps]),
        "lp 1d": (layers.LpPooling1D(3, p=3, strides=2, padding="same"), [signal]),
        "pyramid": (layers.SpatialPyramidPooling2D((1, 2, 3)), [maps]),
        "maxout": (layers.Maxout(3), [maps]),
        "blur": (layers.BlurPooling2D(5), [maps]),
        "learned pooling": (layers.LearnedPooling2D(2, 3), [maps]),
        "cluster average": (layers.ClusterPooling2D(3, 3, 2, "same", "average"), [maps]),
        "cluster maximum": (layers.ClusterPooling2D(3, 3, 2, "same", "max"), [maps]),
        "complex cell": (layers.ComplexCell2D(4, 5, strides=2, padding="same"), [maps]),
        "stochastic pooling": (layers.StochasticPooling2D(3, 2, "same"), [np.abs(maps)]),
        "argmax": (layers.MaxPoolingWithArgmax2D(3, 2, padding="same"), [maps]),
        "unpooling": (layers.MaxUnpooling2D(2), [values, indices]),
        "minimum size": (layers.MinimumSizePooling2D((11, 5)), [maps]),
        "lifting": (layers.LiftingConv2D(4, 3, group="p4", **blank), [maps]),
        "group": (layers.GroupEquivariantConv2D(4, 3, group="p4", **blank), [group]),
        "group pooling": (layers.GroupPooling2D(), [group]),
        "harmonic": (layers.HarmonicConv2D(4, 3, padding="same", **flat), [maps]),
        "harmonic orders": (
            layers.HarmonicConv2D(4, 5, num_rings=4, max_order=2, **flat),
            [orders],
        ),
        "harmonic magnitude conv": (
            layers.HarmonicMagnitudeConv2D(4, 3, strides=2, padding="same", **flat),
            [maps],
        ),
        "harmonic activation": (layers.HarmonicActivation(), [orders]),
        "harmonic norm": (layers.HarmonicBatchNormalization(), [orders]),
        "harmonic magnitude": (layers.HarmonicMagnitude(), [orders]),
        "harmonic pooling": (layers.HarmonicAveragePooling2D(2, strict=None), [orders]),
        "stochastic depth": (layers.StochasticDepth(0.5, seed=0), [maps]),
        "layer scale": (layers.LayerScale(), [maps]),
        "rms": (layers.ScaleNormalization(), [maps]),
        "deviation": (layers.ScaleNormalization("std"), [maps]),
        "crop": (layers.CropLike2D(), [maps, maps[:, :-1, :-2]]),
        "skip init": (layers.SkipInit(), [maps]),
        "evo norm": (layers.EvoNormS0(4), [wide]),
        "filter response": (layers.FilterResponseNormalization(), [maps]),
        "squeeze": (layers.SqueezeExcite(**blank), [wide]),
        "effective squeeze": (layers.EffectiveSqueezeExcite(**blank), [maps]),
        "channel attention": (layers.EfficientChannelAttention(**blank), [wide]),
        "response": (layers.GlobalResponseNormalization(), [maps]),
        "split attention": (layers.SplitAttention(4, groups=2, epsilon=0.1, **blank), [crowd]),
        "selective kernel": (layers.SelectiveKernel(4, strides=2, epsilon=0.1, **blank), [crowd]),
        "identity shortcut": (layers.IdentityShortcut2D(8), [maps]),
        "channel shuffle": (layers.ChannelShuffle(4), [wide]),
        "nearest": (layers.NearestResizing2D(), [maps, wide]),
    }


def _random_weight(weight, rng):
    values = rng.normal(size=weight.shape).astype("float32")
    not_negative = "variance" in weight.path or "beta_" in weight.path
    return np.abs(values) if not_negative else values


def outputs():
    """Return name -> array: outputs of each layer, and its weights after one training step."""
    import keras

    inputs, arrays, results, symbolic, trained = [], [], {}, {}, {}
    for name, (layer, data) in cases().items():
        fed = [keras.Input(a.shape[1:], batch_size=len(a), dtype=str(a.dtype)) for a in data]
        outputs = layer(fed if len(fed) > 1 else fed[0])
        inputs, arrays = inputs + fed, arrays + data
        for i, y in enumerate(outputs if isinstance(outputs, tuple) else (outputs,)):
            symbolic[f"{name}, output {i}"] = y
        rng = np.random.default_rng(1)
        layer.set_weights([_random_weight(weight, rng) for weight in layer.weights])
        if layer.trainable_weights:
            trained[name] = layer, fed, data, outputs

    # One model of all layers, because most of the time goes into compiling models.
    model = keras.Model(inputs, list(symbolic.values()))
    for name, y in zip(symbolic, model.predict_on_batch(arrays), strict=True):
        results[name] = y
    layers, fed, data, outputs = zip(*trained.values(), strict=True)
    model = keras.Model(list(chain(*fed)), list(outputs))
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=["mse"] * len(outputs))
    model.train_on_batch(list(chain(*data)), [np.zeros(y.shape, "float32") for y in outputs])
    for name, layer in zip(trained, layers, strict=True):
        for i, weight in enumerate(layer.get_weights()):
            results[f"{name}, weight {i} after training"] = weight
    return results


if __name__ == "__main__":
    sys.modules.update(dict.fromkeys(BLOCKED))  # None stands for a module that is not there
    np.savez(sys.argv[1], **outputs())
