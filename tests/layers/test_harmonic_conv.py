import keras
import numpy as np
import pytest
import scipy.signal
from scipy.special import ive

from kzoo.layers.harmonic_activation import HarmonicActivation
from kzoo.layers.harmonic_conv import HarmonicConv2D
from kzoo.layers.harmonic_magnitude_conv import HarmonicMagnitudeConv2D
from tests.helpers import check_layer
from tests.layers.harmonic_maps import (
    as_complex,
    normal,
    quarter_turn,
    to_channels_first,
    turned,
)

IMAGES, MAPS = (2, 9, 10, 3), (2, 9, 10, 2, 2, 3)


def in_format(shape, data_format):
    """Return the shape of images or of maps of orders, given with the channels last."""
    return shape if data_format == "channels_last" else (shape[0], *shape[3:], *shape[1:3])


def unknown_sizes(shape, data_format):
    return (1, 2) if data_format == "channels_last" else (len(shape) - 2, len(shape) - 1)


@pytest.mark.parametrize(
    ("config", "shape", "expected", "data_format"),
    [
        ({"filters": 4}, IMAGES, (2, 5, 6, 2, 2, 4), "channels_first"),
        (
            {"filters": 2, "kernel_size": 3, "num_rings": 1, "padding": "same", "max_order": 0},
            MAPS,
            (2, 9, 10, 1, 2, 2),
            "channels_last",
        ),
        (
            {"filters": 2, "kernel_size": 4, "max_order": 2, "strides": 2, "strict": None},
            MAPS,
            (2, 3, 4, 3, 2, 2),
            "channels_last",
        ),
        (
            {"filters": 2, "kernel_size": 3, "dilation_rate": 2, "padding": 1},
            MAPS,
            (2, 7, 8, 2, 2, 2),
            "channels_first",
        ),
    ],
)
def test_keras_contract(config, shape, expected, data_format):
    check_layer(
        HarmonicConv2D,
        {**config, "data_format": data_format},
        in_format(shape, data_format),
        expected_output_shape=in_format(expected, data_format),
        trainable=2,
        unknown_axes=unknown_sizes(shape, data_format),
        finite_differences=True,
    )


@pytest.mark.parametrize(
    ("config", "shape", "expected", "trainable", "data_format"),
    [
        (
            {"filters": 4, "padding": "same", "activation": "relu"},
            IMAGES,
            (2, 9, 10, 4),
            3,
            "channels_first",
        ),
        (
            {"filters": 4, "kernel_size": 3, "use_phase": False, "bias_initializer": "ones"},
            MAPS,
            (2, 7, 8, 4),
            2,
            "channels_last",
        ),
    ],
)
def test_keras_contract_of_magnitudes(config, shape, expected, trainable, data_format):
    check_layer(
        HarmonicMagnitudeConv2D,
        {**config, "data_format": data_format},
        in_format(shape, data_format),
        expected_output_shape=in_format(expected, data_format),
        trainable=trainable,
        unknown_axes=unknown_sizes(shape, data_format),
        finite_differences=True,
    )


def filters_by_definition(layer, input_orders):
    """Return W_m(r, phi) = R(r) e^(i (m phi + beta)), with Bessel functions for the rings."""
    side = layer.kernel_size[0]
    x, y = np.meshgrid(np.arange(side) - (side - 1) / 2, (side - 1) / 2 - np.arange(side))
    d, phi = np.hypot(x, y)[:, :, None], np.arctan2(y, x)[:, :, None]
    profiles, phases = (np.asarray(w).astype("float64") for w in layer.get_weights()[:2])
    filters = {}
    for q, m in enumerate(range(1 - input_orders, layer.max_order + 1)):
        r = np.linspace((side - 1) / 2, 2 * abs(m) / 3, layer.num_rings)[::-1]
        rings = np.exp(-2 * (d - r) ** 2) * ive(abs(m), 4 * d * r)
        rings = rings * np.exp(1j * m * phi)
        rings /= np.sqrt(np.sum(np.abs(rings) ** 2, axis=(0, 1)))
        filters[m] = np.einsum("yxj,jif,if->yxif", rings, profiles[q], np.exp(1j * phases[q]))
    return filters


@pytest.mark.parametrize(
    ("kernel_size", "max_order", "num_rings"), [(3, 1, None), (5, 2, 4), (4, 0, 3), (7, 3, 4)]
)
@pytest.mark.parametrize("input_orders", [0, 1, 2])
def test_definition(kernel_size, max_order, num_rings, input_orders):
    """Each order is the sum of the complex correlations, computed by SciPy; 0 is a real input."""
    if input_orders:
        x = normal(2, 9, 8, input_orders, 2, 3)
        z = as_complex(x)
    else:
        x = normal(2, 9, 8, 3)
        z = x[:, :, :, None]
    layer = HarmonicConv2D(2, kernel_size, max_order=max_order, num_rings=num_rings)
    y = as_complex(layer(x))
    filters = filters_by_definition(layer, max(1, input_orders))
    expected = np.zeros_like(y)
    for b, k, n, i, f in np.ndindex(2, max_order + 1, z.shape[3], 3, 2):
        kernel = filters[k - n][::-1, ::-1, i, f]
        expected[b, :, :, k, f] += scipy.signal.convolve2d(z[b, :, :, n, i], kernel, "valid")
    np.testing.assert_allclose(y, expected, rtol=0, atol=2e-6 * np.abs(expected).max())
    np.testing.assert_allclose(layer.get_filters(), np.stack(list(filters.values())), atol=1e-6)
    magnitudes = HarmonicMagnitudeConv2D(2, kernel_size, max_order, num_rings)
    magnitudes.build(x.shape)
    magnitudes.set_weights([*layer.get_weights(), np.array([0.5, -1], "float32")])
    expected = np.abs(expected).mean(axis=3) + [0.5, -1]
    np.testing.assert_allclose(magnitudes(x), expected, atol=2e-6 * np.abs(expected).max())


@pytest.mark.parametrize(("kernel_size", "padding"), [(3, "same"), (5, "valid"), (4, 2)])
@pytest.mark.parametrize("shape", [(2, 9, 9, 3), (2, 9, 10, 2, 2, 3)])
def test_a_quarter_turn(kernel_size, padding, shape):
    """Magnitudes turn with the image; the phase of order k moves by k * 90 degrees."""
    x = normal(*shape)
    if len(shape) == 4:
        rotated = quarter_turn(x)
    else:
        z = turned(as_complex(x))
        rotated = np.stack([z.real, z.imag], axis=4).astype("float32")
    layer = HarmonicConv2D(4, kernel_size, max_order=1, padding=padding, strict=True)
    before, after = as_complex(layer(x)), as_complex(layer(rotated))
    scale = 3e-6 * np.abs(before).max()
    np.testing.assert_allclose(np.abs(after), np.abs(quarter_turn(before)), rtol=0, atol=scale)
    np.testing.assert_allclose(after, turned(before), rtol=0, atol=scale)
    layer = HarmonicMagnitudeConv2D(4, kernel_size, padding=padding, bias_initializer="ones")
    expected = quarter_turn(np.asarray(layer(x)))
    np.testing.assert_allclose(layer(rotated), expected, rtol=0, atol=scale)


def smooth_images(count, size, degrees):
    """Return images that are sums of waves of at least 5 pixels, rotated about their centre."""
    rng = np.random.default_rng(0)
    radius, angle, phase = rng.uniform(size=(3, count, 8, 1, 1))
    waves = 2 * np.pi / 5 * np.sqrt(radius) * np.exp(1j * (2 * np.pi * angle + np.deg2rad(degrees)))
    offsets = np.arange(size) - (size - 1) / 2
    x, y = np.meshgrid(offsets, -offsets)
    images = np.cos(waves.real * x + waves.imag * y + 2 * np.pi * phase).sum(axis=1)
    return images[..., None].astype("float32")


def change(layers, degrees):
    """Return the relative change of what two layers see at the centre of rotated images."""
    before, after = (smooth_images(200, 9, angle) for angle in (0, degrees))
    for layer in layers:
        before, after = layer(before), layer(after)
    before, after = np.asarray(before), np.asarray(after)
    return np.sqrt(np.mean((after - before) ** 2) / np.var(before))


@pytest.mark.parametrize(("degrees", "bound"), [(45, 0.05), (20, 0.05), (90, 1e-5)])
def test_any_angle(degrees, bound):
    """The magnitudes at the centre hardly change, and those of an ordinary convolution do."""
    keras.utils.set_random_seed(0)
    harmonic = [
        HarmonicConv2D(8),
        HarmonicActivation(bias_initializer="random_normal"),
        HarmonicMagnitudeConv2D(8),
    ]
    ordinary = [keras.layers.Conv2D(8, 5, activation="relu"), keras.layers.Conv2D(8, 5)]
    assert change(harmonic, degrees) < bound
    assert change(ordinary, degrees) > 0.4


def test_order_0_alone_is_an_isotropic_convolution():
    """Without phases it is Conv2D with a kernel that depends on the distance alone."""
    x = normal(2, 9, 8, 3)
    layer = HarmonicConv2D(4, 5, max_order=0, use_phase=False, padding="same")
    y = np.asarray(layer(x))
    kernel = layer.get_filters()[0]
    assert np.all(kernel.imag == 0)
    assert np.all(y[..., 1, :] == 0)
    for same in (kernel[::-1], kernel[:, ::-1], kernel.swapaxes(0, 1)):
        np.testing.assert_allclose(same, kernel, rtol=0, atol=1e-7)
    convolution = keras.layers.Conv2D(4, 5, padding="same", use_bias=False)
    convolution.build(x.shape)
    convolution.set_weights([kernel.real])
    np.testing.assert_allclose(y[:, :, :, 0, 0], convolution(x), rtol=0, atol=1e-5)


def test_strides_sample_the_same_responses():
    x = normal(2, 9, 9, 2, 2, 3)
    dense, strided = HarmonicConv2D(4, 3), HarmonicConv2D(4, 3, strides=2)
    dense.build(x.shape)
    strided.build(x.shape)
    strided.set_weights(dense.get_weights())
    np.testing.assert_allclose(strided(x), np.asarray(dense(x))[:, ::2, ::2], atol=1e-5)


def test_data_formats_agree():
    for x in (normal(2, 9, 8, 3), normal(2, 9, 8, 2, 2, 3)):
        last = HarmonicConv2D(4, 3, data_format="channels_last")
        first = HarmonicConv2D(4, 3, data_format="channels_first")
        last.build(x.shape)
        first.build(to_channels_first(x).shape)
        first.set_weights(last.get_weights())
        expected = to_channels_first(np.asarray(last(x)))
        np.testing.assert_allclose(first(to_channels_first(x)), expected, rtol=0, atol=1e-5)


def test_first_phases_are_uniform_over_the_circle():
    layer = HarmonicConv2D(40, 3)
    layer.build((None, 8, 8, 25))
    phases = np.asarray(layer.phase)
    assert phases.shape == (2, 25, 40)
    assert phases.min() >= 0
    assert phases.max() <= 2 * np.pi
    assert np.abs(np.exp(1j * phases).mean()) < 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": (3, 5)}, r"kernel_size must be the same .* received \(3, 5\)"),
        ({"strides": (1, 2)}, r"strides must be the same .* received \(1, 2\)"),
        ({"padding": (1, 2)}, "padding must be the same for height and width"),
        ({"max_order": -1}, "max_order must be at least 0; received -1"),
        ({"kernel_size": 3, "max_order": 2}, "of order 2, and a kernel_size of 3 holds .* up to 1"),
        ({"kernel_size": 1}, "of order 1, and a kernel_size of 1 holds orders up to 0"),
        ({"num_rings": 0}, "num_rings must be at least 1; received 0"),
        ({"num_rings": 6}, "num_rings must be at most 5 for a kernel_size of 5.*received 6"),
        ({"strict": 1.5}, "strict must be one of True, False, None; received 1.5"),
    ],
)
def test_refused_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        HarmonicConv2D(4, **options)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((None, 9, 9, None), "HarmonicConv2D needs a known number of input channels"),
        ((None, 9, 9, 2, 3), r"takes a map of orders, of rank 6 .*received input shape"),
        ((None, 9, 9, 2, 1, 3), "takes a map of orders"),
        ((None, 9, 9, None, 2, 3), "with a known number of orders"),
        (
            (None, 9, 9, 4, 2, 3),
            "needs filters of order 3, and a kernel_size of 5 holds",
        ),
        ((None, 4, 9, 3), r"does not fit an input of \(4, 9\)"),
    ],
)
def test_refused_inputs(shape, message):
    with pytest.raises(ValueError, match=message):
        HarmonicConv2D(4).build(shape)


def test_strides_that_break_the_symmetry():
    with pytest.warns(UserWarning, match="HarmonicConv2D is not exactly equivariant"):
        HarmonicConv2D(4, 3, strides=2).build((None, 10, 10, 3))
    with pytest.raises(ValueError, match="is not exactly equivariant on an input of height 10"):
        HarmonicConv2D(4, 3, strides=2, strict=True).build((None, 10, 10, 3))


def test_filters_of_a_layer_that_is_not_built():
    with pytest.raises(ValueError, match="has no kernel yet; call it or `build` it"):
        HarmonicConv2D(4).get_filters()
