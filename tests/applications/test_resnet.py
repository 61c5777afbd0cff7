"""What the ResNets and their kin have of their own."""

import numpy as np
import pytest

import kzoo
from kzoo.layers import StochasticDepth
from tests.peers import import_timm


def test_drop_path_rates_are_those_of_timm():
    peer = import_timm().create_model("resnet18", drop_path_rate=0.1)
    expected = [module.drop_prob for module in peer.modules() if hasattr(module, "drop_prob")]
    model = kzoo.create_model("resnet18", drop_path_rate=0.1)
    rates = [layer.rate for layer in model.layers if isinstance(layer, StochasticDepth)]
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


def test_average_antialiasing_takes_odd_maps():
    model = kzoo.create_model("resnetaa50", include_top=False, input_shape=(33, 36, 3))
    sizes = [model.get_layer(f"layer{stage}.0.add").output.shape[1:3] for stage in (1, 2, 3, 4)]
    assert sizes == [(8, 9), (4, 5), (2, 3), (1, 2)]


def test_blur_needs_maps_that_can_be_mirrored():
    with pytest.raises(ValueError, match="at least 17 x 17; received .*16"):
        kzoo.create_model("resnetblur18", input_shape=(16, 32, 3))
    model = kzoo.create_model("resnetblur18", include_top=False, input_shape=(17, 17, 3))
    assert model.output_shape == (None, 1, 1, 512)
