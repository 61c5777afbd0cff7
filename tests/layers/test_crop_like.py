import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.layers import CropLike2D
from tests.helpers import check_layer


@pytest.mark.parametrize(
    ("config", "shapes", "output_shape"),
    [
        ({}, [(2, 5, 6, 3), (2, 4, 4, 1)], (2, 4, 4, 3)),
        ({}, [(2, 5, 6, 3), (2, 5, 6, 3)], (2, 5, 6, 3)),
        ({"data_format": "channels_first"}, [(2, 3, 5, 6), (2, 1, 5, 4)], (2, 3, 5, 4)),
    ],
)
def test_layer(config, shapes, output_shape):
    maps, reference = shapes
    rng = np.random.default_rng(0)
    check_layer(
        CropLike2D,
        config,
        shapes,
        # Integers, because nothing depends on the reference's values.
        input_data=[rng.normal(size=maps).astype("float32"), np.zeros(reference, "int32")],
        expected_output_shape=output_shape,
        trainable=0,
        unknown_axes=(2, 3) if config else (1, 2),
    )


def test_keeps_the_top_left():
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype("float32")
    y = CropLike2D()([x, np.zeros((2, 4, 5, 7), "float32")])
    np.testing.assert_array_equal(np.asarray(y), x[:, :4, :5])


@pytest.mark.parametrize("unknown", [0, 1])
def test_one_size_is_unknown_in_a_graph(unknown):
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype("float32")
    shapes = [[2, 5, 6, 3], [2, 5, 6, 1]]
    shapes[unknown][1:3] = None, None
    layer, specs = CropLike2D(), [tf.TensorSpec(shape) for shape in shapes]
    crop = tf.function(lambda *inputs: layer(list(inputs)), input_signature=specs)
    np.testing.assert_array_equal(crop(x, np.zeros((2, 5, 6, 1), "float32")), x)
    if unknown == 1:
        reference = np.zeros((2, 4, 5, 1), "float32")
        np.testing.assert_array_equal(crop(x, reference), x[:, :4, :5])


def test_needs_two_maps():
    with pytest.raises(ValueError, match="takes a list of two maps, one to cut and the reference"):
        CropLike2D()(np.zeros((1, 4, 4, 1), "float32"))


def test_maps_must_be_as_large_as_the_reference():
    small, large = keras.Input((4, 4, 1)), keras.Input((4, 5, 1))
    with pytest.raises(ValueError, match="at least as large as the reference"):
        CropLike2D()([small, large])
