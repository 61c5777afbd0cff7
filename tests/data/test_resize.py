"""Evaluation preprocessing beside torchvision and timm, pixel by pixel."""

import itertools

import numpy as np
import pytest
from PIL import Image

from kzoo.data import Resize
from tests.peers import import_timm

CROPS = (1.0, 0.95, 0.875)


@pytest.fixture(scope="module")
def photographs():
    """Landscape, portrait, square, small and grey photographs."""
    data = pytest.importorskip("skimage.data")
    images = [Image.fromarray(image()) for image in (data.coffee, data.astronaut, data.chelsea)]
    coffee, astronaut, cat = images
    tall = cat.transpose(Image.Transpose.ROTATE_90).crop((0, 5, 299, 448))
    return [coffee, astronaut, tall, coffee.resize((90, 61)), Image.fromarray(data.camera())]


def assert_same(ours, theirs):
    ours = np.asarray(ours)
    assert ours.ndim == np.asarray(theirs).ndim
    np.testing.assert_array_equal(ours, np.asarray(theirs))


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("size", [96, 129, 224])
def test_pixels_are_torchvisions(photographs, size, interpolation):
    import_timm()
    transforms = pytest.importorskip("torchvision.transforms")
    for crop, photo in itertools.product(CROPS, photographs):
        theirs = transforms.Compose(
            [
                transforms.Resize(int(size / crop), transforms.InterpolationMode(interpolation)),
                transforms.CenterCrop(size),
            ]
        )
        assert_same(Resize(size, crop, interpolation)(photo), theirs(photo))


@pytest.mark.parametrize("mode", ["center", "squash", "border"])
@pytest.mark.parametrize("size", [97, (128, 192), (200, 96)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos", "box", "hamming"])
def test_pixels_are_timms(photographs, size, mode, interpolation):
    import_timm()
    from timm.data import create_transform

    for crop, photo in itertools.product(CROPS, photographs):
        if photo.mode == "L" and mode == "border":
            continue  # timm fills with three colours there
        transform = create_transform(
            (3, size, size) if isinstance(size, int) else size,
            is_training=False,
            crop_pct=crop,
            crop_mode=mode,
            interpolation=interpolation,
        )
        theirs = photo
        for step in transform.transforms[:-2]:  # the last two make a tensor and normalise it
            theirs = step(theirs)
        assert_same(Resize(size, crop, interpolation, mode)(photo), theirs)


def test_border_of_a_grey_image_is_the_average_of_the_fill():
    image = Image.new("L", (40, 20), 7)
    result = np.asarray(Resize(20, mode="border", fill=(10, 20, 60))(image))
    np.testing.assert_array_equal(result, np.r_[[[30] * 20] * 5, [[7] * 20] * 10, [[30] * 20] * 5])


@pytest.mark.parametrize(
    ("error", "options", "message"),
    [
        (ValueError, {"size": 0}, "size must be at least 1; received 0"),
        (TypeError, {"size": "224"}, "size must be an integer or 2 of them; received '224'"),
        (ValueError, {"crop": 0}, "crop must be above 0 and at most 1; received 0"),
        (ValueError, {"crop": 1.5}, "crop must be above 0 and at most 1; received 1.5"),
        (TypeError, {"crop": "0.9"}, "crop must be a number; received '0.9'"),
        (ValueError, {"interpolation": "cubic"}, "interpolation must be one of 'nearest', .* rec"),
        (ValueError, {"mode": "fit"}, "mode must be one of 'center', 'squash', 'border'; received"),
        (ValueError, {"fill": (0, 0, 256)}, r"fill must be at most 255; received \(0, 0, 256\)"),
        (ValueError, {"fill": (0, 0, -1)}, "fill must be at least 0; received -1"),
    ],
)
def test_bad_arguments_are_refused(error, options, message):
    with pytest.raises(error, match=message):
        Resize(**{"size": 224} | options)
