"""What sets the layer apart from `HarmonicConv2D`; the rest is in `test_harmonic_conv.py`."""

import keras
import numpy as np
import pytest

from kzoo.layers.harmonic_magnitude_conv import HarmonicMagnitudeConv2D
from tests.layers.harmonic_maps import normal


@pytest.mark.parametrize("shape", [(2, 9, 8, 3), (2, 10, 11, 3)])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, 2])
def test_shapes_are_those_of_conv2d(shape, padding, strides):
    options = {"kernel_size": 3, "strides": strides, "padding": padding}
    expected = keras.layers.Conv2D(4, **options).compute_output_shape(shape)
    layer = HarmonicMagnitudeConv2D(4, **options)
    assert layer(normal(*shape)).shape == expected


def test_gradient_is_finite_where_there_is_nothing():
    import tensorflow as tf

    x = tf.zeros((1, 7, 7, 2))
    layer = HarmonicMagnitudeConv2D(3, 3)
    layer.build(x.shape)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    assert np.all(np.abs(y) < 1e-14)
    for gradient in tape.gradient(y, [x, *(w.value for w in layer.trainable_weights)]):
        assert np.all(np.isfinite(gradient))


def test_responses_keep_the_scale_of_the_input():
    """With he_normal and white noise, mean squares neither vanish nor explode."""
    x = normal(4, 16, 16, 32)
    y = np.asarray(HarmonicMagnitudeConv2D(32, 5)(x))
    assert 0.3 < np.sqrt(np.mean(y**2)) < 3
