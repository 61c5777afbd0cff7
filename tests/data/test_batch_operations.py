import itertools

import numpy as np
import pytest
from scipy import stats

from kzoo.data import batch_operations as operations
from tests.peers import import_timm

RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.randint(0, 256, (64, 12, 10, 3)).astype(np.uint8)
SIGNALS = RANDOM.randn(64, 20, 2).astype(np.float32)


def rng():
    return np.random.default_rng(7)


def test_flip():
    np.testing.assert_array_equal(operations.flip(IMAGES, 1, rng()), IMAGES[:, :, ::-1])
    many = np.repeat(IMAGES, 16, 0)
    flipped = (operations.flip(many, 0.3, rng()) != many).any((1, 2, 3))
    assert 0.27 < flipped.mean() < 0.33


def test_crop_is_a_window_of_the_padded_image():
    padded = np.pad(IMAGES[0], ((2, 2), (2, 2), (0, 0)))
    windows = [padded[i : i + 12, j : j + 10].tobytes() for i in range(5) for j in range(5)]
    cropped = operations.crop(np.repeat(IMAGES[:1], 600, axis=0), 2, rng())
    counts = np.bincount([windows.index(window.tobytes()) for window in cropped], minlength=25)
    assert stats.chisquare(counts).pvalue > 0.01


def test_crop_by_more_than_the_image():
    cropped = operations.crop(IMAGES, 30, rng())
    assert cropped.shape == IMAGES.shape
    assert (cropped == 0).all((1, 2, 3)).any()


def test_noise_has_the_deviation():
    flat = np.full((64, 12, 10, 3), 128, np.uint8)
    difference = operations.noise(flat, 10, rng()) - 128.0
    np.testing.assert_allclose([difference.mean(), difference.std()], [0, 10], atol=0.2)
    bright = operations.noise(np.full_like(flat, 255), 10, rng())
    assert 0.48 < (bright == 255).mean() < 0.56  # half, and what rounds up to 255
    difference = operations.signal_noise(SIGNALS, 0.5, rng()) - SIGNALS
    np.testing.assert_allclose([difference.mean(), difference.std()], [0, 0.5], atol=0.03)


def test_cutout_is_a_clipped_square_about_any_pixel():
    white = np.full((4000, 8, 8, 3), 255, np.uint8)
    cut = operations.cutout(white, 3, rng())
    holes = (cut != 255).any(-1)
    np.testing.assert_array_equal(np.unique(cut[holes], axis=0), [[124, 116, 104]])
    squares = []
    for row, column in itertools.product(range(8), range(8)):
        hole = np.zeros((8, 8), bool)
        hole[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = True
        squares.append(hole.tobytes())
    counts = np.bincount([squares.index(hole.tobytes()) for hole in holes], minlength=64)
    assert stats.chisquare(counts).pvalue > 0.01


def corners(holes):
    """Return top, left, height and width of the filled rectangles, (n, 4), checking each."""
    found = []
    for hole in holes:
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        assert hole.sum() == len(rows) * len(columns)
        found.append((rows[0], columns[0], len(rows), len(columns)))
    return np.array(found)


@pytest.mark.parametrize("size", [(32, 32), (24, 64)])
def test_erasing_draws_the_rectangles_of_timm(size):
    import_timm()
    import random

    import torch
    from timm.data.random_erasing import RandomErasing

    count = 3000
    random.seed(0)
    theirs = RandomErasing(probability=0.25, mode="const", device="cpu")(
        torch.ones(count, 1, *size)
    )
    theirs = theirs[:, 0].numpy() == 0
    # Random pixels may equal the image's, so two images tell the rectangle.
    erased = [
        operations.erasing(np.full((count, *size, 3), level, np.uint8), 0.25, rng())
        for level in (0, 255)
    ]
    ours = (erased[0] == erased[1]).all(-1)
    for holes in (ours, theirs):
        assert 0.22 < holes.any((1, 2)).mean() < 0.28
    ours, theirs = (corners(holes[holes.any((1, 2))]) for holes in (ours, theirs))
    for statistic in (*range(4), "area", "aspect"):
        if statistic == "area":
            samples = ours[:, 2] * ours[:, 3], theirs[:, 2] * theirs[:, 3]
        elif statistic == "aspect":
            samples = ours[:, 2] / ours[:, 3], theirs[:, 2] / theirs[:, 3]
        else:
            samples = ours[:, statistic], theirs[:, statistic]
        assert stats.ks_2samp(*samples).pvalue > 0.01


def test_erased_pixels_are_normal_once_normalised():
    import_timm()
    from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

    erased = operations.erasing(np.zeros((200, 32, 32, 3), np.uint8), 1, rng())
    pixels = erased[(erased > 0).any(-1)] / 255
    normalised = (pixels - IMAGENET_DEFAULT_MEAN) / IMAGENET_DEFAULT_STD
    inside = stats.norm(scale=1)
    for channel in normalised.T:
        for value in (-1, 0, 1):
            np.testing.assert_allclose((channel < value).mean(), inside.cdf(value), atol=0.01)


def test_an_image_too_narrow_to_erase_stays_as_it_is():
    narrow = np.full((20, 40, 1, 3), 9, np.uint8)
    np.testing.assert_array_equal(operations.erasing(narrow, 1, rng()), narrow)


def test_shift_rolls():
    ramp = np.tile(np.arange(20, dtype=np.float32)[:, None], (500, 1, 1))
    shifted = operations.shift(ramp, 0.25, rng())[..., 0]
    offsets = (shifted[:, 0].astype(int) + 10) % 20 - 10
    assert set(offsets) == set(range(-5, 6))
    for offset, signal in zip(offsets, shifted):
        np.testing.assert_array_equal(signal, np.roll(np.arange(20), -offset))


def test_scale_multiplies_a_whole_signal():
    factors = operations.scale(SIGNALS, 0.2, rng()) / SIGNALS
    np.testing.assert_allclose(factors.std((1, 2)), 0, atol=1e-5)
    assert factors.min() >= 0.799
    assert factors.max() <= 1.201
    assert stats.kstest(factors[:, 0, 0], stats.uniform(0.8, 0.4).cdf).pvalue > 0.01
