import keras
import numpy as np
import pytest
from keras import ops

from kzoo.layers.grouped_conv import GroupedConv1D, GroupedConv2D, grouped_conv2d
from tests.helpers import check_layer


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({"padding": "same"}, (2, 6, 5, 4), (2, 6, 5, 8)),
        ({"data_format": "channels_first", "strides": 2}, (2, 4, 7, 6), (2, 8, 3, 2)),
        ({"groups": 4, "padding": "full", "use_bias": False}, (2, 4, 5, 4), (2, 6, 7, 8)),
        ({"groups": 1, "kernel_size": (4, 5)}, (2, 4, 5, 4), (2, 1, 1, 8)),
    ],
    ids=["blocks", "channels first", "depthwise", "as large as the map"],
)
def test_keras_contract_of_maps(config, shape, expected):
    check_layer(
        GroupedConv2D,
        {"filters": 8, "kernel_size": 3, "groups": 2, **config},
        shape,
        expected_output_shape=expected,
        trainable=2 if config.get("use_bias", True) else 1,
        unknown_axes=(2, 3) if "data_format" in config else (1, 2),
        finite_differences=True,
    )


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({"kernel_size": 3, "padding": "causal", "dilation_rate": 2}, (2, 6, 4), (2, 6, 8)),
        ({"kernel_size": 1, "data_format": "channels_first"}, (2, 4, 6), (2, 8, 6)),
    ],
    ids=["causal", "one pixel"],
)
def test_keras_contract_of_signals(config, shape, expected):
    check_layer(
        GroupedConv1D,
        {"filters": 8, "groups": 2, **config},
        shape,
        expected_output_shape=expected,
        trainable=2,
        unknown_axes=(2,) if "data_format" in config else (1,),
        finite_differences=True,
    )


@pytest.mark.parametrize(
    ("channels", "filters", "groups"),
    [(4, 6, 1), (4, 6, 2), (64, 64, 8), (96, 64, 32), (8, 8, 8), (6, 18, 6), (40, 80, 2)],
)
@pytest.mark.parametrize(
    ("kernel_size", "strides", "dilation_rate"),
    [(3, 1, 1), ((3, 5), (2, 1), 1), (3, 2, 1), (3, 1, 2), (1, 1, 1), (1, 2, 1)],
)
def test_torch_gives_the_same(channels, filters, groups, kernel_size, strides, dilation_rate):
    torch = pytest.importorskip("torch")
    options = {"groups": groups, "padding": (1, 2), "dilation_rate": dilation_rate}
    peer = torch.nn.Conv2d(
        channels,
        filters,
        kernel_size,
        stride=strides,
        padding=(1, 2),
        dilation=dilation_rate,
        groups=groups,
    )
    layer = GroupedConv2D(filters, kernel_size, strides=strides, **options)
    x = random_maps(2, 7, 8, channels)
    layer.build(x.shape)
    layer.kernel.assign(peer.weight.detach().numpy().transpose(2, 3, 1, 0))
    layer.bias.assign(peer.bias.detach().numpy())
    with torch.no_grad():
        expected = peer(torch.from_numpy(x.transpose(0, 3, 1, 2))).numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(layer(x), expected, rtol=0, atol=5e-6)


def test_weights_are_those_of_keras():
    for ours, theirs, shape in (
        (GroupedConv1D, keras.layers.Conv1D, (2, 9, 6)),
        (GroupedConv2D, keras.layers.Conv2D, (2, 9, 8, 6)),
    ):
        options = {"filters": 4, "kernel_size": 3, "groups": 2, "kernel_initializer": "he_normal"}
        layer, peer = ours(**options), theirs(**options, bias_initializer="normal")
        expected = peer(random_maps(*shape))
        layer.build(shape)
        assert [v.name for v in layer.weights] == [v.name for v in peer.weights]
        layer.set_weights(peer.get_weights())
        np.testing.assert_allclose(layer(random_maps(*shape)), expected, rtol=0, atol=2e-6)
        described = peer.get_config()
        assert set(layer.get_config()) == set(described)
        assert ours.from_config(described).groups == 2
        seeded = keras.initializers.HeNormal(seed=1)
        layer, peer = ours(4, 3, kernel_initializer=seeded), theirs(4, 3, kernel_initializer=seeded)
        layer.build(shape)
        peer.build(shape)
        np.testing.assert_array_equal(layer.kernel, peer.kernel)


@pytest.mark.parametrize("groups", [2, 4, 8])
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_groups_are_a_block_diagonal_kernel(groups, kernel_size):
    x, kernel = random_maps(2, 6, 5, 8), random_maps(kernel_size, kernel_size, 8 // groups, 16)
    dense = np.zeros((kernel_size, kernel_size, 8, 16), "float32")
    for group in range(groups):
        inputs = slice(8 // groups * group, 8 // groups * (group + 1))
        outputs = slice(16 // groups * group, 16 // groups * (group + 1))
        dense[:, :, inputs, outputs] = kernel[:, :, :, outputs]
    y = grouped_conv2d(x, ops.convert_to_tensor(kernel), groups, (1, 1), ("same", "same"))
    expected = ops.conv(x, dense, 1, "same", "channels_last")
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)


def test_a_kernel_as_large_as_the_map_gives_what_keras_gives():
    x = random_maps(3, 6, 5, 8)
    ours, theirs = (
        kind(16, (6, 5), bias_initializer="normal") for kind in (GroupedConv2D, keras.layers.Conv2D)
    )
    expected = theirs(x)
    ours.build(x.shape)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(x), expected, rtol=0, atol=1e-5)


def test_a_group_does_not_see_other_channels():
    x = random_maps(2, 6, 5, 8)
    layer = GroupedConv2D(8, 3, groups=4)
    y = np.asarray(layer(x))
    x[..., 2:4] += 7
    changed = np.any(np.asarray(layer(x)) != y, axis=(0, 1, 2))
    np.testing.assert_array_equal(changed, [False, False, True, True] + [False] * 4)


def test_refused_groups():
    with pytest.raises(ValueError, match="filters must be a multiple of groups; .*=6 and .*=4"):
        GroupedConv2D(6, 3, groups=4)
    with pytest.raises(ValueError, match="groups must be at least 1; received 0"):
        GroupedConv1D(6, 3, groups=0)
    with pytest.raises(ValueError, match="must be a multiple of groups; .* 5 channels and groups"):
        GroupedConv2D(6, 3, groups=2).build((None, 9, 9, 5))
