import numpy as np
import pytest

from kzoo.layers import FilterResponseNormalization
from tests.helpers import check_layer
from tests.layers.peer_weights import assert_same, copy_weights, module_output
from tests.peers import import_timm, randomise


def random_maps(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("config", "shape", "unknown_axes"),
    [
        ({}, (2, 5, 4, 3), (1, 2)),
        ({"epsilon": 1e-3, "data_format": "channels_first"}, (2, 3, 5, 4), (2, 3)),
        ({}, (2, 6, 3), (1,)),
    ],
)
def test_keras_contract(config, shape, unknown_axes):
    check_layer(
        FilterResponseNormalization,
        config,
        shape,
        expected_output_shape=shape,
        trainable=3,
        unknown_axes=unknown_axes,
        finite_differences=True,
    )


def test_timm_gives_the_same():
    from_timm = import_timm().layers
    module = randomise(from_timm.FilterResponseNormTlu2d(8, eps=1e-3))
    x = random_maps(3, 6, 5, 8) * np.linspace(0.1, 3, 8, dtype="float32")
    layer = FilterResponseNormalization(1e-3)
    layer.build(x.shape)
    copy_weights(module, layer)
    assert_same(layer(x), module_output(module, x))


def test_refusals():
    with pytest.raises(ValueError, match="epsilon must be positive and finite; received 0"):
        FilterResponseNormalization(0)
    with pytest.raises(ValueError, match="at least one spatial axis and a known number"):
        FilterResponseNormalization().build((None, 5))
