"""One harness that every model passes: `check_application`."""

import gc
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import kzoo
from kzoo import registry


def check_application(name, parameters, *, thorough=True):
    """Hold a model to what every model of the zoo promises.

    Args:
        name: model name.
        parameters: published number of trainable parameters, with the default head.
        thorough: whether to write files of more than 400 MB, too, and read them back, and to build
            the network without its top also without pooling.

    Returns:
        The multiply-adds of the default model.
    """
    family = registry.find_family(name)
    default = kzoo.create_model(name)
    assert kzoo.analysis.count_parameters(default) == parameters
    multiply_adds = kzoo.analysis.count_multiply_adds(default)
    del default
    gc.collect()  # here and below: of the largest networks three would fill 20 GB
    model = build_small(name)
    inputs = _inputs(model, family)
    both = keras.Model(model.input, [model.output, model.get_layer("predictions").input])
    outputs, logits = map(np.asarray, both(inputs))
    assert outputs.shape == (len(inputs), 5)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)
    assert np.ptp(logits, axis=0).max() > 1e-6 * np.abs(logits).max()
    # Over fewer values, batch normalisation of 1x1 maps lets the gradients of ResNet-200 overflow.
    _check_gradients(model, _inputs(model, family, batch=8))
    del both
    gc.collect()
    if thorough or parameters < 100e6:
        outputs = np.asarray(model(inputs))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            model.save(path)
            del model
            gc.collect()
            model = keras.saving.load_model(path)
        np.testing.assert_array_equal(np.asarray(model(inputs)), outputs)
    _check_without_top(name, family, thorough)
    if not family.is_fixed_size(name):
        _check_unknown_size(name, family, model, inputs)
    return multiply_adds


def build_small(name, channels=None, **options):
    """Build a variant at the smallest input at which every weight still matters."""
    family = registry.find_family(name)
    size = max(family.min_size_of(name), 8)
    shape = (size,) * family.rank + (channels or family.input_shape[-1],)
    return kzoo.create_model(name, input_shape=shape, **{"classes": 5, **options})


def _inputs(model, family, batch=3):
    rng = np.random.default_rng(0)
    shape = (batch, *model.input_shape[1:])
    return rng.uniform(0, 255 if family.statistics else 1, shape).astype("float32")


def _check_gradients(model, inputs):
    """In training, every trainable weight gets a finite gradient."""
    with tf.GradientTape() as tape:
        outputs = model(inputs, training=True)
        weights = np.random.default_rng(1).normal(size=outputs.shape)
        loss = tf.reduce_sum(outputs * weights.astype("float32"))
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        assert gradient is not None, weight.path
        assert np.all(np.isfinite(gradient.numpy())), weight.path


def _check_without_top(name, family, thorough):
    """Without the top there is one vector where it is pooled, or else a feature map.

    One with five input channels, the other with one, where the inputs are images.
    """
    cases = [("avg", 5, {"mean": (0.5,) * 5, "std": (0.25,) * 5}), (None, 1, {})]
    if family.rank == 1:
        cases = [("avg", None, {}), (None, None, {})]
    shapes = []
    for pooling, count, options in cases if thorough else cases[:1]:
        gc.collect()
        model = build_small(name, count, include_top=False, pooling=pooling, **options)
        assert "predictions" not in [layer.name for layer in model.layers]
        outputs = np.asarray(model(_inputs(model, family, batch=1)))
        assert np.all(np.isfinite(outputs))
        shapes.append(outputs.shape)
        del model
    gc.collect()
    assert shapes[0] == (1, shapes[-1][-1])


def _check_unknown_size(name, family, model, inputs):
    shape = (None,) * family.rank + (family.input_shape[-1],)
    free = kzoo.create_model(name, input_shape=shape, classes=5)
    for weight, value in zip(free.weights, model.weights, strict=True):
        weight.assign(value)
    np.testing.assert_allclose(
        np.asarray(free(inputs)), np.asarray(model(inputs)), rtol=1e-4, atol=1e-6
    )
    larger = inputs
    for axis in range(1, family.rank + 1):
        larger = np.repeat(larger, 2, axis=axis)[:, :-1]
    assert free(larger).shape == (len(inputs), 5)
