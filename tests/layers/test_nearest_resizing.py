import keras
import numpy as np
import pytest

from kzoo.layers import NearestResizing2D


def random_maps(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("source", [(1, 1), (3, 3), (6, 9)])
@pytest.mark.parametrize("target", [(7, 7), (6, 2), (14, 5)])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_torch_gives_the_same(source, target, data_format):
    torch = pytest.importorskip("torch")
    x = random_maps(2, 3, *source)
    expected = torch.nn.functional.interpolate(torch.from_numpy(x), target, mode="nearest").numpy()
    reference = random_maps(2, 4, *target)
    if data_format == "channels_last":
        x, reference, expected = (np.moveaxis(a, 1, -1) for a in (x, reference, expected))
    resized = NearestResizing2D(data_format=data_format)([x, reference])
    np.testing.assert_array_equal(np.asarray(resized), expected)


def test_unknown_sizes_and_saving(tmp_path):
    inputs = [keras.Input((None, None, 3)), keras.Input((None, None, 2))]
    outputs = NearestResizing2D()(inputs)
    assert outputs.shape == (None, None, None, 3)
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    data = [random_maps(2, 3, 4, 3), random_maps(2, 7, 5, 2)]
    expected = np.asarray(NearestResizing2D()(data))
    np.testing.assert_array_equal(loaded.predict(data, verbose=0), expected)
    assert expected.shape == (2, 7, 5, 3)


def test_gradient_is_the_number_of_copies():
    tf = pytest.importorskip("tensorflow")
    x, reference = tf.zeros((1, 3, 2, 1)), tf.zeros((1, 7, 2, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(NearestResizing2D()([x, reference]))
    np.testing.assert_array_equal(tape.gradient(total, x)[0, :, 0, 0], [3, 2, 2])


@pytest.mark.parametrize("shapes", [[(2, 4, 4, 3)], [(2, 4, 4, 3), (2, 3)]])
def test_inputs_must_be_two_maps(shapes):
    with pytest.raises(ValueError, match="takes a list of two maps, one to resize"):
        NearestResizing2D()([keras.KerasTensor(shape) for shape in shapes])


def test_one_map_is_refused():
    with pytest.raises(ValueError, match="takes a list of two maps, one to resize"):
        NearestResizing2D()(keras.KerasTensor((2, 4, 4, 3)))
