import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.layers.blur_pooling import BlurPooling2D, binomial_kernel, gaussian_kernel
from tests.helpers import check_layer
from tests.peers import import_timm

RECTANGLE = [[1.0, 2.0, 0.0], [3.0, 1.0, -0.5]]


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def as_planes(x):
    import torch

    return torch.from_numpy(np.moveaxis(x, -1, 1).copy())


def as_maps(planes):
    return np.moveaxis(planes.numpy(), 1, -1)


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({}, (2, 7, 6, 3), (2, 4, 3, 3)),
        (
            {"pool_size": (5, 4), "strides": (3, 2), "kernel": "gaussian", "padding": "valid"},
            (2, 9, 7, 3),
            (2, 2, 2, 3),
        ),
        (
            {"kernel": RECTANGLE, "padding_mode": "zeros", "data_format": "channels_first"},
            (2, 3, 7, 6),
            (2, 3, 4, 3),
        ),
        (
            {"kernel": [1, 4, 6, 4, 1], "strides": 1, "data_format": "channels_first"},
            (2, 3, 7, 6),
            (2, 3, 7, 6),
        ),
    ],
)
def test_keras_contract(config, shape, expected):
    check_layer(
        BlurPooling2D,
        config,
        shape,
        expected_output_shape=expected,
        trainable=0,
        unknown_axes=(2, 3) if config.get("data_format") == "channels_first" else (1, 2),
        finite_differences=True,
    )


@pytest.mark.parametrize("size", [3, 5, 7])
@pytest.mark.parametrize("mode", ["reflect", "constant"])
@pytest.mark.parametrize("shape", [(2, 8, 9, 3), (1, 14, 11, 2)])
def test_timm_gives_the_same(size, mode, shape):
    import_timm()
    from timm.layers import BlurPool2d

    x = random_maps(*shape)
    expected = as_maps(BlurPool2d(shape[3], size, stride=2, pad_mode=mode)(as_planes(x)))
    padding_mode = {"reflect": "reflect", "constant": "zeros"}[mode]
    y = np.asarray(BlurPooling2D(size, padding_mode=padding_mode)(x))
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kernel", ["binomial", "gaussian", [1.0, 2.0, 0.5, 1.0], RECTANGLE])
@pytest.mark.parametrize("strides", [1, 2, (3, 1)])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("padding_mode", ["reflect", "zeros"])
def test_grouped_convolution_of_torch(kernel, strides, padding, padding_mode):
    torch = pytest.importorskip("torch")

    x = random_maps(2, 9, 8, 3)
    size = (4, 3) if isinstance(kernel, str) else None
    layer = BlurPooling2D(size, strides, kernel, padding=padding, padding_mode=padding_mode)
    y = np.asarray(layer(x))
    weights = {
        "binomial": np.outer([1, 3, 3, 1], [1, 2, 1]),
        "gaussian": np.outer(*(_gaussian(n, (n - 1) / 4) for n in (4, 3))),
    }
    kernel = np.asarray(weights[kernel] if isinstance(kernel, str) else kernel)
    kernel = np.outer(kernel, kernel) if kernel.ndim == 1 else kernel
    kernel = kernel / kernel.sum()
    planes = as_planes(x)
    if padding == "same":
        (top, bottom), (left, right) = (((k - 1) // 2, k // 2) for k in kernel.shape)
        planes = torch.nn.functional.pad(
            planes,
            (left, right, top, bottom),
            mode={"reflect": "reflect", "zeros": "constant"}[padding_mode],
        )
    expected = torch.nn.functional.conv2d(
        planes,
        torch.from_numpy(np.tile(kernel[None, None], (3, 1, 1, 1)).astype("float32")),
        stride=layer.strides,
        groups=3,
    )
    np.testing.assert_allclose(y, as_maps(expected), rtol=0, atol=1e-6)


def _gaussian(size, variance):
    return [np.exp(-((k - (size - 1) / 2) ** 2) / (2 * variance)) for k in range(size)]


def test_gaussian_of_scipy():
    ndimage = pytest.importorskip("scipy.ndimage")
    x = random_maps(1, 20, 17, 1)
    layer = BlurPooling2D(9, 1, "gaussian", sigma=1.3)
    expected = ndimage.gaussian_filter(
        x[0, :, :, 0].astype("float64"), 1.3, mode="mirror", truncate=4 / 1.3
    )
    np.testing.assert_allclose(np.asarray(layer(x))[0, :, :, 0], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
def test_kernels_have_the_variance_of_fair_coins(size):
    offset = np.arange(size) - (size - 1) / 2
    for kernel in (binomial_kernel(size), gaussian_kernel(size)):
        np.testing.assert_allclose(kernel.sum(), 1, rtol=1e-12)
        np.testing.assert_allclose(kernel, kernel[::-1], rtol=1e-12)
    np.testing.assert_allclose(binomial_kernel(size) @ offset**2, (size - 1) / 4, atol=1e-12)


def test_narrow_and_wide_gaussians_are_subsampling_and_averaging():
    np.testing.assert_allclose(gaussian_kernel(5, 1e-3), [0, 0, 1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(gaussian_kernel(4, 1e-3), [0, 0.5, 0.5, 0], atol=1e-12)
    np.testing.assert_allclose(gaussian_kernel(4, 1e6), np.full(4, 0.25), rtol=1e-9)


def test_equal_weights_are_average_pooling_and_one_weight_is_subsampling():
    x = random_maps(2, 9, 8, 3)
    y = BlurPooling2D(kernel=[1, 1, 1], padding="valid")(x)
    expected = keras.layers.AveragePooling2D(3, strides=2)(x)
    np.testing.assert_allclose(np.asarray(y), np.asarray(expected), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(np.asarray(BlurPooling2D(1, strides=3)(x)), x[:, ::3, ::3])


@pytest.mark.parametrize("pool_size", [2, 3, 4, 5])
@pytest.mark.parametrize("kernel", ["binomial", "gaussian"])
def test_a_constant_stays_and_stride_subsamples(pool_size, kernel):
    ones = np.ones((1, 8, 7, 1), "float32")
    y = np.asarray(BlurPooling2D(pool_size, kernel=kernel)(ones))
    np.testing.assert_allclose(y, np.ones((1, 4, 4, 1)), rtol=1e-6)
    x = random_maps(2, 11, 10, 3)
    for padding in ("same", "valid"):
        blurred = BlurPooling2D(pool_size, 1, kernel, padding=padding)(x)
        y = BlurPooling2D(pool_size, 3, kernel, padding=padding)(x)
        np.testing.assert_allclose(np.asarray(y), np.asarray(blurred)[:, ::3, ::3], atol=1e-6)


def test_the_highest_frequency_cannot_alias():
    """A map that alternates at every pixel is removed, where max pooling keeps either sign."""
    x = np.indices((1, 12, 12, 1)).sum(axis=0).astype("float32") % 2
    y = np.asarray(BlurPooling2D(3, padding="valid")(2 * x - 1))
    np.testing.assert_allclose(y, 0, atol=1e-7)


def test_a_shift_changes_less_than_with_subsampled_max_pooling():
    x = np.asarray(tf.image.resize(random_maps(8, 9, 9, 4), (33, 33)))
    x = x + 0.5 * random_maps(*x.shape, seed=1)
    dense = np.asarray(keras.layers.MaxPooling2D(2, strides=1)(x))
    blurred = BlurPooling2D(5, padding="valid")

    def change(pool):
        return np.mean(np.square(np.asarray(pool(dense[:, 1:, 1:])) - pool(dense[:, :-1, :-1])))

    assert change(blurred) < 0.5 * change(lambda maps: maps[:, ::2, ::2])


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"kernel": "box"}, ValueError, "kernel must be one of 'binomial', 'gaussian'; received"),
        ({"kernel": [["a"]]}, TypeError, r"kernel must be a name or an array of numbers; received"),
        ({"kernel": [[1, 2], [3]]}, TypeError, "kernel must be a name or an array of numbers"),
        ({"kernel": np.ones((1, 1, 2))}, ValueError, r"received an array of shape \(1, 1, 2\)"),
        ({"kernel": 3}, ValueError, r"kernel must be weights of shape \(k,\) or \(kh, kw\)"),
        ({"kernel": [1, -1]}, ValueError, r"sum to a positive number; received \[1.0, -1.0\]"),
        ({"kernel": [1, np.nan]}, ValueError, "kernel must be finite"),
        ({"kernel": [1, 1], "pool_size": 3}, ValueError, r"pool_size must be None or the size of"),
        ({"sigma": 1.0}, ValueError, "sigma belongs to kernel='gaussian'; received kernel='bino"),
        ({"kernel": "gaussian", "sigma": 0}, ValueError, "sigma must be positive and finite"),
        ({"kernel": "gaussian", "sigma": "1"}, TypeError, "sigma must be a number or None"),
        ({"padding_mode": "wrap"}, ValueError, "padding_mode must be one of 'reflect', 'zeros'"),
        ({"padding": "full"}, ValueError, "padding must be one of 'valid', 'same'"),
        ({"pool_size": 0}, ValueError, "pool_size must be at least 1; received 0"),
    ],
)
def test_refused_arguments(config, error, message):
    with pytest.raises(error, match=message):
        BlurPooling2D(**config)


def test_refused_inputs():
    with pytest.raises(ValueError, match=r"pool_size // 2 .* received an input of \(9, 2\)"):
        BlurPooling2D(5).build((None, 9, 2, 3))
    with pytest.raises(ValueError, match=r"does not fit an input of \(2, 9\)"):
        BlurPooling2D(3, padding="valid").build((None, 2, 9, 3))
