import numpy as np
import pytest

from kzoo.layers import ConstantPadding2D
from tests.helpers import check_layer


@pytest.mark.parametrize(
    ("config", "shape", "output_shape"),
    [
        ({"padding": 2, "value": -1.5}, (2, 3, 4, 2), (2, 7, 8, 2)),
        ({"padding": ((1, 0), (0, 2)), "value": 3}, (2, 3, 4, 2), (2, 4, 6, 2)),
        ({"padding": (1, 2), "data_format": "channels_first"}, (2, 2, 3, 4), (2, 2, 5, 8)),
    ],
)
def test_layer(config, shape, output_shape):
    spatial = (2, 3) if "data_format" in config else (1, 2)
    check_layer(
        ConstantPadding2D,
        config,
        shape,
        expected_output_shape=output_shape,
        trainable=0,
        unknown_axes=spatial,
        finite_differences=True,
    )


@pytest.mark.parametrize("value", [0.0, 2.5, float("-inf")])
def test_output_equals_numpys(value):
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 2)).astype("float32")
    expected = np.pad(x, ((0, 0), (1, 2), (3, 0), (0, 0)), constant_values=value)
    layer = ConstantPadding2D(((1, 2), (3, 0)), value)
    np.testing.assert_array_equal(np.asarray(layer(x)), expected)


def test_value_must_be_a_number():
    with pytest.raises(TypeError, match="value must be a number; received 'inf'"):
        ConstantPadding2D(1, "inf")
