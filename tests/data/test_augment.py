import numpy as np
import pytest
import tensorflow as tf

import kzoo.data.augment as module
from kzoo.data import Augmentation, parse_augment
from kzoo.data.augment import AUGMENTATIONS, augment

RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.randint(0, 256, (64, 12, 10, 3)).astype(np.uint8)
GREY = np.ascontiguousarray(IMAGES[..., :1])
SIGNALS = RANDOM.randn(64, 20, 2).astype(np.float32)
SEED = tf.constant([3, 5], tf.int64)
EVERY = [(kind, name) for kind, rows in AUGMENTATIONS.items() for name in rows]


def apply(x, text, kind="image", seed=SEED):
    return augment(tf.constant(x), parse_augment(text, kind), kind, seed).numpy()


def data(kind):
    return IMAGES if kind == "image" else SIGNALS


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_strength_0_is_the_identity(kind, name):
    np.testing.assert_array_equal(apply(data(kind), f"{name}=0", kind), data(kind))
    row = AUGMENTATIONS[kind][name]
    direct = row.apply(tf.constant(data(kind)), 0.0, SEED)
    np.testing.assert_allclose(direct, data(kind), atol=2e-2)


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_same_eagerly_and_inside_tf_data(kind, name):
    expected = apply(data(kind), name, kind)
    one = tf.data.Dataset.from_tensors(data(kind)).map(
        lambda x: augment(x, parse_augment(name, kind), kind, SEED)
    )
    np.testing.assert_allclose(next(iter(one)), expected, atol=1e-3)


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_depends_on_the_seed_and_on_nothing_else(kind, name):
    first = apply(data(kind), name, kind)
    tf.random.set_seed(99)
    np.testing.assert_array_equal(apply(data(kind), name, kind), first)
    assert (apply(data(kind), name, kind, SEED + 1) != first).any()


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_example_has_its_own(kind, name):
    same = np.repeat(data(kind)[:1], 64, axis=0)
    changed = apply(same, name, kind)
    distinct = len(np.unique(changed.reshape(64, -1), axis=0))
    assert distinct > 1 if name == "flip" else distinct > 15


@pytest.mark.parametrize("name", AUGMENTATIONS["image"])
@pytest.mark.parametrize("images", [IMAGES, GREY], ids=["colour", "grey"])
def test_images_keep_their_shape_and_range(name, images):
    changed = apply(images, name)
    assert changed.shape == images.shape
    assert changed.dtype == (np.uint8 if name in ("flip", "crop") else np.float32)
    assert changed.min() >= 0
    assert changed.max() <= 255


def test_flip():
    np.testing.assert_array_equal(apply(IMAGES, "flip=1"), IMAGES[:, :, ::-1])
    np.testing.assert_array_equal(apply(apply(IMAGES, "flip=1"), "flip=1"), IMAGES)
    flipped = (apply(np.repeat(IMAGES, 16, 0), "flip") != np.repeat(IMAGES, 16, 0)).any((1, 2, 3))
    assert 0.45 < flipped.mean() < 0.55


def test_crop_is_a_window_of_the_padded_image():
    images = np.repeat(IMAGES[:1], 600, axis=0)
    padded = np.pad(IMAGES[0], ((2, 2), (2, 2), (0, 0)))
    windows = [padded[i : i + 12, j : j + 10].tobytes() for i in range(5) for j in range(5)]
    found = [windows.index(window.tobytes()) for window in apply(images, "crop=2")]
    counts = np.bincount(found, minlength=25)
    assert counts.min() > 8
    assert counts.max() < 45


def test_rotation_by_an_angle_equals_scipys(monkeypatch):
    from scipy import ndimage

    angles = tf.constant([0.3, -1.2, 2.5])
    monkeypatch.setattr(module, "_uniform", lambda *_: angles)
    smooth = ndimage.gaussian_filter(IMAGES[:3].astype(np.float32), (0, 1, 1, 0))
    turned = module.rotation(tf.constant(smooth), 180, SEED).numpy()
    for ours, image, angle in zip(turned, smooth, np.degrees(angles)):
        theirs = ndimage.rotate(image, angle, reshape=False, order=1, mode="grid-constant")
        np.testing.assert_allclose(ours, theirs, atol=0.05)


def test_rotation_angles_are_uniform_within_the_limit():
    # A dot 8 pixels right of the centre shows the angle.
    image = np.zeros((1, 41, 41, 1), np.float32)
    image[0, 19:22, 35:38] = 255
    for limit in (15, 180):
        turned = apply(np.repeat(image, 500, 0), f"rotation={limit}")[..., 0]
        rows, columns = np.indices((41, 41)) - 20
        mass = turned.sum((1, 2))
        angle = np.degrees(
            np.arctan2((turned * rows).sum((1, 2)) / mass, (turned * columns).sum((1, 2)) / mass)
        )
        assert np.abs(angle).max() <= limit + 0.5
        histogram = np.histogram(angle, 5, (-limit, limit))[0]
        assert histogram.min() > 65
        assert histogram.max() < 140


def test_colour_without_randomness_is_the_identity_and_hue_keeps_luma(monkeypatch):
    images = IMAGES[:8] * 0.4 + 70
    luma = images @ np.array([0.299, 0.587, 0.114])
    monkeypatch.setattr(module, "_uniform", lambda x, s, low, high: tf.ones(8) * (low + high) / 2)
    np.testing.assert_allclose(module.colour(images, 0.4, SEED), images, atol=0.01)
    turned = module._change_chroma(tf.cast(images, tf.float32), tf.ones(8), tf.ones(8))
    np.testing.assert_allclose(turned.numpy() @ np.array([0.299, 0.587, 0.114]), luma, atol=0.05)
    assert np.abs(turned - images).max() > 10


def test_colour_without_chroma_is_grey():
    grey = module._change_chroma(tf.cast(IMAGES, tf.float32), tf.zeros(64), tf.zeros(64))
    luma = IMAGES @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(grey, np.repeat(luma[..., None], 3, -1), atol=0.05)


def test_colour_of_grey_images_is_brightness_and_contrast():
    images = np.tile(np.linspace(90, 130, 12 * 10).reshape(1, 12, 10, 1), (400, 1, 1, 1))
    changed = apply(images.astype(np.float32), "colour=0.4")
    brightness = changed.mean((1, 2, 3)) / 110
    contrast = changed.std((1, 2, 3)) / images[0].std() / brightness
    for factor in (brightness, contrast):
        assert factor.min() >= 0.599
        assert factor.max() <= 1.401
        np.testing.assert_allclose(factor.mean(), 1, atol=0.05)
        np.testing.assert_allclose(factor.std(), 0.4 / np.sqrt(3), atol=0.03)
    assert abs(np.corrcoef(brightness, contrast)[0, 1]) < 0.15


def test_noise_has_the_deviation():
    flat = np.full((64, 12, 10, 3), 128, np.uint8)
    difference = apply(flat, "noise=10") - 128.0
    np.testing.assert_allclose([difference.mean(), difference.std()], [0, 10], atol=0.3)
    difference = apply(SIGNALS, "noise=0.5", "signal") - SIGNALS
    np.testing.assert_allclose([difference.mean(), difference.std()], [0, 0.5], atol=0.03)


def test_shift_rolls():
    ramp = np.tile(np.arange(20, dtype=np.float32)[:, None], (500, 1, 1))
    shifted = apply(ramp, "shift=0.25", "signal")[..., 0]
    offsets = (shifted[:, 0].astype(int) + 10) % 20 - 10
    assert set(offsets) == set(range(-5, 6))
    for offset, signal in zip(offsets, shifted):
        np.testing.assert_array_equal(signal, np.roll(np.arange(20), -offset))


def test_scale_multiplies_a_whole_signal():
    factors = apply(SIGNALS, "scale=0.2", "signal") / SIGNALS
    np.testing.assert_allclose(factors.std((1, 2)), 0, atol=1e-5)
    assert factors.min() >= 0.799
    assert factors.max() <= 1.201


@pytest.mark.parametrize(
    "value",
    [
        "flip, crop=2",
        ("flip", "crop=2"),
        {"flip": 0.5, "crop": 2},
        [Augmentation("flip", 0.5), Augmentation("crop", 2.0)],
    ],
)
def test_ways_to_write_augmentations(value):
    assert parse_augment(value) == (Augmentation("flip", 0.5), Augmentation("crop", 2.0))


def test_nothing():
    assert parse_augment("") == parse_augment(()) == parse_augment({}) == ()


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("mixup", "image", "augment for images knows flip, crop, rotation.*received 'mixup'"),
        ("flip", "signal", "augment for signals knows shift, scale, noise; received 'flip'"),
        ("crop=1.5", "image", "crop takes a whole number of pixels from 0 up, as in crop=4; rec"),
        ("crop=-1", "image", "crop takes a whole number of pixels from 0 up"),
        ("flip=2", "image", "flip takes a number from 0 to 1, as in flip=0.5; received '2'"),
        ("noise=much", "image", "noise takes a number from 0 to 255.*received 'much'"),
        ("rotation=nan", "image", "rotation takes a number from 0 up"),
        ("rotation=inf", "image", "rotation takes a number from 0 up"),
        ("flip,flip=1", "image", "augment must name each augmentation once; received flip, flip"),
    ],
)
def test_bad_augmentations_are_refused(value, kind, message):
    with pytest.raises(ValueError, match=message):
        parse_augment(value, kind)


def test_other_types_are_refused():
    with pytest.raises(
        TypeError, match="augment must be made of names such as 'crop=4'; received 3"
    ):
        parse_augment([3])
