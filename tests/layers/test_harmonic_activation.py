import numpy as np
import pytest
import tensorflow as tf

from kzoo.layers.harmonic_activation import HarmonicActivation
from tests.helpers import check_layer
from tests.layers.harmonic_maps import as_complex, normal, to_channels_first


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_keras_contract(data_format):
    is_last = data_format == "channels_last"
    shape = (2, 5, 6, 2, 2, 3) if is_last else (2, 2, 2, 3, 5, 6)
    check_layer(
        HarmonicActivation,
        {"data_format": data_format, "bias_initializer": "ones", "epsilon": 0.01},
        shape,
        expected_output_shape=shape,
        trainable=1,
        unknown_axes=(1, 2) if is_last else (4, 5),
        finite_differences=True,
    )


def test_definition():
    """It is ReLU(|z| + b) z / |z|, in NumPy's complex numbers."""
    x, bias = normal(2, 5, 6, 3, 2, 4), normal(3, 4, seed=1) - 0.5
    layer = HarmonicActivation(data_format="channels_last")
    layer.build(x.shape)
    layer.set_weights([bias])
    z = as_complex(x)
    expected = np.maximum(np.abs(z) + bias, 0) * np.exp(1j * np.angle(z))
    assert 0.1 < np.mean(expected == 0) < 0.6
    np.testing.assert_allclose(as_complex(layer(x)), expected, rtol=0, atol=1e-5)
    first = HarmonicActivation(data_format="channels_first")
    first.build(to_channels_first(x).shape)
    first.set_weights([bias])
    np.testing.assert_allclose(
        first(to_channels_first(x)), to_channels_first(np.asarray(layer(x))), atol=1e-6
    )


def test_identity_without_bias():
    x = normal(2, 5, 6, 2, 2, 3)
    np.testing.assert_allclose(HarmonicActivation()(x), x, rtol=1e-6)


@pytest.mark.parametrize("bias", ["ones", "zeros"])
@pytest.mark.parametrize("size", [0.0, 1e-30, 1e-6])
def test_gradient_is_finite_near_zero(bias, size):
    """Below epsilon the layer is linear, with the slope that it has at epsilon."""
    layer = HarmonicActivation(bias_initializer=bias, epsilon=0.01)
    x = tf.constant([size, 0.0])[None, None, None, None, :, None]
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    slope = 101 if bias == "ones" else 1
    np.testing.assert_allclose(np.ravel(tape.gradient(y, x)), [slope, slope], rtol=1e-5)
    np.testing.assert_allclose(np.ravel(y), [slope * size, 0], rtol=1e-5)


def test_half_precision_does_not_overflow():
    x = normal(1, 2, 2, 2, 2, 3) * 500
    y = HarmonicActivation(bias_initializer="ones", dtype="mixed_float16")(x)
    expected = HarmonicActivation(bias_initializer="ones")(x)
    np.testing.assert_allclose(y, expected, rtol=3e-3)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epsilon": 0}, ValueError, "epsilon must be positive and finite; received 0"),
        ({"epsilon": float("nan")}, ValueError, "epsilon must be positive and finite"),
        ({"epsilon": "small"}, TypeError, "epsilon must be a number; received 'small'"),
        ({"data_format": "NHWC"}, ValueError, "data_format must be one of"),
    ],
)
def test_refused_arguments(options, error, message):
    with pytest.raises(error, match=message):
        HarmonicActivation(**options)


@pytest.mark.parametrize("shape", [(1, 7, 7, 3), (1, 7, 7, 2, 3, 4), (1, 7, 7, 2, 2, None)])
def test_refused_inputs(shape):
    message = "HarmonicActivation takes a map of orders.*Turn images into one by HarmonicConv2D"
    with pytest.raises(ValueError, match=message):
        HarmonicActivation().build(shape)
