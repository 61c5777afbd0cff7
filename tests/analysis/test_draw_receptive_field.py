"""The picture of a receptive field: where its frame is, and that it is drawn."""

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from kzoo.analysis.draw_receptive_field import draw_receptive_field, frame_of
from kzoo.analysis.receptive_field import receptive_field


def network(shape=(24, 32, 3)):
    model = keras.Sequential([keras.Input(shape)])
    for _ in range(2):
        model.add(layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"))
    return model


def test_frame_is_cut_to_the_image():
    field = receptive_field(network())
    assert field.size == (7, 7)
    assert field.padding == (0, 0)
    assert frame_of(field, (2, 3), (24, 32)) == (8, 12, 7, 7)
    assert frame_of(field, (5, 7), (24, 32)) == (20, 28, 4, 4)


def test_picture(tmp_path):
    image = np.full((24, 32, 3), 128, "uint8")
    path = draw_receptive_field(network(), image, tmp_path / "field.png", position=(2, 3))
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    is_frame = (np.abs(pixels - (0x00, 0xB7, 0xC7)) < 30).all(axis=-1)
    rows, columns = np.nonzero(is_frame)
    # The image fills the picture under the title; the frame is 7 of its 32 columns wide.
    assert (np.ptp(columns) + 1) / pixels.shape[1] == pytest.approx(7 / 32, abs=0.03)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=4)
    inside = pixels[rows.min() : rows.max(), columns.min() : columns.max()]
    assert np.ptp(inside, axis=-1).max() > 100  # the shade has colours


def test_channels_first_and_unknown_sizes(tmp_path):
    keras.config.set_image_data_format("channels_first")
    model = keras.Sequential([keras.Input((3, None, None)), layers.ZeroPadding2D(2)])
    path = draw_receptive_field(model, np.ones((3, 10, 12)), tmp_path / "field.svg")
    assert path.stat().st_size > 0


def test_refused_image(tmp_path):
    with pytest.raises(ValueError, match=r"one image, of rank 3; .* an image \(1, 24, 32, 3\)"):
        draw_receptive_field(network(), np.ones((1, 24, 32, 3)), tmp_path / "field.png")
    with pytest.raises(ValueError, match="input_size must be that of"):
        draw_receptive_field(network(), np.ones((20, 32, 3)), tmp_path / "field.png")
    with pytest.raises(TypeError, match="must be a functional or a built sequential"):
        draw_receptive_field(
            keras.Sequential([layers.ReLU()]), np.ones((5, 5, 1)), tmp_path / "field.png"
        )
