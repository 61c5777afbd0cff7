import numpy as np
import pytest
import tensorflow as tf

from kzoo.layers.global_response_normalization import GlobalResponseNormalization
from tests.helpers import check_layer
from tests.layers.peer_weights import assert_same, module_output
from tests.peers import import_timm, randomise


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def randomised(layer, shape):
    layer.build(shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape).astype("float32") for w in layer.weights])
    return layer


@pytest.mark.parametrize(
    ("config", "shape", "unknown_axes"),
    [
        ({}, (2, 5, 4, 3), (1, 2)),
        ({"epsilon": 1e-3, "data_format": "channels_first"}, (2, 3, 5, 4), (2, 3)),
        ({}, (2, 6, 3), (1,)),
    ],
)
def test_keras_contract(config, shape, unknown_axes):
    y = check_layer(
        GlobalResponseNormalization,
        config,
        shape,
        expected_output_shape=shape,
        trainable=2,
        unknown_axes=unknown_axes,
        finite_differences=True,
    )
    np.testing.assert_array_equal(y, random_maps(*shape))


def test_timm_gives_the_same_results_and_gradients():
    import_timm()
    import torch
    from timm.layers.grn import GlobalResponseNorm

    x = random_maps(3, 6, 5, 8) * np.linspace(0.1, 3, 8, dtype="float32")
    module = randomise(GlobalResponseNorm(8, channels_last=False))
    layer = GlobalResponseNormalization()
    layer.build(x.shape)
    parameters = dict(module.named_parameters())
    assert set(parameters) == {"weight", "bias"}
    layer.gamma.assign(module.weight.detach().numpy())
    layer.beta.assign(module.bias.detach().numpy())
    assert_same(layer(x), module_output(module, x))

    planes = torch.from_numpy(np.moveaxis(x, -1, 1).copy()).requires_grad_()
    module(planes).square().sum().backward()
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = tf.reduce_sum(layer(inputs) ** 2)
    dx, dgamma, dbeta = tape.gradient(loss, [inputs, layer.gamma.value, layer.beta.value])
    assert_same(dx, np.moveaxis(planes.grad.numpy(), 1, -1))
    assert_same(dgamma, module.weight.grad.numpy())
    assert_same(dbeta, module.bias.grad.numpy())


def test_the_product_with_the_norms_does_not_depend_on_the_scale():
    """n(c x) = n(x), the law of the normalisation; epsilon sets where it ends."""
    x = random_maps(2, 5, 4, 6)
    layer = randomised(GlobalResponseNormalization(), x.shape)
    layer.beta.assign(np.zeros(6))
    small, large = (np.asarray(layer(c * x)) / c for c in (1.0, 1024.0))
    np.testing.assert_allclose(small, large, rtol=1e-5, atol=1e-6)


def test_equal_channels_are_all_scaled_by_one_plus_gamma():
    x = np.repeat(random_maps(2, 5, 4, 1), 6, axis=-1)
    layer = randomised(GlobalResponseNormalization(), x.shape)
    gamma, beta = layer.get_weights()
    np.testing.assert_allclose(np.asarray(layer(x)), x * (1 + gamma) + beta, rtol=1e-5, atol=1e-6)


def test_gradient_is_finite_where_a_channel_is_zero():
    x = random_maps(2, 5, 4, 6)
    x[..., 2] = 0
    layer = randomised(GlobalResponseNormalization(), x.shape)
    for maps in (x, np.zeros_like(x)):
        inputs = tf.constant(maps)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(layer(inputs) ** 2)
        assert np.all(np.isfinite(tape.gradient(loss, inputs)))


def test_nan_reaches_every_channel():
    """The mean of the norms holds it."""
    x = random_maps(2, 4, 4, 3)
    x[0, 1, 2, 0] = np.nan
    y = np.asarray(randomised(GlobalResponseNormalization(), x.shape)(x))
    assert np.all(np.isnan(y[0]))
    assert np.all(np.isfinite(y[1]))


def test_squares_are_summed_in_float32():
    x = 100 * random_maps(1, 64, 64, 4).astype("float16")  # squares sum to 4e7, beyond float16
    half = randomised(GlobalResponseNormalization(dtype="mixed_float16"), x.shape)
    full = randomised(GlobalResponseNormalization(), x.shape)
    assert_same(half(x), np.asarray(full(x.astype("float32"))), tolerance=2e-3)


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"epsilon": 0}, ValueError, "epsilon must be positive and finite; received 0"),
        ({"epsilon": "small"}, TypeError, "epsilon must be a number; received 'small'"),
        ({"data_format": "last"}, ValueError, "data_format must be one of"),
    ],
)
def test_refused_arguments(config, error, message):
    with pytest.raises(error, match=message):
        GlobalResponseNormalization(**config)


@pytest.mark.parametrize("shape", [(None, 16), (None, 4, 4, None)])
def test_refused_inputs(shape):
    with pytest.raises(ValueError, match="at least one spatial axis and a known number of channel"):
        GlobalResponseNormalization(data_format="channels_last").build(shape)
