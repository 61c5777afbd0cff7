"""The conventions of the parts, held to PyTorch's layers."""

import keras
import numpy as np
import pytest

from kzoo.applications import _parts
from tests.peers import torch_logits

MAPS = np.random.default_rng(0).normal(size=(2, 9, 10, 4)).astype("float32")


def output(function):
    inputs = keras.Input(MAPS.shape[1:])
    return np.asarray(keras.Model(inputs, function(inputs))(MAPS))


def torchs(module):
    return np.moveaxis(torch_logits(module, MAPS), 1, -1)


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize(
    ("size", "strides", "padding"), [(3, 2, 1), (3, 2, 0), (2, 2, 0), (3, 1, 1)]
)
def test_max_pooling_equals_torchs(size, strides, padding, ceil):
    torch = pytest.importorskip("torch")
    ours = output(
        lambda x: _parts.max_pool(x - 5, size, strides, "pool", padding=padding, ceil=ceil)
    )
    expected = torchs(torch.nn.MaxPool2d(size, strides, padding, ceil_mode=ceil)) - 5
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("size", "strides", "padding", "count"), [(3, 2, 1, True), (3, 1, 1, False), (2, 2, 0, True)]
)
def test_average_pooling_equals_torchs(size, strides, padding, count):
    torch = pytest.importorskip("torch")
    ours = output(
        lambda x: _parts.average_pool(
            x, size, strides, "pool", padding=padding, count_padding=count
        )
    )
    expected = torchs(torch.nn.AvgPool2d(size, strides, padding, count_include_pad=count))
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def test_average_pooling_that_keras_cannot_do_is_refused():
    with pytest.raises(ValueError, match="needs strides of 1 .* received size 3, strides 2"):
        output(lambda x: _parts.average_pool(x, 3, 2, "pool", padding=1, count_padding=False))


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_symmetric_padding_is_torchs(strides, groups):
    torch = pytest.importorskip("torch")
    options = pytest.importorskip("kzoo.applications._conv")
    peer = torch.nn.Conv2d(4, 8, (3, 5), strides, (1, 2), groups=groups, bias=False)

    class Plain:
        conv = plain_conv = staticmethod(options.resolve_conv("standard", 2, "he_normal"))
        kernel_initializer = "he_normal"

    inputs = keras.Input(MAPS.shape[1:])
    x = _parts.convolve(inputs, Plain, 8, (3, 5), strides=strides, groups=groups, name="conv")
    model = keras.Model(inputs, x)
    from kzoo.weights.rules import entries

    (entry,) = entries(model.get_layer("conv"))
    entry.variable.assign(entry.convert(peer.weight.detach().numpy()))
    np.testing.assert_allclose(np.asarray(model(MAPS)), torchs(peer), rtol=1e-4, atol=1e-5)


def test_depthwise_kernels_start_with_hes_deviation():
    import kzoo

    model = kzoo.create_model("mobilenetv2_100", include_preprocessing=False)
    kernels = [
        np.asarray(layer.kernel).std() * 3
        for layer in model.layers
        if isinstance(layer, keras.layers.DepthwiseConv2D)
    ]
    assert len(kernels) == 17
    np.testing.assert_allclose(kernels, np.sqrt(2), rtol=0.1)


def test_stochastic_depth_rates_are_timms():
    from tests.peers import import_timm

    import_timm()
    from timm.layers import calculate_drop_path_rates

    ours = _parts.drop_path_rates(0.3, (2, 3, 4))
    theirs = calculate_drop_path_rates(0.3, [2, 3, 4], stagewise=True)
    for mine, peer in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, peer, rtol=1e-6)


def test_the_short_way_first_lets_keras_walk_deep_networks():
    inputs = x = keras.Input((1,))
    for block in range(150):
        y = x
        for layer in range(8):
            y = _parts.activation(y, "relu", f"{block}.{layer}")
        x = _parts.add(y, x, f"{block}.add")
    assert len(keras.Model(inputs, x).layers) == 1 + 150 * 9
