import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.layers.cluster_pooling import ClusterPooling2D
from tests.helpers import check_layer
from tests.layers.test_k_means import blobs, in_order


def random_maps(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def different_numbers(*shape):
    """Return maps without ties that half precision holds exactly: none changes its cluster."""
    count = int(np.prod(shape))
    numbers = np.random.default_rng(0).permutation(count) - count // 2
    return (numbers / 64).reshape(shape).astype("float32")


def pooled_in_a_loop(x, labels, count, pool_size, strides, mode):
    """Pool each window and cluster by itself, without padding."""
    sizes = [(n - k) // s + 1 for n, k, s in zip(x.shape[1:3], pool_size, strides)]
    y = np.zeros((len(x), *sizes, count, x.shape[3]))
    for b in range(len(x)):
        for i in range(sizes[0]):
            for j in range(sizes[1]):
                top, left = i * strides[0], j * strides[1]
                place = (b, slice(top, top + pool_size[0]), slice(left, left + pool_size[1]))
                for k in range(count):
                    members = x[place][labels[place] == k]
                    if len(members):
                        y[b, i, j, k] = getattr(members, {"average": "mean"}.get(mode, mode))(0)
    return y.reshape(*y.shape[:3], -1)


@pytest.mark.parametrize(
    ("config", "shape", "expected"),
    [
        ({"num_clusters": 3}, (2, 7, 6, 3), (2, 3, 3, 9)),
        (
            {"pool_size": (3, 2), "strides": 2, "padding": "same", "mode": "average"},
            (2, 7, 6, 3),
            (2, 4, 3, 6),
        ),
        (
            {"pool_size": 2, "strides": (3, 1), "data_format": "channels_first"},
            (2, 3, 7, 6),
            (2, 6, 2, 5),
        ),
    ],
)
def test_keras_contract(config, shape, expected):
    check_layer(
        ClusterPooling2D,
        {"num_clusters": 2, **config},
        shape,
        expected_output_shape=expected,
        trainable=0,
        non_trainable=1,
        input_data=different_numbers(*shape),
        unknown_axes=(2, 3) if config.get("data_format") == "channels_first" else (1, 2),
        finite_differences=True,
    )


@pytest.mark.parametrize("mode", ["max", "average"])
@pytest.mark.parametrize(("pool_size", "strides"), [((3, 3), (2, 2)), ((4, 2), (4, 3))])
def test_loop_over_labels_of_scikit_learn(mode, pool_size, strides):
    cluster = pytest.importorskip("sklearn.cluster")
    x = random_maps(3, 9, 8, 4)
    fitted = cluster.KMeans(6, n_init=2, random_state=0).fit(x.reshape(-1, 4))
    layer = ClusterPooling2D(6, pool_size, strides, mode=mode)
    layer.build(x.shape)
    layer.set_weights([fitted.cluster_centers_])
    expected = pooled_in_a_loop(x, fitted.labels_.reshape(3, 9, 8), 6, pool_size, strides, mode)
    y = np.asarray(layer(x))
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)
    assert np.any(expected == 0)
    first = ClusterPooling2D(6, pool_size, strides, mode=mode, data_format="channels_first")
    first.build((3, 4, 9, 8))
    first.set_weights(layer.get_weights())
    y_first = np.asarray(first(x.transpose(0, 3, 1, 2))).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(y_first, y, rtol=0, atol=1e-6)


@pytest.mark.parametrize("mode", ["max", "average"])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_one_cluster_is_ordinary_pooling(mode, padding):
    x = random_maps(2, 9, 8, 3)
    pool = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}[mode]
    y = ClusterPooling2D(1, 3, 2, padding, mode)(x)
    expected = pool(3, 2, padding)(x)
    np.testing.assert_allclose(np.asarray(y), np.asarray(expected), rtol=0, atol=1e-6)


@pytest.mark.parametrize("mode", ["max", "average"])
def test_permuted_centers_permute_the_output(mode):
    x = random_maps(2, 8, 8, 3)
    layer = ClusterPooling2D(5, 4, mode=mode)
    y = np.asarray(layer(x)).reshape(2, 2, 2, 5, 3)
    order = [3, 0, 4, 1, 2]
    layer.set_weights([layer.get_weights()[0][order]])
    np.testing.assert_array_equal(np.asarray(layer(x)).reshape(y.shape), y[:, :, :, order])


def test_clusters_of_a_window_add_up_to_its_maximum():
    x = random_maps(2, 8, 8, 3)
    y = np.asarray(ClusterPooling2D(4, 4)(x)).reshape(2, 2, 2, 4, 3)
    y = np.where(np.any(y != 0, axis=-1, keepdims=True), y, -np.inf).max(axis=3)
    np.testing.assert_array_equal(y, np.asarray(keras.layers.MaxPooling2D(4)(x)))


def test_descriptors_of_a_second_input():
    x, descriptors = random_maps(2, 6, 6, 2), random_maps(2, 6, 6, 5, seed=1)
    layer = ClusterPooling2D(3, 3, mode="average")
    y = np.asarray(layer([x, descriptors]))
    centers = np.asarray(layer.centers)
    labels = np.linalg.norm(descriptors[..., None, :] - centers, axis=-1).argmin(axis=-1)
    expected = pooled_in_a_loop(x, labels, 3, (3, 3), (3, 3), "average")
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)


def test_model_of_two_inputs_of_unknown_size(tmp_path):
    x, descriptors = random_maps(2, 6, 7, 2), random_maps(2, 6, 7, 5, seed=1)
    inputs = [keras.Input((None, None, channels)) for channels in (2, 5)]
    layer = ClusterPooling2D(3, 3, padding="same")
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None, None, 6)
    expected = np.asarray(layer([x, descriptors]))
    assert expected.shape == (2, 2, 3, 6)
    model.save(tmp_path / "model.keras")
    for jit_compile in (False, True):
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        loaded.compile(jit_compile=jit_compile)
        y = loaded.predict_on_batch([x, descriptors])
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["array", "batches", "dataset", "channels_first"])
def test_adapt(kind):
    points, planted = blobs(5, 3, size=64)
    x = points.reshape(20, 4, 4, 3).astype("float32")
    data = {
        "array": x,
        "batches": [x[:7], x[7:]],
        "dataset": tf.data.Dataset.from_tensor_slices(x).batch(6),
        "channels_first": x.transpose(0, 3, 1, 2),
    }[kind]
    layer = ClusterPooling2D(5, data_format=kind if kind == "channels_first" else None)
    layer.adapt(data, seed=1)
    np.testing.assert_allclose(
        in_order(np.asarray(layer.centers)), in_order(planted), rtol=0, atol=0.1
    )
    again = ClusterPooling2D(5, data_format=layer.data_format)
    again.adapt(data, seed=1, max_points=320)
    np.testing.assert_array_equal(np.asarray(again.centers), np.asarray(layer.centers))


def test_adapt_draws_from_many_positions():
    points, planted = blobs(3, 2, size=400)
    layer = ClusterPooling2D(3)
    layer.adapt(points.reshape(3, 20, 20, 2), seed=0, max_points=90)
    np.testing.assert_allclose(in_order(np.asarray(layer.centers)), in_order(planted), atol=0.1)


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"num_clusters": 0}, ValueError, "num_clusters must be at least 1; received 0"),
        ({"mode": "sum"}, ValueError, "mode must be one of 'max', 'average'; received 'sum'"),
        ({"pool_size": 1.5}, TypeError, "pool_size must be an integer or 2 of them"),
        ({"padding": "full"}, ValueError, "padding must be one of 'valid', 'same'"),
    ],
)
def test_refused_arguments(config, error, message):
    with pytest.raises(error, match=message):
        ClusterPooling2D(**{"num_clusters": 2, **config})


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((None, 2, 9, 3), r"does not fit an input of \(2, 9\)"),
        ((None, 9, 9, None), "takes maps of rank 4 with a known number of channels, or a list"),
        ((None, 9, 9), "takes maps of rank 4 with a known number of channels, or a list of two"),
        ([(None, 9, 9, 2), (None, 9, 8, 2)], r"same height and width; received \(9, 9\) and"),
        ([(None, 9, 9, 2)] * 3, "is called on maps, or on a list of maps and descriptors; rec"),
    ],
)
def test_refused_inputs(shape, message):
    with pytest.raises(ValueError, match=message):
        ClusterPooling2D(2, 3).build(shape)


def test_refused_data():
    layer = ClusterPooling2D(3)
    with pytest.raises(ValueError, match="at least num_clusters=3 different descriptors; received"):
        layer.adapt(np.ones((2, 4, 4, 3)))
    with pytest.raises(ValueError, match=r"adapt takes maps of rank 4.* received \[\(4, 3\)\]"):
        layer.adapt(np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"adapt takes maps of rank 4.* received nothing"):
        layer.adapt([])
    layer.build((None, 4, 4, 3))
    with pytest.raises(ValueError, match="descriptors of length 3, as the layer was built; rec"):
        layer.adapt(random_maps(2, 4, 4, 5))


@pytest.mark.parametrize("training", [False, True])
def test_nan_stays_nan(training):
    x = random_maps(1, 4, 4, 2)
    layer = ClusterPooling2D(3, mode="average")
    layer.build(x.shape)
    layer.set_weights([random_maps(*weight.shape, seed=1) for weight in layer.weights])
    x[0, 0, 0] = np.nan
    y = np.asarray(layer(x, training=training))
    assert np.isnan(y[0, 0, 0]).any()
    assert not np.isnan(y[0, 1, 1]).any()
