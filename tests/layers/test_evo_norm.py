import numpy as np
import pytest

from kzoo.layers import EvoNormS0
from tests.helpers import check_layer
from tests.layers.peer_weights import assert_same, copy_weights, module_output
from tests.peers import import_timm, randomise


def random_maps(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("config", "shape", "unknown_axes"),
    [
        ({"groups": 2}, (2, 5, 4, 6), (1, 2)),
        ({"groups": 3, "epsilon": 1e-3, "data_format": "channels_first"}, (2, 6, 5, 4), (2, 3)),
        ({"groups": 2, "gated": False}, (2, 5, 4, 6), (1, 2)),
    ],
)
def test_keras_contract(config, shape, unknown_axes):
    check_layer(
        EvoNormS0,
        config,
        shape,
        expected_output_shape=shape,
        trainable=3 if config.get("gated", True) else 2,
        unknown_axes=unknown_axes,
        finite_differences=True,
    )


@pytest.mark.parametrize("groups", [1, 4, 8])
def test_timm_gives_the_same(groups):
    from_timm = import_timm().layers
    module = randomise(from_timm.EvoNorm2dS0(8, groups=groups))
    x = 3 + random_maps(3, 6, 5, 8) * np.linspace(0.1, 3, 8, dtype="float32")
    layer = EvoNormS0(groups)
    layer.build(x.shape)
    copy_weights(module, layer)
    assert_same(layer(x), module_output(module, x))


def test_timm_gives_the_same_without_a_gate():
    from_timm = import_timm().layers
    module = randomise(from_timm.EvoNorm2dS0a(8, groups=4, apply_act=False))
    x = 3 + random_maps(3, 6, 5, 8) * np.linspace(0.1, 3, 8, dtype="float32")
    layer = EvoNormS0(4, epsilon=1e-3, gated=False)
    layer.build(x.shape)
    copy_weights(module, layer)
    assert_same(layer(x), module_output(module, x))


def test_refusals():
    with pytest.raises(ValueError, match="epsilon must be positive and finite; received 0"):
        EvoNormS0(epsilon=0)
    with pytest.raises(ValueError, match="groups must be at least 1; received 0"):
        EvoNormS0(0)
    with pytest.raises(ValueError, match="multiple of groups; .* 6 channels and groups=4"):
        EvoNormS0(4).build((None, 5, 5, 6))
    with pytest.raises(ValueError, match="at least one spatial axis and a known number"):
        EvoNormS0(4).build((None, 5, 5, None))
