import itertools

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage, stats

from kzoo.data import image_operations as module
from kzoo.data.image_operations import BICUBIC, BILINEAR, NEAREST, operate
from tests.peers import import_timm

RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.randint(0, 256, (64, 12, 10, 3)).astype(np.uint8)
SMOOTH = ndimage.gaussian_filter(RANDOM.rand(29, 40, 3) * 255, (3, 3, 0))
SMOOTH = ((SMOOTH - SMOOTH.min()) / np.ptp(SMOOTH) * 220 + 10).astype(np.uint8)
COLOUR = Image.fromarray(SMOOTH)
BOTH = pytest.mark.parametrize("image", [COLOUR, COLOUR.convert("L")], ids=["colour", "grey"])


def rng():
    return np.random.default_rng(7)


def functional():
    import_timm()
    from torchvision.transforms import functional

    return functional


def same(image, other):
    assert image.mode == other.mode
    np.testing.assert_array_equal(np.asarray(image), np.asarray(other))


@BOTH
@pytest.mark.parametrize(
    ("name", "theirs", "amounts"),
    [
        ("brightness", "adjust_brightness", (0.0, 0.6, 1.0, 1.4)),
        ("contrast", "adjust_contrast", (0.0, 0.6, 1.0, 1.4)),
        ("saturation", "adjust_saturation", (0.0, 0.6, 1.0, 1.4)),
        ("sharpness", "adjust_sharpness", (0.01, 0.6, 1.0, 1.9)),
        ("hue", "adjust_hue", (-0.5, -0.25, -0.1, 0.0, 0.003, 0.1, 0.25)),
        ("posterize", "posterize", (1, 4, 7, 8)),
        ("solarize", "solarize", (0, 0.5, 127.5, 128, 255, 256)),
        ("autocontrast", "autocontrast", (None,)),
        ("equalize", "equalize", (None,)),
        ("invert", "invert", (None,)),
    ],
)
def test_tones_equal_torchvisions(image, name, theirs, amounts):
    theirs = getattr(functional(), theirs)
    for amount in amounts:
        expected = theirs(image) if amount is None else theirs(image, amount)
        same(operate(image, name, amount or 0.0, NEAREST, 0), expected)


@BOTH
@pytest.mark.parametrize("resample", [NEAREST, BILINEAR, BICUBIC])
def test_geometry_equals_timms(image, resample):
    import_timm()
    from timm.data import auto_augment as timms

    fill = (124, 116, 104) if image.mode == "RGB" else 114
    theirs = {
        "shear_x": timms.shear_x,
        "shear_y": timms.shear_y,
        "translate_x": timms.translate_x_abs,
        "translate_y": timms.translate_y_abs,
        "rotate": timms.rotate,
    }
    for name, amount in itertools.product(theirs, (-0.3, 0.0, 0.17, 3.0, 11.5)):
        expected = theirs[name](image, amount, resample=resample, fillcolor=fill)
        same(operate(image, name, amount, resample, fill), expected)


@BOTH
def test_solarize_add_equals_timms(image):
    import_timm()
    from timm.data.auto_augment import solarize_add

    for amount in (0, 30, 110):
        same(operate(image, "solarize_add", amount, NEAREST, 0), solarize_add(image, amount))


@BOTH
def test_posterize_to_no_bit_is_black(image):
    assert np.asarray(operate(image, "posterize", 0, NEAREST, 0)).max() == 0


def test_rotation_is_counter_clockwise_about_the_centre_as_scipys():
    angles = [17.0, -70.0, 143.0]
    turned = module._rotate(np.stack([SMOOTH] * 3), angles)
    inside = np.hypot(*np.meshgrid(np.arange(40) - 19.5, np.arange(29) - 14)) < 13
    for ours, angle in zip(turned, angles):
        theirs = ndimage.rotate(SMOOTH.astype(float), angle, reshape=False, order=1)
        np.testing.assert_allclose(ours[inside], theirs[inside], atol=1.01)


def test_rotation_of_many_channels_is_that_of_each():
    five = np.concatenate([IMAGES, IMAGES[..., :2]], axis=-1)
    turned = module.rotation(five, 40, rng())
    np.testing.assert_array_equal(turned[..., :3], module.rotation(IMAGES, 40, rng()))
    np.testing.assert_array_equal(turned[..., 3:], turned[..., :2])


@pytest.mark.parametrize("limit", [15, 180])
def test_rotation_angles_are_uniform_within_the_limit(limit):
    # A dot 16 pixels right of the centre shows the angle.
    image = np.zeros((1, 41, 41, 1), np.uint8)
    image[0, 19:22, 35:38] = 255
    turned = module.rotation(np.repeat(image, 500, 0), limit, rng())[..., 0].astype(float)
    rows, columns = np.indices((41, 41)) - 20
    angle = np.degrees(np.arctan2((turned * rows).sum((1, 2)), (turned * columns).sum((1, 2))))
    assert np.abs(angle).max() <= limit + 1
    assert stats.kstest(angle, stats.uniform(-limit, 2 * limit).cdf).pvalue > 0.01


def test_colour_is_torchvisions_colour_jitter(monkeypatch):
    changed = functional()
    theirs = {
        "brightness": changed.adjust_brightness,
        "contrast": changed.adjust_contrast,
        "saturation": changed.adjust_saturation,
        "hue": changed.adjust_hue,
    }
    drawn = {name: [] for name in theirs}
    orders = []

    def recorder(name, ours):
        def record(image, amount):
            drawn[name].append(amount)
            orders.append(name)
            same(ours(image, amount), theirs[name](image, amount))
            return ours(image, amount)

        return record

    for name in theirs:
        monkeypatch.setitem(module.TONES, name, recorder(name, module.TONES[name]))
    module.colour(np.repeat(IMAGES, 8, 0), 0.4, rng())
    for name, amounts in drawn.items():
        low, width = (-0.1, 0.2) if name == "hue" else (0.6, 0.8)
        assert len(amounts) == 512
        assert stats.kstest(amounts, stats.uniform(low, width).cdf).pvalue > 0.01
    names, counts = np.unique(np.reshape(orders, (512, 4)), axis=0, return_counts=True)
    assert len(names) == 24
    assert stats.chisquare(counts).pvalue > 0.01


def test_grey_has_the_luma_of_torchvision_and_its_share():
    many = np.repeat(IMAGES, 16, 0)
    greyed = module.grey(many, 0.3, rng())
    chosen = (greyed != many).any((1, 2, 3))
    assert 0.27 < chosen.mean() < 0.33
    for ours, image in zip(greyed[chosen][::40], many[chosen][::40]):
        theirs = functional().to_grayscale(Image.fromarray(image), num_output_channels=3)
        np.testing.assert_array_equal(ours, np.asarray(theirs))
