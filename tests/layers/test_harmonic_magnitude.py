import numpy as np
import pytest
import tensorflow as tf

from kzoo.layers.harmonic_magnitude import HarmonicMagnitude
from tests.helpers import check_layer
from tests.layers.harmonic_maps import as_complex, normal, to_channels_first


def reduced(z, mode):
    """Return the magnitudes of complex maps (B, H, W, orders, channels) as `mode` says."""
    if mode == "stack":
        return np.concatenate(list(np.moveaxis(np.abs(z), 3, 0)), axis=-1)
    return getattr(np.abs(z), mode)(axis=3)


@pytest.mark.parametrize(
    ("mode", "data_format"),
    [("sum", "channels_last"), ("mean", "channels_first"), ("stack", "channels_last")],
)
def test_keras_contract(mode, data_format):
    is_last = data_format == "channels_last"
    x = normal(2, 5, 6, 3, 2, 4)
    expected = reduced(as_complex(x), mode)
    if not is_last:
        x, expected = to_channels_first(x), to_channels_first(expected)
    y = check_layer(
        HarmonicMagnitude,
        {"mode": mode, "data_format": data_format},
        x.shape,
        input_data=x,
        expected_output_shape=expected.shape,
        trainable=0,
        unknown_axes=(1, 2) if is_last else (4, 5),
        finite_differences=True,
    )
    np.testing.assert_allclose(y, expected, rtol=1e-5)


def test_stacked_orders_in_channels_first():
    x = normal(2, 5, 6, 3, 2, 4)
    y = HarmonicMagnitude("stack", data_format="channels_first")(to_channels_first(x))
    expected = to_channels_first(reduced(as_complex(x), "stack"))
    np.testing.assert_allclose(y, expected, rtol=1e-5)


@pytest.mark.parametrize("size", [0.0, 1e-18, 1e-12, 1e12])
def test_gradient_is_finite(size):
    x = tf.constant([size, 0.0])[None, None, None, None, :, None]
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = HarmonicMagnitude()(x)
    expected = [1, 0] if size > 1e-15 else [0, 0]
    np.testing.assert_allclose(np.ravel(tape.gradient(y, x)), expected, rtol=1e-5)
    np.testing.assert_allclose(np.ravel(y), size, rtol=1e-5, atol=1e-14)


def test_refusals():
    with pytest.raises(ValueError, match="mode must be one of 'sum', 'mean', 'stack'"):
        HarmonicMagnitude("max")
    with pytest.raises(ValueError, match=r"takes a map of orders.*shape \(1, 7, 7, 3\)"):
        HarmonicMagnitude().build((1, 7, 7, 3))
