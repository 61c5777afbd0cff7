import math

import keras
import numpy as np
import pytest

from kzoo.analysis.equivariance import (
    EquivarianceErrors,
    check_equivariance,
    flip,
    rotate,
    shift,
)
from kzoo.layers import GroupEquivariantConv2D, GroupPooling2D, LiftingConv2D
from tests.layers.test_group_conv import transformed, transformed_map

QUARTERS = ("rot90", "rot180", "rot270")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


class CircularConv(keras.layers.Layer):
    """A convolution of maps that go on at their other side."""

    def __init__(self, strides=1):
        super().__init__(dtype="float64")
        self.conv = keras.layers.Conv2D(4, 3, strides=strides, dtype="float64")

    def call(self, x):
        x = keras.ops.concatenate([x[:, -1:], x, x[:, :1]], axis=1)
        return self.conv(keras.ops.concatenate([x[:, :, -1:], x, x[:, :, :1]], axis=2))


def test_circular_convolution_commutes_with_shifts():
    data = normal(2, 8, 6, 3)
    for amount in ((1, 1), (3, 0), (-2, 5)):
        errors = check_equivariance(CircularConv(), lambda x, a=amount: shift(x, *a), data)
        assert errors.absolute <= 1e-14
    assert check_equivariance(CircularConv(), "shift", (8, 6, 3)).relative <= 1e-6


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_padding_with_zeros_errs_in_the_border_alone(kernel_size):
    """A shift by one brings wrapped rows to the border of k // 2, and one position further."""
    layer = keras.layers.Conv2D(4, kernel_size, padding="same", dtype="float64")
    data = normal(2, 12, 12, 3)
    assert check_equivariance(layer, "shift", data).relative > 0.05
    border = kernel_size // 2
    assert check_equivariance(layer, "shift", data, border=border).relative > 0.01
    assert check_equivariance(layer, "shift", data, border=border + 1).relative <= 1e-13


def test_strides_commute_with_shifts_by_their_multiples():
    layer, data = CircularConv(strides=2), normal(2, 8, 8, 3)

    def error(rows, output_rows):
        return check_equivariance(
            layer, lambda x: shift(x, rows, 0), data, lambda y: shift(y, output_rows, 0)
        ).relative

    assert error(2, 1) <= 1e-14
    assert error(6, 3) <= 1e-14
    assert error(1, 0) > 0.1
    assert error(1, 1) > 0.1


@pytest.mark.parametrize(("group", "order"), [("p4", 4), ("p4m", 8)])
def test_transforms_are_those_of_the_definition(group, order):
    """Held to pixels and group elements moved one by one, without the package's tables."""
    images, maps = normal(2, 5, 6, 3), normal(2, 5, 6, order, 3)
    for u in range(4):
        np.testing.assert_array_equal(rotate(images, u), transformed(images, u))
        np.testing.assert_array_equal(rotate(maps, u), transformed_map(maps, u))
    np.testing.assert_array_equal(flip(images), transformed(images, 4))
    np.testing.assert_array_equal(rotate(images, -1), rotate(images, 3))
    if group == "p4m":
        for u in range(4):
            np.testing.assert_array_equal(rotate(flip(maps), u), transformed_map(maps, u + 4))
    vectors = normal(2, 7)
    for function in (rotate, flip, shift):
        assert function(vectors) is vectors


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("group", ["p4", "p4m"])
def test_group_convolutions(group, data_format):
    options = {"data_format": data_format, "dtype": "float64"}
    lifting = LiftingConv2D(4, 3, group, **options)
    full = GroupEquivariantConv2D(3, 3, group, padding="same", **options)
    is_last = data_format == "channels_last"
    image = normal(2, 7, 8, 3) if is_last else normal(2, 3, 7, 8)
    maps = keras.ops.convert_to_numpy(lifting(image))
    names = QUARTERS if group == "p4" else (*QUARTERS, "flip")
    for name in names:
        for layer, data in ((lifting, image), (full, maps)):
            errors = check_equivariance(layer, name, data, data_format=data_format)
            assert errors.relative <= 1e-13
    same = check_equivariance(full, "rot180", maps, "identity", data_format=data_format)
    assert same.relative > 0.1


def test_networks_that_end_in_logits_are_tested_for_invariance():
    network = keras.Sequential(
        [
            keras.Input((9, 9, 1)),
            LiftingConv2D(4, 3),
            GroupEquivariantConv2D(4, 3, activation="relu"),
            GroupPooling2D(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(5),
        ]
    )
    for name in QUARTERS:
        assert check_equivariance(network, name, (9, 9, 1)).relative <= 1e-5
    assert check_equivariance(network, "flip", (9, 9, 1)).relative > 1e-3
    plain = keras.layers.Conv2D(4, 3)
    assert check_equivariance(plain, "rot90", (9, 9, 1)).relative > 0.1


def test_sequences_and_functions():
    def circular(x):
        return 0.5 * x + np.roll(x, 2, axis=1)

    assert check_equivariance(circular, "shift", normal(2, 9, 3)).absolute <= 1e-15
    assert check_equivariance(np.tanh, "rot90", normal(2, 4, 4, 1)) == EquivarianceErrors(0.0, 0.0)
    assert check_equivariance(lambda x: x.sum(axis=(1, 2, 3)), "flip", (4, 5, 1)).relative < 1e-5


def test_errors():
    data = np.ones((1, 2))
    errors = check_equivariance(lambda x: x, lambda x: 3 * x, data, "identity")
    assert errors == EquivarianceErrors(2.0, 2.0)
    errors = check_equivariance(lambda x: x, lambda x: x + 1, np.zeros((1, 2)), "identity")
    assert errors == EquivarianceErrors(1.0, math.inf)


def test_a_model_knows_the_shape_of_its_input():
    inputs = keras.Input((7, 7, 1))
    model = keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs))
    assert check_equivariance(model, "flip") == check_equivariance(model, "flip", (7, 7, 1))


def test_a_border_of_a_sequence_is_left_out():
    layer = keras.layers.Conv1D(2, 3, padding="same")
    assert check_equivariance(layer, "shift", (9, 2)).relative > 0.01
    assert check_equivariance(layer, "shift", (9, 2), border=2).relative < 1e-6


def test_models_of_integers_and_without_inputs_are_refused():
    inputs = keras.Input((7, 7, 1), dtype="uint8")
    model = keras.Model(inputs, keras.layers.Rescaling(2.0)(inputs), name="bytes")
    with pytest.raises(ValueError, match="must take floating-point numbers; 'bytes' takes uint8"):
        check_equivariance(model, "flip")
    with pytest.raises(ValueError, match="data must be given, a shape .* received None"):
        check_equivariance(keras.Sequential([keras.layers.Dense(2)]), "flip")


def test_draws_are_seeded():
    layer = keras.layers.Conv2D(4, 3)
    first, again, other = (check_equivariance(layer, "flip", (7, 7, 1), seed=s) for s in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((np.tanh, "rot45", (4, 4, 1)), {}, ValueError, "transform must be one of .*'rot45'"),
        ((np.tanh, "flip", (4, 4, 1), "no"), {}, ValueError, "output_transform must be one of"),
        ((np.tanh, "flip"), {}, ValueError, "data must be given, a shape .* received None"),
        ((np.tanh, "flip", (4, None, 1)), {}, TypeError, "data must be an integer; received None"),
        ((np.tanh, "flip", (4, 4, 1)), {"data_format": "NHWC"}, ValueError, "data_format must be"),
        ((np.tanh, "flip", (4, 1)), {}, ValueError, r"rank 2, 4 or 5; .* \(2, 4, 1\)"),
        ((np.tanh, "flip", (5, 5, 4, 1)), {}, ValueError, r"has no flip.* \(2, 5, 5, 4, 1\)"),
        ((np.tanh, "rot90", (5, 5, 3, 1)), {}, ValueError, "have 4 planes"),
        ((np.tanh, "flip", (4, 4, 1)), {"border": 2}, ValueError, "a border of 2 .* nothing"),
        ((np.tanh, "rot90", (4, 5, 1), "identity"), {}, ValueError, "give the output_transform"),
        (("relu", "flip", (4, 4, 1)), {}, TypeError, "a function is needed; received 'relu'"),
        ((lambda x: [x, x], "flip", (4, 4, 1)), {}, TypeError, "one output is needed; received 2"),
    ],
)
def test_refused(arguments, options, error, message):
    with pytest.raises(error, match=message):
        check_equivariance(*arguments, **options)
