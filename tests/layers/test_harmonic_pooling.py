import keras
import numpy as np
import pytest

from kzoo.layers.harmonic_pooling import HarmonicAveragePooling2D
from tests.helpers import check_layer
from tests.layers.harmonic_maps import as_complex, normal, turned


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({"data_format": "channels_last"}, (2, 6, 8, 2, 2, 3), (2, 3, 4, 2, 2, 3)),
        (
            {"pool_size": 3, "strides": 2, "padding": "same", "data_format": "channels_first"},
            (2, 2, 2, 3, 7, 9),
            (2, 2, 2, 3, 4, 5),
        ),
    ],
)
def test_keras_contract(config, shape, expected):
    is_last = config["data_format"] == "channels_last"
    check_layer(
        HarmonicAveragePooling2D,
        {**config, "strict": None},
        shape,
        expected_output_shape=expected,
        trainable=0,
        unknown_axes=(1, 2) if is_last else (4, 5),
        finite_differences=True,
    )


@pytest.mark.parametrize(("pool_size", "strides"), [(2, 2), (3, 2)])
def test_keras_pools_each_part_to_the_same(pool_size, strides):
    x = normal(2, 9, 8, 2, 2, 3)
    y = np.asarray(HarmonicAveragePooling2D(pool_size, strides, strict=None)(x))
    pool = keras.layers.AveragePooling2D(pool_size, strides)
    for order, part in np.ndindex(2, 2):
        expected = pool(x[:, :, :, order, part])
        np.testing.assert_allclose(y[:, :, :, order, part], expected, rtol=0, atol=1e-6)


def test_a_quarter_turn():
    x = normal(2, 6, 8, 2, 2, 3)
    z = turned(as_complex(x))
    rotated = np.stack([z.real, z.imag], axis=4).astype("float32")
    layer = HarmonicAveragePooling2D(2, strict=True)
    expected = turned(as_complex(layer(x)))
    np.testing.assert_allclose(as_complex(layer(rotated)), expected, rtol=0, atol=1e-6)


def test_refusals():
    with pytest.raises(ValueError, match="pool_size must be the same for height and width"):
        HarmonicAveragePooling2D((2, 3))
    with pytest.raises(ValueError, match="strict must be one of True, False, None"):
        HarmonicAveragePooling2D(strict="no")
    with pytest.raises(ValueError, match="HarmonicAveragePooling2D takes a map of orders"):
        HarmonicAveragePooling2D().build((None, 8, 8, 4, 3))
    with pytest.raises(ValueError, match="is not exactly equivariant on an input of height 7"):
        HarmonicAveragePooling2D(strict=True).build((None, 7, 7, 2, 2, 3))
    with pytest.warns(UserWarning, match="is not exactly equivariant"):
        HarmonicAveragePooling2D().build((None, 7, 7, 2, 2, 3))
