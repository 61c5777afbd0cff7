import numpy as np
import pytest

from kzoo.layers import ScaleNormalization
from tests.helpers import check_layer
from tests.peers import import_timm


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        ({}, (2, 3, 4, 5)),
        ({"divisor": "std", "epsilon": 0.1}, (2, 5)),
        ({"divisor": "std", "data_format": "channels_first"}, (2, 5, 3, 4)),
    ],
)
def test_layer(config, shape):
    spatial = {2: (), 4: (2, 3) if "data_format" in config else (1, 2)}[len(shape)]
    check_layer(
        ScaleNormalization,
        config,
        shape,
        expected_output_shape=shape,
        trainable=1,
        unknown_axes=spatial,
        finite_differences=True,
    )


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(("divisor", "peer"), [("rms", "RmsNorm2d"), ("std", "SimpleNorm2d")])
def test_output_equals_timms(divisor, peer, data_format):
    timm = import_timm()
    import torch

    rng = np.random.default_rng(0)
    x = rng.normal(1, 2, size=(2, 5, 3, 4)).astype("float32")
    gamma = rng.uniform(0.5, 1.5, 5).astype("float32")
    module = getattr(timm.layers, peer)(5, eps=0.01)
    module.weight.data = torch.from_numpy(gamma)
    expected = module(torch.from_numpy(x)).detach().numpy()
    layer = ScaleNormalization(divisor, epsilon=0.01, data_format=data_format)
    if data_format == "channels_last":
        x, expected = (np.moveaxis(array, 1, -1) for array in (x, expected))
    layer.build(x.shape)
    layer.gamma.assign(gamma)
    np.testing.assert_allclose(np.asarray(layer(x)), expected, rtol=1e-5, atol=1e-6)


def test_divisor_must_be_known():
    with pytest.raises(ValueError, match="divisor must be .*received 'max'"):
        ScaleNormalization("max")


def test_epsilon_must_be_positive():
    with pytest.raises(ValueError, match="epsilon must be positive and finite; received 0"):
        ScaleNormalization(epsilon=0)
    with pytest.raises(ValueError, match="epsilon must be positive and finite; received inf"):
        ScaleNormalization(epsilon=float("inf"))
    with pytest.raises(TypeError, match="epsilon must be a number; received '1'"):
        ScaleNormalization(epsilon="1")


@pytest.mark.parametrize(("divisor", "channels"), [("rms", None), ("std", 1)])
def test_channels_must_be_known(divisor, channels):
    with pytest.raises(ValueError, match="known number of channels, of at least 2"):
        ScaleNormalization(divisor).build((None, 4, channels))
