import keras
import numpy as np
import pytest

from kzoo.layers import ChannelShuffle
from tests.helpers import check_layer


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        ({"groups": 3}, (2, 4, 5, 6)),
        ({"groups": 2, "data_format": "channels_first"}, (2, 6, 4, 5)),
        ({"groups": 2}, (2, 5, 4)),
    ],
)
def test_keras_contract(config, shape):
    spatial = (2, 3) if "data_format" in config else tuple(range(1, len(shape) - 1))
    check_layer(
        ChannelShuffle,
        config,
        shape,
        expected_output_shape=shape,
        trainable=0,
        unknown_axes=spatial,
        finite_differences=True,
    )


@pytest.mark.parametrize("groups", [1, 2, 3, 4, 12])
def test_torch_gives_the_same(groups):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(2, 12, 3, 5)).astype("float32")
    expected = torch.nn.functional.channel_shuffle(torch.from_numpy(x), groups).numpy()
    first = ChannelShuffle(groups, data_format="channels_first")(x)
    np.testing.assert_array_equal(np.asarray(first), expected)
    last = ChannelShuffle(groups)(np.moveaxis(x, 1, -1))
    np.testing.assert_array_equal(np.asarray(last), np.moveaxis(expected, 1, -1))


def test_refused_arguments():
    with pytest.raises(ValueError, match="groups must be at least 1; received 0"):
        ChannelShuffle(0)
    with pytest.raises(TypeError, match="groups must be an integer; received 2.0"):
        ChannelShuffle(2.0)


@pytest.mark.parametrize("channels", [7, None])
def test_channels_must_be_a_multiple_of_groups(channels):
    with pytest.raises(ValueError, match="must be known and a multiple of groups"):
        ChannelShuffle(2)(keras.KerasTensor((2, 4, 4, channels)))
