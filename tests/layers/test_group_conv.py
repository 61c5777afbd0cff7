"""Group convolutions, held to their definition, to their law and to Keras's Conv2D."""

import itertools

import keras
import numpy as np
import pytest
import scipy.ndimage
from keras import ops

from kzoo.layers import GroupEquivariantConv2D, GroupPooling2D, GroupSpatialPooling2D, LiftingConv2D
from tests.helpers import check_layer

# The elements as matrices that act on (x to the right, y upwards): rotations counter-clockwise,
# then the same after a left-right flip. Nothing below uses the tables of the package.
ROTATION, FLIP = np.array([[0, -1], [1, 0]]), np.array([[-1, 0], [0, 1]])
MATRICES = [
    np.linalg.matrix_power(ROTATION, r) @ np.linalg.matrix_power(FLIP, m)
    for m in (0, 1)
    for r in range(4)
]
ORDERS = {"p4": 4, "p4m": 8}


def index_of(matrix):
    return next(i for i, known in enumerate(MATRICES) if np.array_equal(known, matrix))


def transformed(array, g):
    """Return the planes of `array` (batch, height, width, ...) after element g, pixel by pixel.

    A pixel moves as its centre does, measured in half pixels from the middle of the map.
    """
    height, width = array.shape[1:3]
    rows, columns = (height, width) if g % 2 == 0 else (width, height)
    result = np.empty((array.shape[0], rows, columns, *array.shape[3:]), array.dtype)
    for i, j in itertools.product(range(height), range(width)):
        x, y = MATRICES[g] @ (2 * j - (width - 1), (height - 1) - 2 * i)
        result[:, ((rows - 1) - y) // 2, (x + columns - 1) // 2] = array[:, i, j]
    return result


def transformed_map(array, u):
    """Return a map on the group (batch, height, width, |G|, channels) after u: h goes to u h."""
    result = transformed(array, u)
    moved = np.empty_like(result)
    for h in range(array.shape[3]):
        moved[:, :, :, index_of(MATRICES[u] @ MATRICES[h])] = result[:, :, :, h]
    return moved


def correlate(maps, kernel, order):
    """The definition: [f * psi](g, t) = sum over y, h of f(h, t + y) psi(g^-1 h, g^-1 y).

    Args:
        maps: (batch, height, width, |G| or 1, in), with one plane for an image.
        kernel: (k, k, |G| or 1, in, out), offsets y measured from its centre.
    """
    batch, height, width, planes, _ = maps.shape
    size = kernel.shape[0]
    rows, columns = height - size + 1, width - size + 1
    result = np.zeros((batch, rows, columns, order, kernel.shape[-1]), maps.dtype)
    for g, h, i, j in itertools.product(range(order), range(planes), range(size), range(size)):
        back = np.rint(np.linalg.inv(MATRICES[g])).astype(int)
        x, y = back @ (2 * j - (size - 1), (size - 1) - 2 * i)
        source = index_of(back @ MATRICES[h]) if planes > 1 else 0
        weights = kernel[((size - 1) - y) // 2, (x + size - 1) // 2, source]
        result[:, :, :, g] += maps[:, i : i + rows, j : j + columns, h] @ weights
    return result


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


LAYERS = (LiftingConv2D, GroupEquivariantConv2D)


@pytest.mark.parametrize(
    ("layer_class", "config", "input_shape", "output_shape"),
    [
        (LiftingConv2D, {"strides": 2, "padding": "same"}, (2, 7, 9, 3), (2, 4, 5, 4, 5)),
        (
            LiftingConv2D,
            {"group": "p4m", "use_bias": False, "activation": "tanh", "strict": None},
            (2, 5, 6, 2),
            (2, 3, 4, 8, 5),
        ),
        (GroupEquivariantConv2D, {"dilation_rate": 2}, (2, 7, 6, 4, 2), (2, 3, 2, 4, 5)),
        (
            GroupEquivariantConv2D,
            {"group": "p4m", "data_format": "channels_first", "padding": "same", "strict": True},
            (2, 8, 3, 4, 5),
            (2, 8, 5, 4, 5),
        ),
    ],
)
def test_layer(layer_class, config, input_shape, output_shape):
    options = {"bias_initializer": "random_normal", **config}
    check_layer(
        layer_class,
        {"filters": 5, "kernel_size": 3, **options},
        input_shape,
        expected_output_shape=output_shape,
        trainable=1 if config.get("use_bias") is False else 2,
        unknown_axes=(3, 4) if "data_format" in config else (1, 2),
        finite_differences=True,
    )


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("group", ["p4", "p4m"])
def test_equals_the_definition(group, size):
    order = ORDERS[group]
    image, maps = random(2, 6, 5, 2), random(2, 6, 5, order, 2)
    lifting = LiftingConv2D(3, size, group, use_bias=False, dtype="float64")
    lifting.build(image.shape)
    kernel = random(size, size, 2, 3, seed=1)
    lifting.set_kernel(kernel)
    expected = correlate(image[:, :, :, None], kernel[:, :, None], order)
    np.testing.assert_allclose(numpy(lifting(image)), expected, rtol=0, atol=1e-12)

    full = GroupEquivariantConv2D(3, size, group, use_bias=False, dtype="float64")
    full.build(maps.shape)
    kernel = random(size, size, order, 2, 3, seed=2)
    full.set_kernel(kernel)
    expected = correlate(maps, kernel, order)
    np.testing.assert_allclose(numpy(full(maps)), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("size", "kernel_size", "options"),
    [
        ((7, 7), 3, {}),
        ((6, 8), 3, {"padding": "same"}),
        ((5, 7), 5, {"padding": "same"}),
        ((6, 7), 4, {}),
        ((8, 8), 2, {}),
        ((9, 9), 3, {"dilation_rate": 2, "padding": "same"}),
        ((7, 9), 3, {"strides": 2}),
        ((7, 9), 3, {"strides": 2, "padding": "same"}),
        ((8, 6), 2, {"strides": 2, "padding": "same"}),
        ((8, 8), 5, {"strides": 3}),
    ],
)
@pytest.mark.parametrize("group", ["p4", "p4m"])
def test_equivariant(group, size, kernel_size, options):
    """T_u first and the layers after it give what the layers first and T_u after them give."""
    options = {"strict": True, "bias_initializer": "random_normal", "dtype": "float64", **options}
    first = LiftingConv2D(2, kernel_size, group, activation="relu", **options)
    image = random(2, *size, 3)
    lifted = numpy(first(image))
    second = GroupEquivariantConv2D(
        3, 3, group, padding="same", bias_initializer="random_normal", dtype="float64"
    )
    maps = numpy(second(lifted))
    for u in range(ORDERS[group]):
        moved = numpy(first(transformed(image, u)))
        np.testing.assert_allclose(moved, transformed_map(lifted, u), rtol=0, atol=1e-12)
        moved = numpy(second(transformed_map(lifted, u)))
        np.testing.assert_allclose(moved, transformed_map(maps, u), rtol=0, atol=1e-12)

    full = GroupEquivariantConv2D(2, kernel_size, group, **options)
    source = random(2, *size, ORDERS[group], 2)
    result = numpy(full(source))
    for u in range(ORDERS[group]):
        moved = numpy(full(transformed_map(source, u)))
        np.testing.assert_allclose(moved, transformed_map(result, u), rtol=0, atol=1e-12)


@pytest.mark.parametrize("group", ["p4", "p4m"])
def test_equivariant_in_single_precision(group):
    lifting = LiftingConv2D(8, 3, group, padding="same")
    full = GroupEquivariantConv2D(8, 3, group, padding="same")
    image = random(2, 15, 16, 8).astype("float32")
    maps = numpy(full(lifting(image)))
    for u in range(ORDERS[group]):
        moved = numpy(full(lifting(transformed(image, u))))
        error = np.abs(moved - transformed_map(maps, u)).max()
        assert error <= 1e-5 * np.abs(maps).max()


def test_other_transforms_change_the_output():
    """Reflections are not in p4, nor is a rotation by 45 degrees in either group."""
    image = random(1, 15, 15, 1)
    turned = scipy.ndimage.rotate(image, 45, axes=(2, 1), reshape=False)
    for group in ("p4", "p4m"):
        layer = LiftingConv2D(4, 3, group, dtype="float64")
        sums = np.sort(numpy(layer(image)).sum(axis=(1, 2)), axis=1)

        def change(other, layer=layer, sums=sums):
            other_sums = np.sort(numpy(layer(other)).sum(axis=(1, 2)), axis=1)
            return np.abs(other_sums - sums).max() / np.abs(sums).max()

        assert change(transformed(image, 1)) < 1e-12
        assert change(turned) > 1e-2
        flipped = change(transformed(image, 4))
        assert flipped < 1e-12 if group == "p4m" else flipped > 1e-2


def test_strides_on_even_maps_break_the_law():
    image = random(1, 8, 8, 1)
    with pytest.warns(UserWarning, match="not exactly equivariant on an input of height 8"):
        LiftingConv2D(4, 3, strides=2).build(image.shape)
    layer = LiftingConv2D(4, 3, strides=2, strict=None, dtype="float64")
    lifted = numpy(layer(image))
    moved = numpy(layer(transformed(image, 1)))
    assert np.abs(moved - transformed_map(lifted, 1)).max() > 0.1 * np.abs(lifted).max()


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("options", [{}, {"strides": 2, "padding": "same", "strict": None}])
def test_identity_is_a_plain_convolution(size, options):
    image = random(2, 7, 7, 3)
    lifting = LiftingConv2D(4, size, bias_initializer="random_normal", dtype="float64", **options)
    lifted = numpy(lifting(image))
    plain = {key: value for key, value in options.items() if key != "strict"}
    plain = keras.layers.Conv2D(4, size, dtype="float64", **plain)
    plain.build(image.shape)
    plain.set_weights([lifting.get_kernel(), numpy(lifting.bias)])
    np.testing.assert_allclose(lifted[:, :, :, 0], numpy(plain(image)), rtol=0, atol=1e-12)


def test_group_convolution_of_equal_planes():
    """With a kernel that does not depend on the group, it is a lifting of the sum of the planes."""
    maps = random(2, 6, 6, 4, 3)
    kernel = random(3, 3, 3, 5, seed=1)
    full = GroupEquivariantConv2D(5, 3, dtype="float64")
    full.build(maps.shape)
    full.set_kernel(np.repeat(kernel[:, :, None], 4, axis=2))
    lifting = LiftingConv2D(5, 3, dtype="float64")
    lifting.build((2, 6, 6, 3))
    lifting.set_kernel(kernel)
    expected = numpy(lifting(maps.sum(axis=3)))
    np.testing.assert_allclose(numpy(full(maps)), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("layer_class", LAYERS)
@pytest.mark.parametrize("group", ["p4", "p4m"])
def test_channels_first_is_channels_last_transposed(layer_class, group):
    shape = (2, 7, 6, 3) if layer_class is LiftingConv2D else (2, 7, 6, ORDERS[group], 3)
    inputs = random(*shape)
    last = layer_class(4, 3, group, bias_initializer="random_normal", dtype="float64")
    expected = np.moveaxis(numpy(last(inputs)), (1, 2), (3, 4))
    first = layer_class(4, 3, group, data_format="channels_first", dtype="float64")
    inputs = np.moveaxis(inputs, (1, 2), (-2, -1))
    first.build(inputs.shape)
    first.set_weights(last.get_weights())
    assert first.compute_output_shape(inputs.shape) == expected.shape
    np.testing.assert_allclose(numpy(first(inputs)), expected, rtol=0, atol=1e-12)


def test_kernels():
    lifting, full = LiftingConv2D(4, 3, "p4m"), GroupEquivariantConv2D(4, 3, "p4m")
    full(lifting(np.ones((1, 7, 7, 2))))
    assert lifting.get_kernel().shape == (3, 3, 2, 4)
    assert full.get_kernel().shape == (3, 3, 8, 4, 4)
    kernel = random(3, 3, 8, 4, 4).astype("float32")
    full.set_kernel(kernel)
    np.testing.assert_array_equal(full.get_kernel(), kernel)
    assert full.bias.shape == (4,)


def test_initial_values_count_the_group_in_the_fan_in():
    """Variance scaling by the fan-in keeps the variance of standard normal maps."""
    layer = GroupEquivariantConv2D(16, 3, "p4m", kernel_initializer="lecun_normal")
    layer.build((None, 9, 9, 8, 16))
    expected = 1 / (3 * 3 * 8 * 16)
    np.testing.assert_allclose(layer.get_kernel().var(), expected, rtol=0.05)


def test_regularizers_and_constraints_reach_the_weights():
    layer = LiftingConv2D(
        2,
        3,
        kernel_regularizer=keras.regularizers.L2(0.5),
        bias_regularizer=keras.regularizers.L1(1.0),
        bias_initializer="ones",
        kernel_constraint="non_neg",
        bias_constraint=keras.constraints.MaxNorm(1.0),
    )
    layer(np.ones((1, 3, 3, 1)))
    penalty = 0.5 * np.sum(layer.get_kernel() ** 2) + 2
    np.testing.assert_allclose(sum(float(loss) for loss in layer.losses), penalty, rtol=1e-6)
    assert isinstance(layer.kernel.constraint, keras.constraints.NonNeg)
    assert isinstance(layer.bias.constraint, keras.constraints.MaxNorm)


@pytest.mark.parametrize("layer_class", LAYERS)
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"filters": 0}, ValueError, "filters must be at least 1; received 0"),
        ({"filters": 2.5}, TypeError, "filters must be an integer; received 2.5"),
        ({"kernel_size": (3, 5)}, ValueError, r"kernel_size must be the same .* \(3, 5\)"),
        ({"strides": (1, 2)}, ValueError, r"strides must be the same .* received \(1, 2\)"),
        ({"dilation_rate": (1, 2)}, ValueError, r"dilation_rate must be the same .* \(1, 2\)"),
        ({"strides": 2, "dilation_rate": 2}, ValueError, "strides and dilation_rate cannot both"),
        ({"group": "p6"}, ValueError, "group must be one of 'p4', 'p4m'; received 'p6'"),
        ({"padding": "causal"}, ValueError, "padding must be 'valid', 'same', 'full', one amount"),
        ({"data_format": "NHWC"}, ValueError, "data_format must be one of"),
        ({"strict": "yes"}, ValueError, "strict must be one of True, False, None; received 'yes'"),
        ({"stride": 2}, ValueError, "stride"),
    ],
)
def test_refused_arguments(layer_class, options, error, message):
    with pytest.raises(error, match=message):
        layer_class(**{"filters": 4, "kernel_size": 3, **options})


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (LiftingConv2D(4, 3), (1, 7, 7, 4, 3), "takes images, of rank 4.*GroupEquivariantConv2D"),
        (GroupEquivariantConv2D(4, 3), (1, 7, 7, 3), "of rank 5 with 4 planes.*LiftingConv2D"),
        (GroupEquivariantConv2D(4, 3), (1, 7, 7, 8, 3), r"\(group='p4'\) .* 4 planes on axis 3"),
        (
            GroupEquivariantConv2D(4, 3, "p4m", data_format="channels_first"),
            (1, 4, 3, 7, 7),
            "8 planes on axis 1",
        ),
        (LiftingConv2D(4, 3), (1, 7, 7, None), "needs a known number of input channels"),
        (LiftingConv2D(4, 5), (1, 7, 4, 1), r"does not fit an input of \(7, 4\)"),
        (LiftingConv2D(4, 3, dilation_rate=3), (1, 6, 9, 1), r"does not fit an input of \(6, 9\)"),
        (LiftingConv2D(4, 3, strides=2, strict=True), (1, 7, 8, 1), "not exactly .* width 8"),
        (
            LiftingConv2D(4, 2, padding="same", strict=True),
            (1, None, None, 1),
            "not exactly equivariant on an input of height None",
        ),
        (
            LiftingConv2D(4, 3, strides=2, padding="same", strict=True),
            (1, None, None, 1),
            "not known to be exactly equivariant",
        ),
    ],
)
def test_refused_inputs(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer.build(shape)


def test_refused_kernels():
    layer = LiftingConv2D(4, 3)
    for method in (layer.get_kernel, lambda: layer.set_kernel(np.ones((3, 3, 1, 4)))):
        with pytest.raises(ValueError, match="has no kernel yet"):
            method()
    layer.build((1, 7, 7, 2))
    with pytest.raises(ValueError, match=r"\(3, 3, 2, 4\); received an array of shape \(3, 3, 4\)"):
        layer.set_kernel(np.ones((3, 3, 4)))
    with pytest.raises(ValueError, match="expected axis"):
        layer(np.ones((1, 7, 7, 3)))


def test_network_of_the_layers_is_invariant_in_both_data_formats():
    image = random(2, 12, 12, 3)
    for data_format in ("channels_last", "channels_first"):
        keras.config.set_image_data_format(data_format)
        axis = -1 if data_format == "channels_last" else 2
        shape = (12, 12, 3) if data_format == "channels_last" else (3, 12, 12)
        network = keras.Sequential(
            [
                keras.Input(shape, dtype="float64"),
                LiftingConv2D(4, 3, "p4m", dtype="float64"),
                keras.layers.BatchNormalization(axis=axis, dtype="float64"),
                GroupSpatialPooling2D(strict=True, dtype="float64"),
                GroupEquivariantConv2D(4, 3, "p4m", activation="relu", dtype="float64"),
                GroupPooling2D(dtype="float64"),
                keras.layers.GlobalAveragePooling2D(dtype="float64"),
            ]
        )

        def call(x, network=network, data_format=data_format):
            x = x if data_format == "channels_last" else np.moveaxis(x, -1, 1)
            return numpy(network(x))

        expected = call(image)
        for u in range(8):
            np.testing.assert_allclose(call(transformed(image, u)), expected, rtol=1e-12)
