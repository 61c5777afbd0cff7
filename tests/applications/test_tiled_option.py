"""`conv="tiled"` with the size of its tiles."""

import numpy as np
import pytest

import kzoo
from kzoo.layers import TiledConv1D, TiledConv2D

CASES = [("resnet20_cifar", (8, 8, 3)), ("udl_conv1d", (15, 1))]


def tiled_layers(model):
    return [layer for layer in model.layers if isinstance(layer, (TiledConv1D, TiledConv2D))]


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_the_number_is_the_tile_size(name, shape):
    for conv, size in (("tiled", 2), ("tiled=2", 2), ("tiled=3", 3)):
        layers = tiled_layers(kzoo.create_model(name, conv=conv, input_shape=shape))
        assert layers
        assert {layer.tile_size for layer in layers} == {(size,) * (len(shape) - 1)}


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_tiles_of_one_are_a_convolution(name, shape):
    options = {"input_shape": shape, "classifier_activation": None}
    standard = kzoo.create_model(name, **options)
    model = kzoo.create_model(name, conv="tiled=1", **options)
    theirs = standard.get_weights()
    model.set_weights(
        [weight.reshape(ours.shape) for weight, ours in zip(theirs, model.weights, strict=True)]
    )
    x = np.random.default_rng(0).uniform(0, 1, (2, *shape)).astype("float32")
    expected = np.asarray(standard(x))
    np.testing.assert_allclose(model(x), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("conv", "match"),
    [
        ("gabor=3", "conv='gabor' takes no number, only 'tiled' does; received 'gabor=3'"),
        ("standard=2", "conv='standard' takes no number"),
        ("tiled=0", "is the tile size, an integer of at least 1; received 'tiled=0'"),
        ("tiled=2.5", "is the tile size, .* received 'tiled=2.5'"),
        ("tiled=", "is the tile size, .* received 'tiled='"),
        ("tile=3", "conv must be one of 'standard', 'tiled', .* received 'tile=3'"),
    ],
)
def test_other_numbers_are_refused(conv, match):
    with pytest.raises(ValueError, match=match):
        kzoo.create_model("lenet5", conv=conv)
