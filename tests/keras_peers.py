"""keras.applications as a peer: random weights, and serving them in the place of Google's."""

import contextlib
import inspect
import math
import re
import unittest.mock
import warnings

import keras
import numpy as np

import kzoo
from kzoo.constants import STATISTICS
from kzoo.registry import find_family


def build_keras(name, **options):
    """Build the model of keras.applications that `keras_...` is called after."""
    function = getattr(keras.applications, find_family(name).variants[name].function)
    return function(**{"weights": None, **options})


def preprocess(name, images):
    """Return images of 0..255 as the `preprocess_input` of the model's own module makes them."""
    function = getattr(keras.applications, find_family(name).variants[name].function)
    return inspect.getmodule(function).preprocess_input(images.copy())


def count(name):
    """Return Keras's trainable parameters and its ungrouped `Conv2D` kernels larger than 1."""
    model = build_keras(name)
    larger = [
        layer
        for part in model.layers
        for layer in getattr(part, "layers", [part])
        if type(layer) is keras.layers.Conv2D and layer.groups == 1 and max(layer.kernel_size) > 1
    ]
    return sum(math.prod(weight.shape) for weight in model.trainable_weights), len(larger)


def randomise_keras(name, model, images, seed=0):
    """Give a model of Keras random weights, with the BatchNorm statistics of these images."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if len(weight.shape) > 1:
            inputs = weight.shape[:2] if "depthwise" in weight.path else weight.shape[:-1]
            weight.assign(rng.standard_normal(weight.shape) * (2 / math.prod(inputs)) ** 0.5)
        elif weight.path.endswith("gamma"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif weight.path.endswith(("beta", "bias")):
            weight.assign(0.2 * rng.standard_normal(weight.shape))
    norms = [part for part in model.layers if isinstance(part, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    set_normalisation(model, power=2)
    model(preprocess(name, images), training=True)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
    set_normalisation(model, power=1)
    return model


def set_normalisation(model, power):
    """Set the variances of EfficientNet's own normalisation to a power of the deviations.

    Those of the published files are the standard deviations themselves, and with
    `weights="imagenet"` Keras divides by their root once more.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            known = STATISTICS["imagenet"]
            layer.set_weights([np.array(known.mean), np.array(known.std) ** power, np.array(0)])
            layer.finalize_state()


def write_keras(name, folder, size):
    """Write random weights as Keras's servers hold them; returns the files with and without top."""
    images = np.random.default_rng(1).uniform(0, 255, (4, size, size, 3)).astype("float32")
    model = randomise_keras(name, build_keras(name, input_shape=(size, size, 3)), images)
    bare = build_keras(name, input_shape=(size, size, 3), include_top=False)
    bare.set_weights(model.get_weights()[: len(bare.weights)])
    paths = folder / f"{name}.h5", folder / f"{name}_notop.h5"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that no optimizer is saved
        model.save(paths[0])
        bare.save(paths[1])
    return paths


@contextlib.contextmanager
def served(paths):
    """Let keras.applications find the files of `write_keras`; yields the addresses it asked for."""
    requests = []

    def get_file(fname, origin, **options):
        requests.append(origin)
        return str(paths["notop" in re.sub("[-_]", "", fname)])

    # Where keras.applications looks `get_file` up.
    with unittest.mock.patch.object(inspect.getmodule(keras.utils.get_file), "get_file", get_file):
        yield requests


@contextlib.contextmanager
def computing_in(precision):
    """Let Keras compute in "float32" or "float64"."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    try:
        keras.config.set_floatx(precision)
        keras.config.set_dtype_policy(precision)
        yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])


def compare(name, folder, sizes, precision):
    """Compare the outputs with `weights="keras"`, see `tests.peers.compare_with_counterpart`.

    They are the logits at the default size, and pooled features at others, for which Keras has no
    weights with the top.
    """
    default = find_family(name).shape_of(name)[0]
    rows = []
    with computing_in(precision):
        paths = write_keras(name, folder, default if default in sizes else max(sizes))
        for size in sizes:
            options = {"include_top": False, "pooling": "avg"}
            if size == default:
                options = {"classifier_activation": None}
            options |= {"input_shape": (size, size, 3)}
            images = np.random.default_rng(size).uniform(0, 255, (2, size, size, 3))
            images = images.astype(precision)
            with served(paths), warnings.catch_warnings():
                ours = kzoo.create_model(name, weights="keras", **options)
                warnings.simplefilter("ignore")  # of sizes that the weights were not trained at
                theirs = build_keras(name, weights="imagenet", **options)
            ours = keras.ops.convert_to_numpy(ours(images))
            theirs = keras.ops.convert_to_numpy(theirs(preprocess(name, images)))
            scale = np.abs(theirs).max()
            difference, spread = np.abs(ours - theirs).max(), np.abs(ours[0] - ours[1]).max()
            rows.append((size, float(difference / scale), float(spread / scale)))
    for path in paths:
        path.unlink()
    return rows
