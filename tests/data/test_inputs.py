import numpy as np
import pytest
from PIL import Image

from kzoo.data import Pipeline, open_source, read_input


def written(tmp_path, array):
    np.save(tmp_path / "s.npy", array)
    return tmp_path / "s.npy"


def test_signal_gets_a_channel(tmp_path):
    signal = read_input(written(tmp_path, np.arange(5)), "signal", (5, 1))
    np.testing.assert_array_equal(signal, np.arange(5, dtype=np.float32)[:, None])
    assert signal.dtype == np.float32


def test_signal_of_any_length(tmp_path):
    assert read_input(written(tmp_path, np.ones((7, 2))), "signal", (None, 2)).shape == (7, 2)


def test_signal_of_another_shape_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"s\.npy must be a signal of shape \(6, 1\); it is"):
        read_input(written(tmp_path, np.ones(5)), "signal", (6, 1))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((2, 2, 2)), r"must be of shape \(length,\)"),
        (np.ones(0), r"must be of shape \(length,\)"),
        (np.array([1.0, np.nan]), "not finite"),
        (np.array(["a"]), "one array of real numbers"),
        (np.array([1j]), "one array of real numbers"),
        (np.array([None]), "cannot be read as a .npy signal"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, message):
    with pytest.raises(ValueError, match=rf"s\.npy .*{message}"):
        read_input(written(tmp_path, array), "signal", (None, 1))


def test_damaged_and_missing_signals_are_named(tmp_path):
    path = written(tmp_path, np.ones(100))
    path.write_bytes(path.read_bytes()[:150])
    for name in ("s.npy", "none.npy"):
        with pytest.raises(ValueError, match=f"{name} cannot be read as a .npy signal"):
            read_input(tmp_path / name, "signal", (100, 1))


def test_unknown_kind_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"kind must be 'image' or 'signal'; received 'text'"):
        read_input("a.txt", "text", (1, 1))


@pytest.mark.parametrize(("size", "channels"), [(None, None), (16, None), ((12, 20), 3)])
def test_an_exported_digit_is_read_as_training_sees_it(tmp_path, size, channels):
    source = open_source("digits")
    pixels, _ = source.read("test", np.arange(4))
    pipeline = Pipeline(source, "test", image_size=size, channels=channels, batch_size=4)
    trained, _ = next(iter(pipeline.dataset()))
    for number in range(4):
        path = tmp_path / f"{number}.png"
        Image.fromarray(pixels[number, ..., 0]).save(path)
        read = read_input(path, "image", pipeline.shape)
        np.testing.assert_array_equal(read, trained[number])


def test_image_of_free_size_keeps_its_size(tmp_path):
    Image.new("RGB", (7, 5)).save(tmp_path / "i.png")
    assert read_input(tmp_path / "i.png", "image", (None, None, 1)).shape == (5, 7, 1)
