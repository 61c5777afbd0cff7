"""Timing, held to a layer whose time is known."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf

import kzoo
from kzoo.analysis import measure_inference, measure_train_step

NAP = 0.02


class Nap(keras.layers.Layer):
    """Passes its input on after some time for each example."""

    def call(self, inputs):
        def sleep(x):
            time.sleep(NAP * len(x))
            return x

        @tf.custom_gradient
        def wait(x):
            y = tf.ensure_shape(tf.numpy_function(sleep, [x], x.dtype), x.shape)
            return y, lambda gradient: gradient

        return wait(inputs)


def test_the_time_is_that_of_the_batch():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2)(Nap()(inputs)))
    for measure in (measure_inference, measure_train_step):
        speed = measure(model, 4, repeats=3, jit_compile=False)
        assert 4 * NAP <= speed.fastest <= speed.seconds < 8 * NAP
        assert speed.examples_per_second == 4 / speed.seconds


def test_the_model_stays_as_it_was():
    model = kzoo.create_model("resnet20_cifar")
    before = model.get_weights()
    measure_train_step(model, 2, repeats=1)
    measure_inference(model, 2, repeats=1)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    assert not model.compiled


def test_any_size():
    model = kzoo.create_model("resnet20_cifar", input_shape=(None, None, 3))
    assert measure_inference(model, 2, input_shape=(16, 16, 3), repeats=1).batch_size == 2
    with pytest.raises(ValueError, match=r"takes any size; give input_shape, such as \(224, 224"):
        measure_inference(model)


def test_bad_arguments():
    model = kzoo.create_model("lenet5")
    with pytest.raises(ValueError, match="batch_size must be at least 1; received 0"):
        measure_inference(model, 0)
    with pytest.raises(ValueError, match="repeats must be at least 1; received 0"):
        measure_train_step(model, repeats=0)
    two = keras.Model([keras.Input((2,)), b := keras.Input((2,))], b)
    with pytest.raises(ValueError, match="model must have one input to be timed; .* has 2"):
        measure_inference(two)
    with pytest.raises(ValueError, match="has no graph"):
        measure_train_step(keras.Sequential([keras.layers.Dense(2)]))


def test_any_size_and_several_outputs_are_measured():
    inputs = keras.Input((None, None, 1))
    maps = keras.layers.Conv2D(2, 3)(inputs)
    model = keras.Model(inputs, {"maps": maps, "mean": keras.layers.GlobalMaxPooling2D()(maps)})
    for measure in (measure_inference, measure_train_step):
        assert measure(model, 2, input_shape=(6, 5, 1), repeats=1).seconds > 0
