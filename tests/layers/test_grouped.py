import numpy as np
import pytest

from kzoo.layers._grouped import check_strides, grouped_convolution, grouped_product
from tests.layers.peer_weights import assert_same


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("size", [(7, 8), (10, 5)])
@pytest.mark.parametrize(
    ("strides", "dilation_rate"),
    [((1, 1), (1, 1)), ((2, 3), (1, 1)), ((1, 1), (2, 3)), ((2, 2), (2, 4)), ((1, 2), (3, 2))],
)
def test_torch_convolves_the_same(strides, dilation_rate, size, groups):
    torch = pytest.importorskip("torch")
    x, kernel = normal(2, *size, 8), normal(3, 5, 8 // groups, 12, seed=1)
    check_strides(strides, dilation_rate)
    ours = grouped_convolution(x, kernel, groups, strides, dilation_rate)
    theirs = torch.nn.functional.conv2d(
        torch.from_numpy(np.moveaxis(x, -1, 1).copy()),
        torch.from_numpy(np.moveaxis(kernel, (-1, -2), (0, 1)).copy()),
        stride=strides,
        padding=(dilation_rate[0], 2 * dilation_rate[1]),
        dilation=dilation_rate,
        groups=groups,
    )
    assert_same(ours, np.moveaxis(theirs.numpy(), 1, -1))


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_a_product_is_a_convolution_of_one_pixel(groups):
    x, kernel = normal(3, 8), normal(1, 1, 8 // groups, 12, seed=1)
    pixels = grouped_convolution(x[:, None, None, :], kernel, groups, (1, 1), (1, 1))
    assert_same(grouped_product(x, kernel, groups), np.asarray(pixels)[:, 0, 0, :])


@pytest.mark.parametrize(
    ("strides", "dilation_rate"), [((2, 2), (3, 3)), ((2, 1), (1, 2)), ((4, 4), (2, 2))]
)
def test_strides_that_do_not_divide_the_dilation_are_refused(strides, dilation_rate):
    with pytest.raises(ValueError, match="strides must divide dilation_rate where both are above"):
        check_strides(strides, dilation_rate)
