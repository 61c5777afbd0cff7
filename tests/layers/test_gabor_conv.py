import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.initializers import Gabor
from kzoo.initializers.gabor import PARAMETERS
from kzoo.layers.gabor_conv import GaborConv2D
from tests.helpers import check_layer


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def built(shape, *args, **options):
    layer = GaborConv2D(*args, **options)
    layer.build(shape)
    return layer


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({}, (2, 8, 7, 2), (2, 4, 3, 3)),
        (
            {"data_format": "channels_first", "strides": 2, "padding": "full", "use_bias": False},
            (2, 2, 7, 6),
            (2, 3, 6, 5),
        ),
    ],
)
def test_keras_contract(config, shape, expected):
    check_layer(
        GaborConv2D,
        {"filters": 3, "kernel_size": 5, "kernel_initializer": Gabor(seed=1), **config},
        shape,
        expected_output_shape=expected,
        trainable=9 if config.get("use_bias", True) else 8,
        unknown_axes=(2, 3) if config else (1, 2),
        finite_differences=True,
    )


def test_number_of_parameters():
    layer = built((None, 32, 32, 3), 16, 11)
    assert layer.count_params() == 8 * 3 * 16 + 16
    assert [v.name for v in layer.weights] == [*PARAMETERS, "bias"]
    assert {v.shape for v in layer.weights[:-1]} == {(3, 16)}


@pytest.mark.parametrize("options", [{}, {"alpha": 1.0, "x0": (-1, 1), "f": 0.5}])
@pytest.mark.parametrize("kernel_size", [11, (4, 7)])
def test_starts_as_the_initializer(kernel_size, options):
    initializer = Gabor(**options, seed=3)
    layer = built((None, 20, 20, 3), 8, kernel_size, kernel_initializer=initializer)
    expected = np.asarray(initializer((*layer.kernel_size, 3, 8)))
    np.testing.assert_allclose(layer.get_kernel(), expected, rtol=0, atol=2e-6)
    if not options:
        energy = np.sum(layer.get_kernel() ** 2, axis=(0, 1, 2))
        np.testing.assert_allclose(energy, 2, rtol=1e-5)


@pytest.mark.parametrize("theta", [0, 0.3, 1.2, 2.5])
@pytest.mark.parametrize(("sigma_x", "sigma_y", "frequency"), [(2, 3, 0.15), (3, 1.5, 0.3)])
def test_skimage_gives_the_same_kernel(theta, sigma_x, sigma_y, frequency):
    gabor_kernel = pytest.importorskip("skimage.filters").gabor_kernel
    expected = gabor_kernel(frequency, theta, sigma_x=sigma_x, sigma_y=sigma_y, offset=0.7).real
    layer = built((None, 40, 40, 1), 1, expected.shape)
    layer.set_parameters(
        {
            "alpha": 1 / (2 * math.pi * sigma_x * sigma_y),
            "beta_x": 1 / (2 * sigma_x**2),
            "beta_y": 1 / (2 * sigma_y**2),
            "f": 2 * math.pi * frequency,
            "phi": 0.7,
            "x0": 0,
            "y0": 0,
            "tau": theta,
        }
    )
    np.testing.assert_allclose(layer.get_kernel()[..., 0, 0], expected, rtol=0, atol=1e-7)


def test_scipy_correlates_the_same():
    correlate = pytest.importorskip("scipy.signal").correlate
    x = random_maps(1, 12, 10, 2)
    layer = GaborConv2D(3, (5, 4), bias_initializer="normal")
    y, kernel = np.asarray(layer(x)), layer.get_kernel()
    for j in range(3):
        expected = sum(correlate(x[0, :, :, c], kernel[:, :, c, j], "valid") for c in (0, 1))
        expected = expected + np.asarray(layer.bias)[j]
        np.testing.assert_allclose(y[0, :, :, j], expected, rtol=0, atol=1e-5)


def test_learning_recovers_a_planted_filter():
    planted = {
        "alpha": 1.0,
        "beta_x": 0.1,
        "beta_y": 0.06,
        "f": 0.9,
        "phi": 0.4,
        "x0": 0.5,
        "y0": -0.3,
        "tau": 0.7,
    }
    start = {"alpha": 0.8, "beta_x": 0.15, "beta_y": 0.1, "f": 0.8, "phi": 0.2, "x0": 0.2}
    x = random_maps(8, 16, 16, 1)
    truth = built(x.shape, 1, 9, use_bias=False)
    truth.set_parameters(planted)
    target = truth(x)
    layer = built(x.shape, 1, 9, use_bias=False)
    layer.set_parameters({**start, "y0": 0.0, "tau": 0.9})
    optimizer = keras.optimizers.Adam(0.03, beta_2=0.99)
    optimizer.build(layer.trainable_variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(layer(x) - target))
        optimizer.apply(tape.gradient(loss, [v.value for v in layer.trainable_variables]))
        return loss

    for epoch in range(6):
        optimizer.learning_rate.assign(0.03 / 2**epoch)
        for _ in range(60):
            loss = step()
    found = {name: value.item() for name, value in layer.get_parameters().items()}
    assert float(loss) < 1e-7
    for name, value in planted.items():
        assert abs(found[name] - value) < 2e-3, (name, found[name])


def test_decays_do_not_become_negative():
    layer = built((None, 9, 9, 1), 1, 5, use_bias=False)
    optimizer = keras.optimizers.SGD(10.0)
    optimizer.build(layer.trainable_variables)
    optimizer.apply([tf.ones(v.shape) for v in layer.trainable_variables])
    found = layer.get_parameters()
    assert found["beta_x"] == 0
    assert found["beta_y"] == 0
    assert found["alpha"] < 0


def test_refused():
    with pytest.raises(TypeError, match="kernel_initializer must be a kzoo.initializers.Gabor"):
        GaborConv2D(3, 5, kernel_initializer="glorot_uniform")
    layer = GaborConv2D(3, 5)
    with pytest.raises(ValueError, match="GaborConv2D .* has no kernel yet"):
        layer.get_kernel()
    layer.build((None, 9, 9, 2))
    with pytest.raises(ValueError, match="among alpha, .*; received beta, sigma"):
        layer.set_parameters({"sigma": 1, "beta": 2, "f": 1})
