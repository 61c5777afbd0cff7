import numpy as np
import pytest
import tensorflow as tf

from kzoo.layers.split_attention import SplitAttention, split_weights
from tests.helpers import check_layer
from tests.layers.peer_weights import assert_same, copy_weights, module_output
from tests.peers import import_timm, randomise


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("config", "shape", "expected", "trainable"),
    [
        ({"filters": 4}, (4, 5, 6, 4), (4, 5, 6, 4), 9),
        (
            {
                "filters": 6,
                "kernel_size": (3, 1),
                "strides": 2,
                "radix": 1,
                "ratio": 0.5,
                "divisor": 4,
                "activation": "silu",
                "use_bias": True,
                "kernel_initializer": "he_normal",
                "momentum": 0.99,
                "epsilon": 1e-3,
            },
            (4, 5, 6, 3),
            (4, 3, 3, 6),
            10,
        ),
        (
            {
                "filters": 4,
                "dilation_rate": 2,
                "groups": 2,
                "reduced_channels": 6,
                "data_format": "channels_first",
            },
            (4, 8, 5, 6),
            (4, 4, 5, 6),
            9,
        ),
    ],
)
def test_keras_contract(config, shape, expected, trainable):
    check_layer(
        SplitAttention,
        config,
        shape,
        expected_output_shape=expected,
        trainable=trainable,
        non_trainable=4,
        unknown_axes=(2, 3) if "data_format" in config else (1, 2),
        finite_differences=True,
    )


@pytest.mark.parametrize("radix", [1, 2, 4])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    ("config", "options"),
    [
        ({}, {}),
        ({"strides": 2, "use_bias": True}, {"stride": 2, "bias": True}),
        (
            {"kernel_size": 5, "dilation_rate": 2, "reduced_channels": 24},
            {"kernel_size": 5, "dilation": 2, "padding": 4},
        ),
    ],
)
def test_timm_gives_the_same(config, options, groups, radix):
    import_timm()
    import torch
    from timm.layers import SplitAttn

    if "reduced_channels" in config:
        options = {**options, "rd_channels": 24 // radix}
    peer = SplitAttn(16, 24, groups=groups, radix=radix, norm_layer=torch.nn.BatchNorm2d, **options)
    x = random_maps(2, 7, 8, 16)
    layer = SplitAttention(24, groups=groups, radix=radix, **config)
    layer.build(x.shape)
    copy_weights(randomise(peer), layer)
    assert_same(layer(x), module_output(peer, x))


@pytest.mark.parametrize(("radix", "groups"), [(1, 1), (2, 1), (2, 2)])
def test_training_in_torch_gives_the_same_outputs_and_gradients(radix, groups):
    import_timm()
    import torch
    from timm.layers import SplitAttn

    peer = SplitAttn(16, groups=groups, radix=radix, norm_layer=torch.nn.BatchNorm2d).double()
    x = random_maps(6, 5, 4, 16).astype("float64")
    layer = SplitAttention(16, groups=groups, radix=radix, dtype="float64")
    layer.build(x.shape)
    copy_weights(randomise(peer), layer)
    peer.train()
    planes = torch.from_numpy(np.moveaxis(x, -1, 1).copy()).requires_grad_()
    theirs = peer(planes)
    theirs.square().sum().backward()
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        ours = layer(inputs, training=True)
        loss = tf.reduce_sum(ours**2)
    dx, dkernel = tape.gradient(loss, [inputs, layer.conv.kernel.value])
    assert_same(ours, np.moveaxis(theirs.detach().numpy(), 1, -1), 1e-9)
    assert_same(dx, np.moveaxis(planes.grad.numpy(), 1, -1), 1e-8)
    assert_same(dkernel, np.moveaxis(peer.conv.weight.grad.numpy(), (0, 1), (-1, -2)), 1e-8)
    for ours, theirs in ((layer.bn0, peer.bn0), (layer.bn1, peer.bn1)):
        assert_same(ours.moving_mean, theirs.running_mean.numpy(), 1e-6)


def test_weights_of_the_splits_of_a_channel_add_up_to_one():
    scores = random_maps(3, 24)
    weights = np.asarray(split_weights(scores, groups=2, radix=3)).reshape(3, 3, 8)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    assert weights.min() > 0


def test_equal_scores_average_the_splits():
    x = random_maps(2, 5, 4, 8)
    layer = SplitAttention(4, radix=2, activation="linear", epsilon=1e-12)
    layer.build(x.shape)
    layer.fc2.kernel.assign(np.zeros(layer.fc2.kernel.shape))
    kernel = np.asarray(layer.conv.kernel)
    splits = [
        np.asarray(tf.nn.conv2d(part, half, 1, "SAME"))
        for part, half in zip(np.split(x, 2, -1), np.split(kernel, 2, -1), strict=True)
    ]
    assert_same(layer(x), (splits[0] + splits[1]) / 2)


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"filters": 0}, ValueError, "filters must be at least 1; received 0"),
        ({"kernel_size": 2}, ValueError, "kernel_size must be odd; received 2"),
        ({"radix": 0}, ValueError, "radix must be at least 1; received 0"),
        ({"groups": 3}, ValueError, "groups must divide the filters, 8; received 3"),
        ({"ratio": 0}, ValueError, "ratio must be positive and finite; received 0"),
        ({"ratio": "1/4"}, TypeError, "ratio must be a number; received '1/4'"),
        ({"reduced_channels": 0}, ValueError, "reduced_channels must be at least 1; received 0"),
        ({"divisor": 0}, ValueError, "divisor must be at least 1; received 0"),
        (
            {"strides": 2, "dilation_rate": 3},
            ValueError,
            r"strides must divide dilation_rate .* received strides=\(2, 2\)",
        ),
    ],
)
def test_refused_arguments(config, error, message):
    with pytest.raises(error, match=message):
        SplitAttention(**{"filters": 8, **config})


@pytest.mark.parametrize(
    ("config", "shape", "message"),
    [
        ({}, (None, 4, 4, None), "a known number of channels in channels_last; received"),
        ({}, (None, 4, 4, 3), "groups times radix must divide the input channels, 3; received 2"),
        (
            {"groups": 4, "reduced_channels": 6},
            (None, 4, 4, 8),
            "groups must divide the reduced channels, 6; received 4",
        ),
    ],
)
def test_refused_inputs(config, shape, message):
    with pytest.raises(ValueError, match=message):
        SplitAttention(8, **config).build(shape)
