import keras
import numpy as np

import kzoo
from kzoo.layers import TiledConv2D, WeightStandardizedConv2D
from tests.applications.test_parity import check_parity


def test_big_transfer_gives_timms_logits(tmp_path):
    check_parity("resnetv2_50x1_bit", (47,), tmp_path)


def test_conv_takes_the_place_of_standardised_convolutions():
    shape = (32, 32, 3)
    plain = kzoo.create_model("resnetv2_50x1_bit", input_shape=shape, include_top=False)
    tiled = kzoo.create_model(
        "resnetv2_50x1_bit", input_shape=shape, include_top=False, conv="tiled"
    )
    kinds = set()
    for name in (layer.name for layer in plain.layers if hasattr(layer, "kernel_size")):
        before, after = plain.get_layer(name), tiled.get_layer(name)
        assert type(before) is WeightStandardizedConv2D
        assert type(after) is (TiledConv2D if before.kernel_size != (1, 1) else type(before))
        assert after.output.shape == before.output.shape
        kinds.add(type(after))
    assert kinds == {TiledConv2D, WeightStandardizedConv2D}


def test_the_first_pooling_of_big_transfer_sees_zeros_at_the_border():
    model = kzoo.create_model("resnetv2_50x1_bit", input_shape=(32, 32, 3), include_top=False)
    pool = keras.Model(model.get_layer("stem.conv").output, model.get_layer("stem.pool").output)
    y = np.asarray(pool(-np.ones((1, 16, 16, 64), "float32")))
    assert y.shape == (1, 8, 8, 64)
    assert np.all(y[:, 0] == 0)
    assert np.all(y[:, :, 0] == 0)
    assert np.all(y[:, 1:, 1:] == -1)
