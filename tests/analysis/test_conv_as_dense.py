import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from kzoo.analysis.conv_as_dense import conv_as_dense, conv_dense_mask, dense_as_conv


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((6, 7, 2), {}),
        ((6, 7, 2), {"kernel_size": (2, 4), "padding": "same", "activation": "relu"}),
        ((8, 7, 2), {"strides": 2, "padding": "same"}),
        ((8, 7, 2), {"strides": (2, 3), "use_bias": False}),
        ((8, 7, 2), {"dilation_rate": 2, "padding": "same"}),
        ((6, 7, 4), {"groups": 2}),
    ],
)
def test_equals_the_convolution(shape, options):
    options = {"kernel_size": 3, "bias_initializer": "random_normal", **options}
    conv = keras.layers.Conv2D(4, dtype="float64", **options)
    x = normal(2, *shape)
    expected = numpy(conv(x)).reshape(2, -1)
    dense = conv_as_dense(conv, shape)
    np.testing.assert_allclose(numpy(dense(x.reshape(2, -1))), expected, rtol=0, atol=1e-12)

    mask = conv_dense_mask(conv, shape)
    np.testing.assert_array_equal(numpy(dense.kernel) != 0, mask)
    first = keras.layers.Conv2D(4, dtype="float64", data_format="channels_first", **options)
    first_shape = (shape[2], *shape[:2])
    first.build((None, *first_shape))
    first.set_weights(conv.get_weights())
    dense = conv_as_dense(first, first_shape)
    y = numpy(dense(np.moveaxis(x, -1, 1).reshape(2, -1)))
    outputs = numpy(conv(x))
    expected = np.moveaxis(outputs, -1, 1).reshape(2, -1)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


def test_few_weights_are_free():
    """Each output has k^2 weights of m n, and so has each input, but for those near the border."""
    conv = keras.layers.Conv2D(1, 3)
    conv.build((None, 9, 9, 1))
    mask = conv_dense_mask(conv, (9, 9, 1))
    assert mask.shape == (81, 49)
    np.testing.assert_array_equal(mask.sum(axis=0), 9)
    assert mask[40].sum() == 9
    assert mask[0].sum() == 1
    conv.kernel.assign(np.zeros((3, 3, 1, 1)))
    assert conv_dense_mask(conv, (9, 9, 1)).sum() == 49 * 9


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_classifier_runs_on_larger_images(data_format):
    """A network of stride 32 has one position at 224 and 2 x 2 at 256, each a window of 224."""
    is_last = data_format == "channels_last"
    axis = -1 if is_last else 1

    def shape(size):
        return (size, size, 3) if is_last else (3, size, size)

    trunk = keras.layers.AveragePooling2D(32, data_format=data_format, dtype="float64")
    flatten = keras.layers.Flatten(data_format=data_format, dtype="float64")
    dense = keras.layers.Dense(5, activation="tanh", dtype="float64")
    images = normal(2, *shape(256))
    windows = np.roll(images, (-32, 0), axis=(1, 2) if is_last else (2, 3))
    window = windows[:, :224, :224] if is_last else windows[:, :, :224, :224]
    expected = numpy(dense(flatten(trunk(window))))
    conv = dense_as_conv(dense, (7, 7, 3) if is_last else (3, 7, 7), data_format)
    assert conv.count_params() == dense.count_params()
    # Compiled, because TensorFlow has no eager convolution with channels first on a CPU.
    compiled = tf.function(conv, jit_compile=True)
    one = numpy(compiled(trunk(window)))
    np.testing.assert_allclose(one.reshape(2, 5), expected, rtol=0, atol=1e-12)
    several = np.moveaxis(numpy(compiled(trunk(images))), axis, -1)
    assert several.shape == (2, 2, 2, 5)
    np.testing.assert_allclose(several[:, 1, 0], expected, rtol=0, atol=1e-12)


def test_first_dense_layer_of_vgg():
    """Table 2 of the VGG paper: of 138 million parameters, 102,764,544 are here."""
    dense = keras.layers.Dense(4096, kernel_initializer="zeros", dtype="float16")
    dense.build((None, 7 * 7 * 512))
    conv = dense_as_conv(dense, (7, 7, 512))
    assert conv.kernel.shape == (7, 7, 512, 4096)
    assert conv.count_params() == 102_764_544


def test_kernel_of_the_map_is_a_dense_layer_and_back():
    dense = keras.layers.Dense(3, dtype="float64", bias_initializer="random_normal")
    dense.build((None, 24))
    back = conv_as_dense(dense_as_conv(dense, (3, 4, 2)), (3, 4, 2))
    for ours, weights in zip(back.get_weights(), dense.get_weights()):
        np.testing.assert_allclose(ours, weights, rtol=0, atol=0)


def built(layer, *shape):
    layer.build((None, *shape))
    return layer


def test_a_softmax_of_one_position_is_the_same():
    dense = keras.layers.Dense(3, activation="softmax", dtype="float64")
    x = normal(2, 4, 4, 2)
    expected = numpy(dense(x.reshape(2, -1)))
    back = conv_as_dense(dense_as_conv(dense, (4, 4, 2)), (4, 4, 2))
    np.testing.assert_allclose(numpy(back(x.reshape(2, -1))), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: conv_as_dense(keras.layers.Dense(2), (2,)), TypeError, "must be a .*Conv2D"),
        (lambda: dense_as_conv(keras.layers.Conv2D(2, 3), (1, 1, 2)), TypeError, "a .*Dense"),
        (lambda: conv_as_dense(keras.layers.Conv2D(2, 3), (5, 5, 1)), ValueError, "no weights yet"),
        (lambda: dense_as_conv(keras.layers.Dense(2), (5, 5, 1)), ValueError, "no weights yet"),
        (
            lambda: conv_as_dense(built(keras.layers.Conv2D(2, 3), 5, 5, 2), (5, 5, 1)),
            ValueError,
            r"must have the 2 channels .* received \(5, 5, 1\)",
        ),
        (
            lambda: conv_as_dense(built(keras.layers.Conv2D(2, 3), 5, 5, 2), (2, 5, 2)),
            ValueError,
            r"has no output on an input of \(2, 5, 2\)",
        ),
        (
            lambda: conv_as_dense(built(keras.layers.Conv2D(2, 3), 5, 5, 2), (5, 5)),
            ValueError,
            "input_shape must be an integer or 3 of them",
        ),
        (
            lambda: conv_as_dense(
                built(keras.layers.Conv2D(2, 1, activation="softmax"), 5, 5, 2), (5, 5, 2)
            ),
            ValueError,
            "has the activation softmax, along an axis .* a layer of its own",
        ),
        (
            lambda: dense_as_conv(
                built(keras.layers.Dense(2, activation="glu"), 12), (3, 2, 2), "channels_first"
            ),
            ValueError,
            "has the activation glu, along an axis",
        ),
        (
            lambda: dense_as_conv(built(keras.layers.Dense(2), 12), (2, 2, 2)),
            ValueError,
            r"must have the 12 elements .* received \(2, 2, 2\)",
        ),
        (
            lambda: dense_as_conv(built(keras.layers.Dense(2), 12), (2, 2, 3), "NHWC"),
            ValueError,
            "data_format must be one of",
        ),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
