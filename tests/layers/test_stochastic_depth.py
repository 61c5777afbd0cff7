import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.layers.stochastic_depth import StochasticDepth
from tests.helpers import check_layer
from tests.peers import import_timm


def factors(layer, samples, dtype="float32"):
    """Return the factor of each sample in one training call, after a check that it has one."""
    y = np.asarray(layer(np.ones((samples, 2, 3, 2), dtype), training=True)).astype("float32")
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1, :1, :1], y.shape))
    return y[:, 0, 0, 0]


@pytest.mark.parametrize("shape", [(4, 5, 6, 3), (4, 7, 3), (4, 3)])
@pytest.mark.parametrize("rate", [0, 0.3])
def test_keras_contract(rate, shape):
    check_layer(
        StochasticDepth,
        {"rate": rate, "seed": 1},
        shape,
        expected_output_shape=shape,
        trainable=0,
        seed_generators=1,
        unknown_axes=tuple(range(1, len(shape) - 1)),
    )


def test_identity_at_inference_and_without_a_rate():
    x = np.random.default_rng(0).normal(size=(4, 3, 3, 2)).astype("float32")
    layer = StochasticDepth(0.9)
    np.testing.assert_array_equal(np.asarray(layer(x)), x)
    np.testing.assert_array_equal(np.asarray(layer(x, training=False)), x)
    np.testing.assert_array_equal(np.asarray(StochasticDepth(0)(x, training=True)), x)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_factors_and_their_frequencies_are_those_of_torch(rate):
    import_timm()
    torch = pytest.importorskip("torch")
    from timm.layers import DropPath
    from torchvision.ops import stochastic_depth

    samples = 20_000
    torch.manual_seed(0)
    ones = torch.ones(samples, 1, 1, 1)
    ours = factors(StochasticDepth(rate, seed=0), samples)
    spread = (rate * (1 - rate) / samples) ** 0.5
    for theirs in (stochastic_depth(ones, rate, "row"), DropPath(rate).train()(ones)):
        theirs = theirs.numpy().ravel()
        np.testing.assert_allclose(np.unique(ours), np.unique(theirs), rtol=1e-6)
        assert abs((ours == 0).mean() - (theirs == 0).mean()) < 4 * 2**0.5 * spread
    assert abs((ours == 0).mean() - rate) < 4 * spread


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_the_rate_is_exact_in_half_precision(dtype):
    """Uniform numbers in bfloat16 are multiples of 1/128, so a rate of 0.001 would be 0.008."""
    samples, rate = 100_000, 0.001
    ours = factors(StochasticDepth(rate, seed=0, dtype=dtype), samples)
    assert abs((ours == 0).mean() - rate) < 4 * (rate / samples) ** 0.5


def test_draws_follow_the_seed_and_advance():
    one, other = StochasticDepth(0.5, seed=3), StochasticDepth(0.5, seed=3)
    first, second = factors(one, 64), factors(one, 64)
    np.testing.assert_array_equal(first, factors(other, 64))
    assert np.any(first != second)
    assert np.any(first != factors(StochasticDepth(0.5, seed=4), 64))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_draws_differ_from_call_to_call(jit_compile):
    layer = StochasticDepth(0.5, seed=0)
    step = tf.function(lambda x: layer(x, training=True), jit_compile=jit_compile)
    first, second = (np.asarray(step(tf.ones((64, 2, 2, 1)))) for _ in range(2))
    assert np.any(first != second)
    assert set(np.unique(first)) == {0, 2}


def test_dropped_samples_get_no_gradient():
    layer = StochasticDepth(0.5, seed=0)
    x = tf.ones((64, 2, 2, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    np.testing.assert_array_equal(np.asarray(tape.gradient(y, x)), np.asarray(y))


def test_batch_of_unknown_size_in_a_model():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, StochasticDepth(0.5, seed=0)(inputs))
    for samples in (1, 40):
        assert model(np.ones((samples, 2, 4, 3)), training=True).shape == (samples, 2, 4, 3)


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"rate": 1}, ValueError, "rate must be at least 0 and below 1; received 1"),
        ({"rate": -0.1}, ValueError, "rate must be at least 0 and below 1; received -0.1"),
        ({"rate": float("nan")}, ValueError, "rate must be at least 0 and below 1; received nan"),
        ({"rate": "0.1"}, TypeError, "rate must be a number; received '0.1'"),
        ({"rate": True}, TypeError, "rate must be a number; received True"),
        ({"rate": 0.1, "seed": 1.5}, TypeError, "seed must be an integer; received 1.5"),
        ({"rate": 0.1, "seed": -1}, ValueError, "seed must be at least 0; received -1"),
    ],
)
def test_refused_arguments(config, error, message):
    with pytest.raises(error, match=message):
        StochasticDepth(**config)
