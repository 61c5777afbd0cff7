import numpy as np
import pytest

from kzoo.layers import kernels

BLURS = {"box", "gaussian"}
EDGES = {"sobel_x", "sobel_y", "prewitt_x", "prewitt_y", "laplacian"}


@pytest.mark.parametrize("name", kernels.KERNELS)
def test_sums(name):
    kernel = kernels.KERNELS[name]()
    assert kernels.KERNELS[name] is getattr(kernels, name)
    assert kernel.dtype == "float64"
    assert kernel.shape[0] == kernel.shape[1]
    assert kernel.shape[0] % 2 == 1
    np.testing.assert_allclose(kernel.sum(), 0 if name in EDGES else 1, atol=1e-14)
    assert (kernel.min() >= 0) == (name in BLURS)


def test_published_values():
    np.testing.assert_array_equal(kernels.sobel_x(), [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    np.testing.assert_array_equal(kernels.prewitt_y(), [[-1, -1, -1], [0, 0, 0], [1, 1, 1]])
    np.testing.assert_array_equal(kernels.sharpen(), [[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
    np.testing.assert_array_equal(kernels.box((1, 4)), [[0.25] * 4])


def impulse(size):
    image = np.zeros((size, size))
    image[size // 2, size // 2] = 1
    return image


@pytest.mark.parametrize(("sigma", "truncate"), [(0.5, 4.0), (1.0, 4.0), (2.3, 3.0), (1.5, 2.5)])
def test_gaussian_is_that_of_scipy(sigma, truncate):
    ndimage = pytest.importorskip("scipy.ndimage")
    kernel = kernels.gaussian(sigma, truncate)
    expected = ndimage.gaussian_filter(impulse(25), sigma, mode="constant", truncate=truncate)
    margin = (25 - len(kernel)) // 2
    np.testing.assert_allclose(np.pad(kernel, margin), expected, rtol=0, atol=1e-15)


def test_a_small_sigma_leaves_the_image():
    np.testing.assert_array_equal(kernels.gaussian(0.1), [[1]])
    np.testing.assert_array_equal(kernels.unsharp(0.1), [[1]])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: kernels.box(0), ValueError, "size must be at least 1; received 0"),
        (lambda: kernels.gaussian(0.0), ValueError, "sigma must be positive and finite; .* 0.0"),
        (lambda: kernels.gaussian("2"), TypeError, "sigma must be a number; received '2'"),
        (lambda: kernels.gaussian(1, -1), ValueError, "truncate must be positive"),
        (lambda: kernels.sharpen(float("inf")), ValueError, "amount must be positive and finite"),
        (lambda: kernels.unsharp(amount=True), TypeError, "amount must be a number; .* True"),
    ],
)
def test_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
