import numpy as np
import pytest

from kzoo.layers import MinimumSizePooling2D
from tests.helpers import check_layer


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({"size": (7, 5)}, (2, 3, 8, 3), (2, 7, 8, 3)),
        ({"size": 7, "data_format": "channels_first"}, (2, 3, 5, 2), (2, 3, 7, 7)),
        ({"size": 4}, (2, 5, 4, 3), (2, 5, 4, 3)),
    ],
)
def test_keras_contract(config, shape, expected):
    check_layer(
        MinimumSizePooling2D,
        config,
        shape,
        expected_output_shape=expected,
        trainable=0,
        unknown_axes=(2, 3) if config.get("data_format") else (1, 2),
        finite_differences=True,
    )


@pytest.mark.parametrize("size", [1, 4, 7, (7, 3), (3, 10)])
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 7), (9, 6)])
def test_torch_gives_the_same(size, shape):
    torch = pytest.importorskip("torch")
    layer = MinimumSizePooling2D(size)
    x = random_maps(2, *shape, 3)
    target = tuple(max(least, n) for least, n in zip(layer.size, shape))
    planes = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    expected = torch.nn.functional.adaptive_avg_pool2d(planes, target).numpy()
    y = np.asarray(layer(x)).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)


def test_larger_maps_are_left_as_they_are():
    x = random_maps(2, 7, 9, 3)
    np.testing.assert_array_equal(np.asarray(MinimumSizePooling2D(7)(x)), x)


@pytest.mark.parametrize(
    ("size", "error", "message"),
    [
        (0, ValueError, "size must be at least 1; received 0"),
        (7.0, TypeError, "size must be an integer or 2 of them; received 7.0"),
    ],
)
def test_refused_arguments(size, error, message):
    with pytest.raises(error, match=message):
        MinimumSizePooling2D(size)
