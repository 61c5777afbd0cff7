"""Pooling of a map on the group over space."""

import keras
import numpy as np
import pytest

from kzoo.layers import GroupSpatialPooling2D
from tests.helpers import check_layer

POOLINGS = {
    "max": keras.layers.MaxPooling2D,
    "mean": keras.layers.AveragePooling2D,
    "average": keras.layers.AveragePooling2D,
}


@pytest.mark.parametrize(
    ("options", "data_format"),
    [
        ({}, "channels_last"),
        ({"mode": "mean", "pool_size": 3, "strides": 2, "strict": None}, "channels_first"),
        ({"mode": "average", "strides": 1, "padding": "same", "strict": None}, "channels_last"),
    ],
)
def test_layer(options, data_format):
    """The result is that of Keras's pooling on each plane."""
    is_last = data_format == "channels_last"
    maps = np.random.default_rng(0).normal(size=(2, 6, 8, 4, 3)).astype("float32")
    mode = options.get("mode", "max")
    window = {key: options[key] for key in ("strides", "padding") if key in options}
    pooling = POOLINGS[mode](options.get("pool_size", 2), **window)
    planes = [np.asarray(pooling(maps[:, :, :, g])) for g in range(4)]
    expected = np.stack(planes, axis=3)
    if not is_last:
        maps = np.ascontiguousarray(np.moveaxis(maps, (1, 2), (3, 4)))
        expected = np.moveaxis(expected, (1, 2), (3, 4))
    output = check_layer(
        GroupSpatialPooling2D,
        {"data_format": data_format, **options},
        maps.shape,
        input_data=maps,
        expected_output_shape=expected.shape,
        trainable=0,
        unknown_axes=(1, 2) if is_last else (3, 4),
        finite_differences=True,
    )
    np.testing.assert_allclose(output, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "sum"}, "mode must be one of 'max', 'mean', 'average'; received 'sum'"),
        ({"pool_size": (2, 3)}, r"pool_size must be the same .* received \(2, 3\)"),
        ({"strides": (1, 2)}, r"strides must be the same .* received \(1, 2\)"),
        ({"strict": "yes"}, "strict must be one of True, False, None"),
    ],
)
def test_refused_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        GroupSpatialPooling2D(**options)


@pytest.mark.parametrize(
    ("options", "shape", "message"),
    [
        ({}, (1, 8, 8, 3), r"of rank 5; received input shape \(1, 8, 8, 3\)"),
        ({}, (1, 1, 8, 4, 3), "does not fit an input of"),
        ({"strict": True}, (1, 8, 7, 4, 3), "not exactly equivariant on an input of width 7"),
        ({"strict": True}, (1, None, 8, 4, 3), "not known to be exactly equivariant"),
    ],
)
def test_refused_inputs(options, shape, message):
    with pytest.raises(ValueError, match=message):
        GroupSpatialPooling2D(**options).build(shape)


def test_warns_of_odd_sizes():
    with pytest.warns(UserWarning, match="not exactly equivariant on an input of height 7"):
        GroupSpatialPooling2D().build((1, 7, 8, 4, 3))
