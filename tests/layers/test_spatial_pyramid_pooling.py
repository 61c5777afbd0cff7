import keras
import numpy as np
import pytest

from kzoo.layers.spatial_pyramid_pooling import SpatialPyramidPooling2D
from tests.helpers import check_layer


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({}, (2, 7, 6, 3), (2, 63)),
        ({"levels": (3, 1), "mode": "average"}, (2, 4, 5, 3), (2, 30)),
        ({"levels": [2, 4], "data_format": "channels_first"}, (2, 3, 3, 6), (2, 60)),
    ],
)
def test_keras_contract(config, shape, expected):
    check_layer(
        SpatialPyramidPooling2D,
        config,
        shape,
        expected_output_shape=expected,
        trainable=0,
        unknown_axes=(2, 3) if config.get("data_format") == "channels_first" else (1, 2),
        finite_differences=True,
    )


@pytest.mark.parametrize("mode", ["max", "average"])
@pytest.mark.parametrize("size", [(1, 1), (2, 9), (7, 5), (13, 10), (16, 16)])
@pytest.mark.parametrize("levels", [(1, 2, 4), (6, 3, 2, 1), (5,)])
def test_adaptive_pooling_of_torch(mode, size, levels):
    functional = pytest.importorskip("torch.nn.functional")
    import torch

    x = random_maps(2, *size, 3)
    planes = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    pool = getattr(
        functional, {"max": "adaptive_max_pool2d", "average": "adaptive_avg_pool2d"}[mode]
    )
    expected = np.concatenate(
        [pool(planes, level).numpy().transpose(0, 2, 3, 1).reshape(2, -1) for level in levels], 1
    )
    y = np.asarray(SpatialPyramidPooling2D(levels, mode)(x))
    np.testing.assert_allclose(y, expected, rtol=0, atol=0 if mode == "max" else 1e-6)
    first = SpatialPyramidPooling2D(levels, mode, data_format="channels_first")
    y_first = np.asarray(first(x.transpose(0, 3, 1, 2)))
    np.testing.assert_array_equal(y_first, y)


@pytest.mark.parametrize("mode", ["max", "average"])
def test_one_cell_is_global_pooling(mode):
    x = random_maps(2, 9, 8, 3)
    pool = {"max": keras.layers.GlobalMaxPooling2D, "average": keras.layers.GlobalAveragePooling2D}
    y = SpatialPyramidPooling2D((1,), mode)(x)
    np.testing.assert_allclose(np.asarray(y), np.asarray(pool[mode]()(x)), rtol=0, atol=1e-6)


def test_numbers_of_the_textbook_example():
    """UDL figure 10.4: one map of 4 x 4, its four quadrants, then its only cell."""
    x = np.array([[1, 3, 5, 3], [6, 2, 0, 8], [4, 6, 1, 4], [2, 8, 0, 3]], "float32")
    y = SpatialPyramidPooling2D((2, 1))(x[None, :, :, None])
    assert np.asarray(y).tolist() == [[6, 8, 8, 4, 8]]
    y = SpatialPyramidPooling2D((2, 1), "average")(x[None, :, :, None])
    assert np.asarray(y).tolist() == [[3, 4, 5, 2, 3.5]]


def test_one_dense_layer_serves_images_of_any_size():
    """The paper's point: 21 cells of 256 channels, whatever the size of the map (section 2.2)."""
    inputs = keras.Input((None, None, 256))
    x = SpatialPyramidPooling2D((4, 2, 1))(inputs)
    assert x.shape == (None, 5376)
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    for size in [(13, 13), (10, 10), (3, 20)]:
        assert model(random_maps(1, *size, 256)).shape == (1, 3)


def test_unknown_channels_give_an_unknown_length():
    assert SpatialPyramidPooling2D().compute_output_shape((None, 8, 8, None)) == (None, None)


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"levels": 3}, TypeError, "levels must be a tuple of integers; received 3"),
        ({"levels": ()}, ValueError, "levels must have at least one number; received none"),
        ({"levels": (1, 0)}, ValueError, "levels must be at least 1; received 0"),
        ({"levels": (1, 2.0)}, TypeError, "levels must be an integer; received 2.0"),
        ({"mode": "sum"}, ValueError, "mode must be one of 'max', 'average'; received 'sum'"),
    ],
)
def test_refused_arguments(config, error, message):
    with pytest.raises(error, match=message):
        SpatialPyramidPooling2D(**config)
