import keras
import numpy as np

from kzoo.layers import HarmonicMagnitudeConv2D
from tests.layers.backend_cases import cases


def test_weights_and_data_in_bfloat16():
    """Every layer gives bfloat16, within a few roundings, of 2^-9 each, of its float32."""
    for name, (layer, data) in cases().items():
        half = type(layer).from_config({**layer.get_config(), "dtype": "bfloat16"})
        shapes = [array.shape for array in data]
        for each in (layer, half):
            each.build(shapes if len(data) > 1 else shapes[0])
        rng = np.random.default_rng(1)
        weights = [np.abs(rng.normal(size=weight.shape)) for weight in layer.weights]
        layer.set_weights(weights)
        half.set_weights(weights)
        inputs = data if len(data) > 1 else data[0]
        y, expected = (keras.tree.flatten(each(inputs))[0] for each in (half, layer))
        assert keras.backend.standardize_dtype(y.dtype) == "bfloat16", name
        y, expected = np.asarray(keras.ops.cast(y, "float32")), np.asarray(expected)
        tolerance = 2**-6 * np.abs(expected).max()
        np.testing.assert_allclose(y, expected, rtol=0, atol=tolerance, err_msg=name)


def test_magnitudes_of_nothing_have_gradients_in_float16():
    import tensorflow as tf

    layer = HarmonicMagnitudeConv2D(4, 3, dtype="float16")
    x = tf.zeros((1, 6, 6, 2), "float16")
    layer.build(x.shape)
    with tf.GradientTape() as tape:
        y = layer(x)
    for gradient in tape.gradient(y, layer.trainable_variables):
        assert np.all(np.isfinite(np.asarray(gradient)))
    assert np.all(np.isfinite(np.asarray(layer(500 * tf.ones_like(x)))))
