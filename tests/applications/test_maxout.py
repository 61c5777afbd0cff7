"""Maxout networks beside PyTorch's convolution, maximum and pooling."""

import keras
import numpy as np
import pytest
import torch
from torch.nn import functional

import kzoo
from kzoo.applications import maxout, maxout_mnist


def torch_features(x, model, convs):
    for index, (channels, pieces, _, padding, pool_size) in enumerate(convs):
        kernel, bias = (torch.tensor(w) for w in model.get_layer(f"h{index}").get_weights())
        x = functional.conv2d(x, kernel.permute(3, 2, 0, 1), bias, padding=padding)
        x = x.unflatten(1, (channels, pieces)).amax(dim=2)
        x = functional.max_pool2d(x, pool_size, 2, ceil_mode=True)
    return x


@pytest.mark.parametrize(
    ("name", "family", "size"), [("maxout_mnist", maxout_mnist, 28), ("maxout_svhn", maxout, 32)]
)
def test_maps_are_pytorchs(name, family, size):
    convs = family.VARIANTS[name].convs
    model = kzoo.create_model(
        name, include_top=False, input_shape=(size, size, 1), include_preprocessing=False
    )
    image = np.random.default_rng(0).normal(size=(1, size, size, 1)).astype("float32")
    expected = torch_features(torch.tensor(image).permute(0, 3, 1, 2), model, convs)
    expected = expected.permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(
        np.asarray(model(image)), expected, rtol=0, atol=1e-5 * np.abs(expected).max()
    )


def test_maps_have_the_sizes_of_the_authors_configuration():
    """Its `partial_sum` of 33 and 15 divide the positions of the first two convolutions."""
    model = kzoo.create_model("maxout_cifar", include_top=False, input_shape=(32, 32, 3))
    assert [model.get_layer(name).output.shape[1] for name in ("h0", "h1")] == [33, 15]


def test_dropout():
    def rates(**options):
        model = kzoo.create_model("maxout_mnist", **options)
        return [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]

    assert rates() == [0.2, 0.5, 0.5, 0.5]
    assert rates(dropout_rate=0.1, input_dropout_rate=0.0) == [0.0, 0.1, 0.1, 0.1]
