import numpy as np
import pytest

from kzoo.layers import SkipInit
from tests.helpers import check_layer


@pytest.mark.parametrize(
    ("config", "shape", "unknown_axes"),
    [({"initial_value": -2}, (2, 5, 4, 3), (1, 2)), ({"initial_value": 0.5}, (2, 6, 3), (1,))],
)
def test_keras_contract(config, shape, unknown_axes):
    y = check_layer(
        SkipInit,
        config,
        shape,
        expected_output_shape=shape,
        trainable=1,
        unknown_axes=unknown_axes,
        finite_differences=True,
    )
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    np.testing.assert_array_equal(y, x * np.float32(config["initial_value"]))


def test_a_block_starts_as_the_identity():
    x = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype("float32")
    layer = SkipInit()
    np.testing.assert_array_equal(layer(x), 0 * x)
    layer.gain.assign(3.0)
    np.testing.assert_array_equal(layer(x), 3 * x)


def test_initial_value_must_be_a_number():
    with pytest.raises(TypeError, match="initial_value must be a number; received 'zero'"):
        SkipInit("zero")
