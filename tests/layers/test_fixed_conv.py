import numpy as np
import pytest

from kzoo.layers import kernels
from kzoo.layers.fixed_conv import FixedConv2D
from tests.helpers import check_layer


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({"kernel": ["sobel_x", "laplacian"]}, (2, 7, 6, 3), (2, 7, 6, 6)),
        (
            {
                "kernel": [[1.0, 2.0, 3.0], [0.0, -1.0, 0.5]],
                "data_format": "channels_first",
                "strides": 2,
                "padding": ((1, 0), (1, 1)),
            },
            (2, 3, 7, 6),
            (2, 3, 4, 3),
        ),
    ],
)
def test_keras_contract(config, shape, expected):
    check_layer(
        FixedConv2D,
        config,
        shape,
        expected_output_shape=expected,
        trainable=0,
        unknown_axes=(2, 3) if "data_format" in config else (1, 2),
        finite_differences=True,
    )


def scipy_filters():
    ndimage = pytest.importorskip("scipy.ndimage")
    options = {"mode": "constant"}
    return {
        "box": lambda image: ndimage.uniform_filter(image, 3, **options),
        "gaussian": lambda image: ndimage.gaussian_filter(image, 1.0, **options),
        "sobel_x": lambda image: ndimage.sobel(image, axis=1, **options),
        "sobel_y": lambda image: ndimage.sobel(image, axis=0, **options),
        "prewitt_x": lambda image: ndimage.prewitt(image, axis=1, **options),
        "prewitt_y": lambda image: ndimage.prewitt(image, axis=0, **options),
        "laplacian": lambda image: ndimage.laplace(image, **options),
        "sharpen": lambda image: image - ndimage.laplace(image, **options),
        "unsharp": lambda image: 2 * image - ndimage.gaussian_filter(image, 1.0, **options),
    }


def test_scipy_gives_the_same():
    filters = scipy_filters()
    assert set(filters) == set(kernels.KERNELS)
    x = random_maps(1, 14, 11, 2)
    y = np.asarray(FixedConv2D(list(filters))(x))
    for channel in (0, 1):
        for j, name in enumerate(filters):
            expected = filters[name](x[0, :, :, channel].astype("float64"))
            result = y[0, :, :, channel * len(filters) + j]
            np.testing.assert_allclose(result, expected, rtol=0, atol=5e-6, err_msg=name)


def test_scikit_image_gives_the_same_inside():
    filters = pytest.importorskip("skimage.filters")
    image = random_maps(20, 18).astype("float64")
    inside = slice(5, -5)
    cases = [
        (kernels.gaussian(1.2), filters.gaussian(image, 1.2)),
        (kernels.sobel_x() / 4, filters.sobel_v(image)),
        (kernels.sobel_y() / 4, filters.sobel_h(image)),
        (kernels.prewitt_x() / 3, filters.prewitt_v(image)),
        (-kernels.laplacian(), filters.laplace(image)),
        (kernels.unsharp(1.2, 0.7), filters.unsharp_mask(image, 1.2, 0.7, preserve_range=True)),
    ]
    for kernel, expected in cases:
        y = np.asarray(FixedConv2D(kernel)(image[None, :, :, None].astype("float32")))
        np.testing.assert_allclose(
            y[0, inside, inside, 0], expected[inside, inside], rtol=0, atol=5e-6
        )


def test_a_constant_image():
    x = np.full((1, 12, 12, 1), 3.0, "float32")
    names = list(kernels.KERNELS)
    y = np.asarray(FixedConv2D(names, padding="valid")(x))
    expected = [
        0 if name[:-2] in ("sobel", "prewitt") or name == "laplacian" else 3 for name in names
    ]
    np.testing.assert_allclose(y, np.broadcast_to(expected, y.shape), rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"strides": 2, "padding": "valid"},
        {"strides": (1, 2)},
        {"dilation_rate": 2, "padding": "full"},
        {"padding": 1},
    ],
)
def test_torch_gives_the_same(options):
    functional = pytest.importorskip("torch.nn.functional")
    import torch

    x, weights = random_maps(2, 9, 8, 3), random_maps(3, 3, 2, seed=1)
    y = np.asarray(FixedConv2D(weights, **options)(x))
    padding = {"valid": 0, "same": 1, "full": 4, 1: 1}[options.get("padding", "same")]
    if options.get("strides") == (1, 2):  # Keras's `same` pads an even width only at the end
        x, padding = np.pad(x, ((0, 0), (1, 1), (0, 1), (0, 0))), 0
    expected = functional.conv2d(
        torch.from_numpy(x.transpose(0, 3, 1, 2)),
        torch.from_numpy(np.tile(weights.transpose(2, 0, 1)[:, None], (3, 1, 1, 1))),
        stride=options.get("strides", 1),
        dilation=options.get("dilation_rate", 1),
        padding=padding,
        groups=3,
    )
    np.testing.assert_allclose(y, expected.numpy().transpose(0, 2, 3, 1), rtol=0, atol=5e-6)


def test_kernels_as_given():
    layer = FixedConv2D("gaussian")
    np.testing.assert_array_equal(layer.get_kernel()[..., 0], kernels.gaussian())
    layer = FixedConv2D(["laplacian", "gaussian"])
    np.testing.assert_array_equal(layer.get_kernel()[3:-3, 3:-3, 0], kernels.laplacian())
    assert np.abs(layer.get_kernel()[..., 0]).sum() == 8
    weights = random_maps(2, 4, 3)
    np.testing.assert_array_equal(FixedConv2D(weights).get_kernel(), weights)
    assert FixedConv2D(weights).weights == []


@pytest.mark.parametrize(
    ("kernel", "error", "message"),
    [
        ("sobel", ValueError, "kernel must be one of 'box', .*; received 'sobel'"),
        (["box", 3], ValueError, "kernel must be one of 'box', .*; received 3"),
        (
            None,
            ValueError,
            r"of shape \(kh, kw\) or \(kh, kw, k\); received an array of shape \(\)",
        ),
        ([1.0, 2.0], ValueError, r"received an array of shape \(2,\)"),
        (np.zeros((0, 3)), ValueError, r"received an array of shape \(0, 3\)"),
        ([[1.0], ["a"]], TypeError, "a sequence of names or an array of numbers"),
        ([[np.nan]], ValueError, "kernel must be finite"),
    ],
)
def test_refused_kernels(kernel, error, message):
    with pytest.raises(error, match=message):
        FixedConv2D(kernel)


def test_refused_inputs():
    with pytest.raises(ValueError, match="needs a known number of input channels"):
        FixedConv2D("box").build((None, 5, 5, None))
    with pytest.raises(ValueError, match="FixedConv2D .* does not fit an input"):
        FixedConv2D("gaussian", padding="valid").build((None, 5, 5, 1))
