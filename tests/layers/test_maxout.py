import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.layers.maxout import Maxout
from tests.helpers import check_layer


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("config", "shape", "expected", "unknown_axes"),
    [
        ({"num_pieces": 2}, (2, 6), (2, 3), ()),
        ({"num_pieces": 3}, (2, 5, 4, 6), (2, 5, 4, 2), (1, 2)),
        ({"num_pieces": 4, "axis": 1}, (2, 8, 5, 4), (2, 2, 5, 4), (2, 3)),
    ],
)
def test_keras_contract(config, shape, expected, unknown_axes):
    check_layer(
        Maxout,
        config,
        shape,
        expected_output_shape=expected,
        trainable=0,
        unknown_axes=unknown_axes,
        finite_differences=True,
    )


@pytest.mark.parametrize("num_pieces", [1, 2, 3, 6, 12])
def test_torch_pools_the_channels_the_same(num_pieces):
    torch = pytest.importorskip("torch")
    x = random_maps(5, 12)
    expected = torch.nn.functional.max_pool1d(torch.from_numpy(x[:, None]), num_pieces)[:, 0]
    y = np.asarray(Maxout(num_pieces)(x))
    np.testing.assert_array_equal(y, expected.numpy())
    first = Maxout(num_pieces, axis=1)(np.repeat(x[:, :, None], 3, axis=2))
    np.testing.assert_array_equal(np.asarray(first)[..., 1], y)


def test_relu_and_magnitude_are_maxout():
    """The functions of figure 1 of the paper, each from the rows of a dense layer."""
    x = random_maps(50, 4)
    identity = np.eye(4, dtype="float32")
    for second, activation in [(0 * identity, "relu"), (-identity, keras.ops.abs)]:
        kernel = np.stack([identity, second], axis=-1).reshape(4, 8)
        dense = keras.layers.Dense(8, use_bias=False)
        dense.build((None, 4))
        dense.set_weights([kernel])
        y = Maxout(2)(dense(x))
        expected = keras.activations.get(activation)(x)
        np.testing.assert_allclose(np.asarray(y), np.asarray(expected), atol=1e-7)


def test_the_first_of_the_largest_has_the_gradient():
    x = tf.constant([[1.0, 3.0, 3.0, 2.0, 2.0, 2.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = Maxout(3)(x)
    np.testing.assert_array_equal(tape.gradient(y, x), [[0, 1, 0, 1, 0, 0]])


def test_tangents_of_a_convex_function_come_near_it():
    """k tangents of x^2 on [-1, 1] are up to 1 / (k - 1)^2 below it: half a step, squared."""
    x = np.linspace(-1, 1, 401)[:, None]
    for pieces in (3, 5, 9):
        slope = np.linspace(-1, 1, pieces)
        y = np.asarray(Maxout(pieces, dtype="float64")(2 * slope * x - slope**2))
        error = x**2 - y
        assert error.min() > -1e-12
        np.testing.assert_allclose(error.max(), 1 / (pieces - 1) ** 2, rtol=1e-9)


def test_parameters_grow_with_the_pieces():
    """A maxout layer of m units on d inputs has k m (d + 1) parameters, section 3."""
    inputs = keras.Input((10,))
    model = keras.Model(inputs, Maxout(5)(keras.layers.Dense(5 * 7)(inputs)))
    assert model.output_shape == (None, 7)
    assert model.count_params() == 5 * 7 * 11


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"num_pieces": 0}, ValueError, "num_pieces must be at least 1; received 0"),
        ({"num_pieces": 2.0}, TypeError, "num_pieces must be an integer; received 2.0"),
        ({"num_pieces": 2, "axis": "channels"}, TypeError, "axis must be an integer; received"),
    ],
)
def test_refused_arguments(config, error, message):
    with pytest.raises(error, match=message):
        Maxout(**config)


@pytest.mark.parametrize(
    ("axis", "shape", "message"),
    [
        (-1, (None, 7), r"divide the number of channels; received num_pieces=2 .* \(None, 7\)"),
        (-1, (None, None), "num_pieces must divide the number of channels"),
        (0, (4, 6), "axis must be one of the input's axes other than the batch; received axis=0"),
        (2, (4, 6), "received axis=2 and an input of rank 2"),
        (-2, (4, 6), "received axis=-2 and an input of rank 2"),
    ],
)
def test_refused_inputs(axis, shape, message):
    with pytest.raises(ValueError, match=message):
        Maxout(2, axis=axis).build(shape)
