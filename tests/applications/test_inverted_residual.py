"""What the networks of inverted residual blocks share, and `test_models` does not see."""

import numpy as np
import pytest

import kzoo
from kzoo import layers
from tests.peers import import_timm


@pytest.mark.parametrize("name", ["mobilenetv2_035", "mobilenetv4_conv_small_035"])
def test_stochastic_depth_grows_as_in_timm(name):
    peer = import_timm().create_model(name, drop_path_rate=0.2)
    expected = {
        path: module.drop_prob
        for path, module in peer.named_modules()
        if type(module).__name__ == "DropPath"
    }
    residual = {path for path, module in peer.named_modules() if getattr(module, "has_skip", False)}
    expected = {
        path: rate for path, rate in expected.items() if path[: -len(".drop_path")] in residual
    }
    model = kzoo.create_model(name, drop_path_rate=0.2, input_shape=(32, 32, 3))
    found = {
        layer.name: layer.rate
        for layer in model.layers
        if isinstance(layer, layers.StochasticDepth)
    }
    assert found.keys() == expected.keys()
    np.testing.assert_allclose(
        [found[path] for path in expected], list(expected.values()), rtol=1e-12
    )


def test_dropout_before_the_classifier():
    model = kzoo.create_model("mobilenetv3_small_050", dropout_rate=0.3, input_shape=(32, 32, 3))
    assert model.get_layer("classifier.drop").rate == 0.3
    bare = kzoo.create_model("mobilenetv3_small_050", dropout_rate=0.0, input_shape=(32, 32, 3))
    assert "classifier.drop" not in [layer.name for layer in bare.layers]
