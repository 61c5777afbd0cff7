"""Effective receptive fields: Luo et al.'s variances, the backends, and what is refused."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from kzoo.analysis.effective_receptive_field import (
    EffectiveReceptiveField,
    effective_receptive_field,
)

ROOT = Path(__file__).parents[2]


def stack(count, size, input_size=61, **options):
    """`count` convolutions of equal weights, without biases."""
    model = keras.Sequential([keras.Input((input_size, input_size, 1))])
    for _ in range(count):
        model.add(layers.Conv2D(1, size, use_bias=False, kernel_initializer="ones", **options))
    return model


@pytest.mark.parametrize(("count", "size"), [(1, 3), (5, 3), (9, 3), (3, 5), (4, 2)])
def test_variance_of_equal_weights(count, size):
    """Luo et al., section 2.2: n convolutions of k equal weights have variance n (k^2 - 1) / 12."""
    field = effective_receptive_field(stack(count, size), samples=1)
    expected = math.sqrt(count * (size**2 - 1) / 12)
    np.testing.assert_allclose(field.standard_deviation, expected, rtol=1e-6)
    assert np.count_nonzero(field.map) == (count * (size - 1) + 1) ** 2


def test_dilation_widens_the_variance_by_its_square():
    field = effective_receptive_field(stack(4, 3, dilation_rate=3), samples=1)
    np.testing.assert_allclose(field.standard_deviation, math.sqrt(4 * 9 * 8 / 12), rtol=1e-6)


def test_area_is_that_of_a_gaussian_within_its_threshold():
    """exp(-r^2 / 2 s^2) > 0.0455 within a radius of 2.486 s."""
    y, x = np.mgrid[-60:61, -60:61]
    deviation = 12.0
    gaussian = np.exp(-(x**2 + y**2) / (2 * deviation**2))
    field = EffectiveReceptiveField("layer", (0, 0), gaussian)
    radius = deviation * math.sqrt(2 * math.log(1 / 0.0455))
    assert field.area == pytest.approx(math.pi * radius**2, rel=0.005)
    assert field.size == pytest.approx(math.sqrt(math.pi) * radius, rel=0.005)
    np.testing.assert_allclose(field.standard_deviation, deviation, rtol=1e-4)


def test_effective_field_grows_with_the_root_of_depth():
    sizes = [effective_receptive_field(stack(n, 3), samples=1).size for n in (4, 16)]
    assert sizes[1] / sizes[0] == pytest.approx(2, rel=0.15)


def test_map_is_the_kernel_itself():
    model = keras.Sequential([keras.Input((7, 8, 1)), layers.Conv2D(1, (3, 2), use_bias=False)])
    kernel = model.layers[0].get_weights()[0][..., 0, 0]
    field = effective_receptive_field(model, position=(1, 4), samples=3)
    expected = np.zeros((7, 8))
    expected[1:4, 4:6] = np.abs(kernel)
    np.testing.assert_allclose(field.map, expected, rtol=1e-6)
    assert (field.layer, field.position) == (model.layers[0].name, (1, 4))


def test_channels_and_inputs_are_averaged():
    inputs = keras.Input((6, 6, 2))
    model = keras.Model(inputs, keras.ops.square(layers.ReLU()(inputs)))
    x = np.stack([np.full((6, 6, 2), 1.0), np.full((6, 6, 2), -1.0)]).astype("float32")
    x[0, :, :, 1] = 2.0
    field = effective_receptive_field(model, inputs=x, position=(2, 3))
    # Gradients 2 and 4 in the channels of the first input, 0 in the second.
    assert field.map[2, 3] == pytest.approx((2 + 4) / 2 / 2)
    assert np.count_nonzero(field.map) == 1


def test_signals_and_channels_first():
    signal = keras.Sequential([keras.Input((20, 2)), layers.Conv1D(3, 5, name="c")])
    field = effective_receptive_field(signal, "c", samples=1)
    assert field.map.shape == (20,)
    assert np.flatnonzero(field.map).tolist() == [8, 9, 10, 11, 12]
    assert field.size == field.area

    keras.config.set_image_data_format("channels_first")
    # No convolution: TensorFlow has none with channels first on a CPU.
    first = keras.Sequential([keras.Input((2, 9, 11)), layers.ZeroPadding2D(((1, 0), (2, 0)))])
    field = effective_receptive_field(first, samples=1)
    assert field.map.shape == (9, 11)
    assert np.argwhere(field.map > 0).tolist() == [[4, 4]]


def test_noise_is_reproducible():
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(4, 3, activation="relu")])
    maps = [effective_receptive_field(model, input_size=9, seed=seed).map for seed in (0, 0, 1)]
    np.testing.assert_array_equal(maps[0], maps[1])
    assert np.abs(maps[0] - maps[2]).max() > 0


def test_an_output_that_does_not_change():
    model = keras.Sequential([keras.Input((5, 5, 1)), layers.ReLU()])
    field = effective_receptive_field(model, inputs=-np.ones((1, 5, 5, 1)))
    assert (field.area, field.size, field.standard_deviation) == (0, 0, (0, 0))


BACKEND = """
import json, sys
sys.modules.update(dict.fromkeys(["tensorflow", "tensorflow_datasets", "tf_keras"]))
import keras, numpy as np
from keras import layers
from kzoo.analysis.effective_receptive_field import effective_receptive_field
from tests.analysis.test_effective_receptive_field import network
print(json.dumps(effective_receptive_field(network(), samples=2).map.tolist()))
"""


def network():
    model = keras.Sequential(
        [
            keras.Input((9, 9, 2)),
            layers.Conv2D(4, 3, padding="same"),
            layers.BatchNormalization(),
            layers.Activation("tanh"),
            layers.Conv2D(3, 3, strides=2),
        ]
    )
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.uniform(0.1, 1, size=weight.shape))
    return model


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_without_tensorflow(backend):
    pytest.importorskip(backend)
    run = subprocess.run(
        [sys.executable, "-c", BACKEND],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    expected = effective_receptive_field(network(), samples=2).map
    found = np.array(json.loads(run.stdout.splitlines()[-1]))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * expected.max())


def test_other_backends_are_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    with pytest.raises(NotImplementedError, match="Keras runs on 'numpy'"):
        effective_receptive_field(stack(1, 3), samples=1)


def test_the_last_layer_may_be_shared():
    relu = layers.ReLU(name="shared")
    inputs = keras.Input((9, 9, 1))
    first = relu(layers.Conv2D(1, 3, kernel_initializer="ones")(inputs))
    model = keras.Model(inputs, relu(layers.Conv2D(1, 3, kernel_initializer="ones")(first)))
    field = effective_receptive_field(model, inputs=np.ones((1, 9, 9, 1)))
    assert field.layer == "shared"
    assert np.count_nonzero(field.map) == 25


def test_refused_arguments():
    model = stack(1, 3, input_size=9)
    with pytest.raises(ValueError, match=r"within the map \(7, 7\) of .*; received \(7, 0\)"):
        effective_receptive_field(model, position=(7, 0))
    with pytest.raises(ValueError, match="samples must be a positive integer; received 0"):
        effective_receptive_field(model, samples=0)
    with pytest.raises(ValueError, match=r"inputs must have the shape .*; received \(1, 8, 8, 1\)"):
        effective_receptive_field(model, inputs=np.ones((1, 8, 8, 1)))
    with pytest.raises(ValueError, match="input_size must be given"):
        effective_receptive_field(stack(1, 3, input_size=None))
    flat = keras.Sequential([keras.Input((5, 5, 1)), layers.Flatten(name="f")])
    with pytest.raises(ValueError, match="output must be a layer with positions; 'f' returns"):
        effective_receptive_field(flat, "f")
    image = keras.Input((5, 5, 1), dtype="uint8", name="image")
    with pytest.raises(ValueError, match="must take floating-point numbers; .* takes uint8"):
        effective_receptive_field(keras.Model(image, layers.Rescaling(2.0)(image)))
