import numpy as np
import pytest

from kzoo.layers.effective_squeeze_excite import EffectiveSqueezeExcite
from tests.helpers import check_layer
from tests.layers.peer_weights import assert_same, copy_weights, module_output
from tests.peers import import_timm, randomise


@pytest.mark.parametrize(
    ("config", "shape", "unknown_axes"),
    [
        ({"gate": "sigmoid"}, (2, 4, 5, 6), (1, 2)),
        (
            {"kernel_initializer": "he_normal", "data_format": "channels_first"},
            (2, 6, 4, 5),
            (2, 3),
        ),
    ],
)
def test_keras_contract(config, shape, unknown_axes):
    check_layer(
        EffectiveSqueezeExcite,
        config,
        shape,
        expected_output_shape=shape,
        trainable=2,
        unknown_axes=unknown_axes,
        finite_differences=True,
    )


@pytest.mark.parametrize("gate", ["hard_sigmoid", "sigmoid"])
def test_timm_gives_the_same(gate):
    import_timm()
    from timm.layers import EffectiveSEModule

    x = 3 * np.random.default_rng(0).normal(size=(3, 5, 6, 24)).astype("float32") + 1
    module = randomise(EffectiveSEModule(24, gate_layer=gate))
    layer = EffectiveSqueezeExcite(gate=gate)
    layer.build(x.shape)
    copy_weights(module, layer)
    assert_same(layer(x), module_output(module, x))


def test_refused_inputs():
    with pytest.raises(ValueError, match="a known number of channels in channels_last; received"):
        EffectiveSqueezeExcite(data_format="channels_last").build((None, 4, 4, None))
