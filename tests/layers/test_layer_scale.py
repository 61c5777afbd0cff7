import numpy as np
import pytest

from kzoo.layers.layer_scale import LayerScale
from tests.helpers import check_layer
from tests.layers.peer_weights import assert_same, module_output
from tests.peers import import_timm, randomise


@pytest.mark.parametrize(
    ("config", "shape", "unknown_axes"),
    [
        ({}, (2, 5, 4, 3), (1, 2)),
        ({"initial_value": 0.1, "axis": 1}, (2, 3, 5, 4), (2, 3)),
        ({"initial_value": 1, "axis": 2}, (2, 6, 3), (1,)),
    ],
)
def test_keras_contract(config, shape, unknown_axes):
    y = check_layer(
        LayerScale,
        config,
        shape,
        expected_output_shape=shape,
        trainable=1,
        unknown_axes=unknown_axes,
        finite_differences=True,
    )
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    np.testing.assert_allclose(y, x * config.get("initial_value", 1e-5), rtol=1e-6)


def test_timm_gives_the_same():
    import_timm()
    from timm.layers import LayerScale2d

    module = randomise(LayerScale2d(6))
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 6)).astype("float32")
    theirs = module_output(module, x)
    for axis in (-1, 1):
        layer = LayerScale(axis=axis)
        planes = np.moveaxis(x, -1, axis)
        layer.build(planes.shape)
        assert layer.gamma.name == "gamma"
        layer.gamma.assign(module.gamma.detach().numpy())
        assert_same(np.moveaxis(np.asarray(layer(planes)), axis, -1), theirs)


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"initial_value": "small"}, TypeError, "initial_value must be a number; received 'small'"),
        ({"axis": 1.5}, TypeError, "axis must be an integer; received 1.5"),
        ({"axis": 0}, ValueError, "axis must not be 0, which is the batch; received 0"),
    ],
)
def test_refused_arguments(config, error, message):
    with pytest.raises(error, match=message):
        LayerScale(**config)


@pytest.mark.parametrize(
    ("axis", "shape", "message"),
    [
        (3, (None, 8, 4), "axis=3 is not an axis of the channels of an input of rank 3"),
        (-3, (None, 8, 4), "axis=-3 is not an axis of the channels of an input of rank 3"),
        (1, (None, None, 4), r"must have a known size at axis=1.*received .* \(None, None, 4\)"),
    ],
)
def test_refused_inputs(axis, shape, message):
    with pytest.raises(ValueError, match=message):
        LayerScale(axis=axis).build(shape)
