import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.layers.lp_pooling import LpPooling1D, LpPooling2D
from tests.helpers import check_layer


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({"pool_size": 2}, (2, 7, 6, 3), (2, 3, 3, 3)),
        (
            {"pool_size": (3, 2), "strides": 2, "p": 3.5, "padding": "same"},
            (2, 7, 6, 3),
            (2, 4, 3, 3),
        ),
        (
            {"pool_size": 3, "strides": (2, 1), "p": math.inf, "data_format": "channels_last"},
            (2, 7, 6, 3),
            (2, 3, 4, 3),
        ),
        ({"pool_size": 2, "p": 1, "data_format": "channels_first"}, (2, 3, 7, 6), (2, 3, 3, 3)),
    ],
)
def test_keras_contract(config, shape, expected):
    check_layer(
        LpPooling2D,
        config,
        shape,
        expected_output_shape=expected,
        trainable=0,
        unknown_axes=(2, 3) if config.get("data_format") == "channels_first" else (1, 2),
        finite_differences=True,
    )


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({"pool_size": 3, "strides": 2, "p": 2.5, "padding": "same"}, (2, 8, 3), (2, 4, 3)),
        ({"p": math.inf, "data_format": "channels_first"}, (2, 3, 7), (2, 3, 3)),
    ],
)
def test_keras_contract_1d(config, shape, expected):
    check_layer(
        LpPooling1D,
        config,
        shape,
        expected_output_shape=expected,
        trainable=0,
        unknown_axes=(2,) if config.get("data_format") == "channels_first" else (1,),
        finite_differences=True,
    )


@pytest.mark.parametrize("p", [1, 2, 4.5])
@pytest.mark.parametrize(("pool_size", "strides"), [(2, 2), (3, 2), (2, 3)])
def test_torch_gives_the_same_for_magnitudes_in_one_dimension(p, pool_size, strides):
    functional = pytest.importorskip("torch.nn.functional")
    import torch

    x = random_maps(2, 9, 3)
    signals = torch.from_numpy(np.abs(x).transpose(0, 2, 1).astype("float64"))
    expected = functional.lp_pool1d(signals, p, pool_size, strides)
    y = np.asarray(LpPooling1D(pool_size, p=p, strides=strides)(x)).transpose(0, 2, 1)
    np.testing.assert_allclose(y, expected.numpy(), rtol=1e-5)


@pytest.mark.parametrize("p", [1, 2, 3, 4.5, 20])
@pytest.mark.parametrize(("pool_size", "strides"), [(2, None), (3, 2), ((2, 3), (1, 2)), (2, 3)])
def test_torch_gives_the_same_for_magnitudes(p, pool_size, strides):
    functional = pytest.importorskip("torch.nn.functional")
    import torch

    x = random_maps(2, 9, 8, 3)
    layer = LpPooling2D(pool_size, p=p, strides=strides)
    planes = torch.from_numpy(np.abs(x).transpose(0, 3, 1, 2).astype("float64"))
    if strides is None:
        expected = functional.lp_pool2d(planes, p, layer.pool_size)
    else:
        expected = functional.lp_pool2d(planes, p, layer.pool_size, layer.strides)
    for maps in (x, np.abs(x)):
        y = np.asarray(layer(maps)).transpose(0, 3, 1, 2)
        np.testing.assert_allclose(y, expected.numpy(), rtol=1e-5)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_infinite_p_is_the_largest_magnitude(padding):
    x = random_maps(2, 7, 8, 3)
    y = LpPooling2D(3, p=math.inf, strides=2, padding=padding)(x)
    expected = keras.layers.MaxPooling2D(3, strides=2, padding=padding)(np.abs(x))
    np.testing.assert_array_equal(np.asarray(y), np.asarray(expected))
    large = LpPooling2D(3, p=1e4, strides=2, padding=padding)(x)
    np.testing.assert_allclose(np.asarray(large), np.asarray(expected), rtol=3e-4)


@pytest.mark.parametrize("p", [1, 2, 7, 50])
@pytest.mark.parametrize("scale", [1e-37, 1e-20, 1.0, 1e20, 1e36])
def test_no_power_overflows_or_vanishes(p, scale):
    x = np.array([1.0, -2.0, 0.5, 3.0]).reshape(1, 2, 2, 1) * scale
    y = float(LpPooling2D(2, p=p)(x.astype("float32"))[0, 0, 0, 0])
    expected = scale * np.sum(np.array([1.0, 2.0, 0.5, 3.0]) ** p) ** (1 / p)
    np.testing.assert_allclose(y, expected, rtol=1e-5)


@pytest.mark.parametrize("p", [1, 2, 3.5, 20])
def test_gradient_is_finite_at_zero(p):
    x = tf.zeros((1, 4, 4, 1))
    x = tf.tensor_scatter_nd_update(x, [[0, 0, 0, 0]], [2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = LpPooling2D(2, p=p)(x)
    gradient = tape.gradient(y, x).numpy()
    assert np.all(np.isfinite(gradient))
    np.testing.assert_allclose(gradient.sum(), 1, rtol=1e-6)
    np.testing.assert_allclose(gradient[0, 0, 0, 0], 1, rtol=1e-6)


@pytest.mark.parametrize("p", [1, 2, 3.5])
@pytest.mark.parametrize("rest", [0.0, 1.0])
def test_nan_stays_nan(p, rest):
    """Wherever it stands in the window, and in XLA too, whose maximum may pass over it."""
    x = np.where(np.eye(4), np.nan, rest).reshape(4, 2, 2, 1).astype("float32")
    x = np.concatenate([x, np.full((1, 2, 2, 1), rest, "float32")])
    for jit_compile in (False, True):
        pool = tf.function(LpPooling2D(2, p=p), jit_compile=jit_compile)
        y = np.ravel(pool(tf.constant(x)))
        np.testing.assert_array_equal(np.isnan(y), [True] * 4 + [False])


def test_half_precision_is_summed_in_float32():
    x = np.full((1, 16, 16, 1), 0.5, "float32")
    for policy in ("mixed_float16", "mixed_bfloat16"):
        y = LpPooling2D(16, p=1, dtype=policy)(x)
        assert float(y[0, 0, 0, 0]) == 128


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"p": 0.5}, ValueError, "p must be at least 1; received 0.5"),
        ({"p": math.nan}, ValueError, "p must be at least 1; received nan"),
        ({"p": "2"}, TypeError, "p must be a number; received '2'"),
        ({"pool_size": 0}, ValueError, "pool_size must be at least 1; received 0"),
        ({"strides": (1, 2, 3)}, ValueError, "strides must be an integer or 2 of them"),
        ({"padding": 1}, ValueError, "padding must be one of 'valid', 'same'; received 1"),
    ],
)
def test_refused_arguments(config, error, message):
    with pytest.raises(error, match=message):
        LpPooling2D(**config)


def test_refused_inputs():
    with pytest.raises(ValueError, match=r"LpPooling1D .* does not fit an input of \(2,\)"):
        LpPooling1D(3).build((None, 2, 3))
    with pytest.raises(
        ValueError, match=r"pool_size=\(3, 3\) .* does not fit an input of \(2, 9\)"
    ):
        LpPooling2D(3).build((None, 2, 9, 3))
