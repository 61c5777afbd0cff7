"""Pooling over the group axis."""

import numpy as np
import pytest

from kzoo.layers import GroupPooling2D
from tests.helpers import check_layer


@pytest.mark.parametrize(
    ("mode", "data_format", "reduce"),
    [
        ("max", "channels_last", np.max),
        ("mean", "channels_first", np.mean),
        ("average", "channels_last", np.mean),
    ],
)
def test_layer(mode, data_format, reduce):
    is_last = data_format == "channels_last"
    inputs = np.random.default_rng(0).normal(size=(2, 5, 6, 4, 3)).astype("float32")
    axis = 3 if is_last else 1
    expected = reduce(inputs, axis=axis)
    output = check_layer(
        GroupPooling2D,
        {"mode": mode, "data_format": data_format},
        inputs.shape,
        input_data=inputs,
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
        ({"data_format": "NHWC"}, "data_format must be one of"),
    ],
)
def test_refused_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        GroupPooling2D(**options)


def test_refused_inputs():
    with pytest.raises(ValueError, match=r"of rank 5; received input shape \(1, 7, 7, 3\)"):
        GroupPooling2D().build((1, 7, 7, 3))
