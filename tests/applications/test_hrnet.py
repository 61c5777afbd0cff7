"""HRNet and DLA take maps of odd size, which their published implementations refuse."""

import numpy as np
import pytest

import kzoo


@pytest.mark.parametrize("name", ["hrnet_w18_small", "dla46_c"])
def test_any_size(name):
    known = kzoo.create_model(name, classes=5, input_shape=(45, 37, 3))
    free = kzoo.create_model(name, classes=5, input_shape=(None, None, 3))
    free.set_weights(known.get_weights())
    images = np.random.default_rng(0).uniform(0, 255, (2, 45, 37, 3)).astype("float32")
    np.testing.assert_allclose(np.asarray(free(images)), np.asarray(known(images)), rtol=1e-4)
