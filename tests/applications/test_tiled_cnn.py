import keras
import numpy as np
import pytest
import scipy.ndimage

import kzoo


def test_units_are_square_roots_of_sums_of_squares_over_neighbours():
    model = kzoo.create_model("tiled_cnn")
    layers = [model.get_layer(name).output for name in ("conv1", "pool1")]
    image = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype("float32")
    linear, pooled = (np.asarray(x) for x in keras.Model(model.input, layers)(image))
    total = scipy.ndimage.convolve(linear**2, np.ones((1, 3, 3, 1)), mode="constant")
    np.testing.assert_allclose(pooled, np.sqrt(total), rtol=1e-4)


def test_tile_size_multiplies_the_weights_of_the_convolutions():
    tied, tiled = (kzoo.create_model("tiled_cnn", tile_size=size) for size in (1, 3))
    for name in ("conv1", "conv2"):
        assert tiled.get_layer(name).count_params() == 9 * tied.get_layer(name).count_params()


def test_conv_is_refused():
    with pytest.raises(ValueError, match="takes no conv='gabor': its convolutions are tiled"):
        kzoo.create_model("tiled_cnn", conv="gabor")
