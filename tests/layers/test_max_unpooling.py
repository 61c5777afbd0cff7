import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.layers import MaxPoolingWithArgmax2D, MaxUnpooling2D
from tests.helpers import check_layer


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def planes(x):
    import torch

    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(np.asarray(x), -1, 1)))


def maps(tensor):
    return np.moveaxis(tensor.numpy(), 1, -1)


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({"pool_size": 2}, (2, 7, 6, 3), (2, 3, 3, 3)),
        (
            {"pool_size": 3, "strides": 2, "padding": "same", "data_format": "channels_first"},
            (2, 3, 7, 6),
            (2, 3, 4, 3),
        ),
    ],
)
def test_keras_contract_of_the_pooling(config, shape, expected):
    check_layer(
        MaxPoolingWithArgmax2D,
        config,
        shape,
        expected_output_shape=[expected, expected],
        integer_outputs=(1,),
        trainable=0,
        unknown_axes=(2, 3) if config.get("data_format") else (1, 2),
        finite_differences=True,
    )


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({"pool_size": 2}, (2, 6, 8, 3), (2, 6, 8, 3)),
        ({"pool_size": (2, 3), "strides": 2, "padding": "same"}, (2, 6, 8, 3), (2, 6, 8, 3)),
        ({"pool_size": 3, "strides": 2, "output_size": (8, 9)}, (2, 8, 9, 3), (2, 8, 9, 3)),
        ({"pool_size": 2, "data_format": "channels_first"}, (2, 3, 6, 8), (2, 3, 6, 8)),
    ],
)
def test_keras_contract_of_the_unpooling(config, shape, expected):
    pooling = MaxPoolingWithArgmax2D(**{k: v for k, v in config.items() if k != "output_size"})
    values, indices = (np.asarray(y) for y in pooling(random_maps(*shape)))
    check_layer(
        MaxUnpooling2D,
        config,
        [values.shape, indices.shape],
        input_data=[values, indices],
        expected_output_shape=expected,
        trainable=0,
        unknown_axes=(2, 3) if config.get("data_format") else (1, 2),
        # Where windows overlap, one place has several values, and only one of them counts.
        finite_differences=config["pool_size"] == 2,
    )


@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
@pytest.mark.parametrize(
    ("pool_size", "strides"), [(2, None), (3, 2), ((3, 2), (1, 2)), (2, 3), (3, 1)]
)
def test_torch_gives_the_same(size, pool_size, strides):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    pooling = MaxPoolingWithArgmax2D(pool_size, strides)
    x = random_maps(2, *size, 3)
    values, indices = pooling(x)
    windows = (pooling.pool_size, pooling.strides)
    torch_values, torch_indices = functional.max_pool2d(planes(x), *windows, return_indices=True)
    np.testing.assert_array_equal(np.asarray(values), maps(torch_values))
    np.testing.assert_array_equal(np.asarray(indices), maps(torch_indices))

    y = MaxUnpooling2D(pool_size, strides, output_size=size)([values, indices])
    expected = functional.max_unpool2d(torch_values, torch_indices, *windows, output_size=size)
    np.testing.assert_array_equal(np.asarray(y), maps(expected))


@pytest.mark.parametrize(("size", "pool_size", "strides"), [((8, 6), 2, 2), ((9, 7), 3, 2)])
def test_default_output_size_is_that_of_torch(size, pool_size, strides):
    torch = pytest.importorskip("torch")
    values, indices = MaxPoolingWithArgmax2D(pool_size, strides)(random_maps(2, *size, 3))
    y = MaxUnpooling2D(pool_size, strides)([values, indices])
    expected = torch.nn.functional.max_unpool2d(
        planes(values), planes(indices).long(), pool_size, strides
    )
    np.testing.assert_array_equal(np.asarray(y), maps(expected))


def test_published_example():
    """The example of torch.nn.MaxUnpool2d."""
    x = np.arange(1, 17, dtype="float32").reshape(1, 4, 4, 1)
    values, indices = MaxPoolingWithArgmax2D(2)(x)
    assert np.asarray(values).ravel().tolist() == [6, 8, 14, 16]
    y = MaxUnpooling2D(2)([values, indices])
    assert np.asarray(y)[0, :, :, 0].tolist() == [
        [0, 0, 0, 0],
        [0, 6, 0, 8],
        [0, 0, 0, 0],
        [0, 14, 0, 16],
    ]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("pool_size", "strides"), [(2, 2), (3, 2), (3, 1)])
def test_pooling_undoes_unpooling(padding, pool_size, strides):
    options = {"pool_size": pool_size, "strides": strides, "padding": padding}
    pooling = MaxPoolingWithArgmax2D(**options)
    x = np.abs(random_maps(2, 7, 8, 3))
    values, indices = pooling(x)
    y = MaxUnpooling2D(output_size=(7, 8), **options)([values, indices])
    again, indices_again = pooling(np.asarray(y))
    np.testing.assert_array_equal(np.asarray(again), np.asarray(values))
    np.testing.assert_array_equal(np.asarray(indices_again), np.asarray(indices))


@pytest.mark.parametrize("size", [(7, 8), (8, 9), (5, 5)])
@pytest.mark.parametrize(("pool_size", "strides"), [(2, 2), (3, 2), (2, 3), ((4, 2), (2, 1))])
def test_same_padding_has_the_values_of_max_pooling(size, pool_size, strides):
    options = {"pool_size": pool_size, "strides": strides, "padding": "same"}
    x = random_maps(2, *size, 3) - 5
    values, indices = MaxPoolingWithArgmax2D(**options)(x)
    expected = np.asarray(keras.layers.MaxPooling2D(**options)(x))
    np.testing.assert_array_equal(np.asarray(values), expected)
    flat = x.reshape(2, -1, 3)
    taken = np.take_along_axis(flat, np.asarray(indices).reshape(2, -1, 3), axis=1)
    np.testing.assert_array_equal(taken.reshape(expected.shape), expected)


def test_first_of_equal_maxima():
    _, indices = MaxPoolingWithArgmax2D(2)(np.ones((1, 4, 4, 1), "float32"))
    assert np.asarray(indices).ravel().tolist() == [0, 2, 8, 10]


def test_minus_infinity_and_nan():
    x = np.full((1, 3, 3, 1), -np.inf, "float32")
    layer = MaxPoolingWithArgmax2D(3, 1, padding="same")
    _, indices = layer(x)
    assert np.all((np.asarray(indices) >= 0) & (np.asarray(indices) < 9))
    x[0, 1, 1, 0] = np.nan
    values, indices = layer(x)
    assert np.all(np.isnan(np.asarray(values)))
    assert np.all(np.asarray(indices) == 4)


def test_gradient_goes_to_the_first_maximum():
    x = tf.constant([[1.0, 4.0], [4.0, 2.0]])[None, :, :, None]
    with tf.GradientTape() as tape:
        tape.watch(x)
        values, _ = MaxPoolingWithArgmax2D(2)(x)
    assert tape.gradient(values, x).numpy().ravel().tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_indices_are_exact_under_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    x = np.zeros((1, 100, 100, 1), "float32")
    x[0, ::2, 1::2] = np.arange(2500).reshape(50, 50, 1) / 2500 + 1
    inputs = keras.Input((100, 100, 1))
    values, indices = MaxPoolingWithArgmax2D(2)(inputs)
    restored = MaxUnpooling2D(2)([values, indices])
    model = keras.Model(inputs, [indices, restored])
    indices, restored = model.predict_on_batch(x)
    assert indices.dtype == "int32"
    rows, columns = np.mgrid[0:100:2, 1:100:2]
    np.testing.assert_array_equal(indices[0, :, :, 0], rows * 100 + columns)
    assert str(restored.dtype) == policy.removeprefix("mixed_")
    np.testing.assert_allclose(restored.astype("float32"), x, rtol=0.005)


@pytest.mark.parametrize(
    ("config", "shapes", "message"),
    [
        ({}, (None, 4, 4, 3), "called on a list of two maps of one shape"),
        ({}, [(None, 4, 4, 3), (None, 4, 5, 3)], "called on a list of two maps of one shape"),
        (
            {"output_size": 7},
            [(None, 4, 4, 3)] * 2,
            r"output_size=\(7, 7\) pools to \(3, 3\) with .* received an input of \(4, 4\)",
        ),
    ],
)
def test_refused_inputs_of_the_unpooling(config, shapes, message):
    with pytest.raises(ValueError, match=message):
        MaxUnpooling2D(2, **config).build(shapes)


@pytest.mark.parametrize("layer_class", [MaxPoolingWithArgmax2D, MaxUnpooling2D])
@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"pool_size": 0}, ValueError, "pool_size must be at least 1; received 0"),
        ({"strides": 1.5}, TypeError, "strides must be an integer or 2 of them; received 1.5"),
        ({"padding": "full"}, ValueError, "padding must be one of 'valid', 'same'"),
    ],
)
def test_refused_arguments(layer_class, config, error, message):
    with pytest.raises(error, match=message):
        layer_class(**config)


def test_refused_input_and_output_size():
    with pytest.raises(ValueError, match=r"does not fit an input of \(1, 9\)"):
        MaxPoolingWithArgmax2D(2).build((None, 1, 9, 3))
    with pytest.raises(ValueError, match="output_size must be at least 1; received 0"):
        MaxUnpooling2D(2, output_size=(0, 4))
