"""Random crops beside torchvision's RandomResizedCrop."""

import numpy as np
import pytest
from PIL import Image
from scipy.stats import ks_2samp

from kzoo.data import ArraySource, Pipeline
from kzoo.data.random_crop import TRIES, choose_box, cut_and_scale
from tests.peers import import_timm


@pytest.mark.parametrize(
    ("height", "width", "smallest"),
    [(375, 500, 0.08), (500, 375, 0.35), (100, 100, 1.0), (50, 400, 0.5)],
)
def test_boxes_are_distributed_as_torchvisions(height, width, smallest):
    import_timm()
    torch = pytest.importorskip("torch")
    from torchvision.transforms import RandomResizedCrop

    torch.manual_seed(1)
    image = Image.new("L", (width, height))
    theirs = np.array(
        [RandomResizedCrop.get_params(image, (smallest, 1), (3 / 4, 4 / 3)) for _ in range(3000)]
    )
    draws = np.random.default_rng(2).random((3000, TRIES, 4))
    ours = np.array([choose_box(height, width, smallest, draw) for draw in draws])
    assert (ours[:, 0] >= 0).all()
    assert (ours[:, 0] + ours[:, 2] <= height).all()
    assert (ours[:, 1] + ours[:, 3] <= width).all()
    for statistic in (*range(4), "area", "ratio"):
        one, other = (_statistic(boxes, statistic) for boxes in (ours, theirs))
        assert ks_2samp(one, other).pvalue > 0.01


def _statistic(boxes, name):
    if name == "area":
        return boxes[:, 2] * boxes[:, 3]
    return boxes[:, 3] / boxes[:, 2] if name == "ratio" else boxes[:, name]


def test_boxes_that_never_fit_are_the_centre():
    draws = np.zeros((TRIES, 4))
    draws[:, 0] = 1 - 1e-9
    assert choose_box(10, 1000, 1.0, draws) == (0, 493, 10, 13)
    assert choose_box(1000, 10, 1.0, draws) == (493, 0, 13, 10)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_pixels_of_a_box_are_torchvisions(interpolation):
    import_timm()
    functional = pytest.importorskip("torchvision.transforms.functional")
    data = pytest.importorskip("skimage.data")
    draws = np.random.default_rng(0).random((5, TRIES, 4))
    for photo in (Image.fromarray(data.coffee()), Image.fromarray(data.camera())):
        for draw in draws:
            box = choose_box(photo.height, photo.width, 0.08, draw)
            mode = functional.InterpolationMode(interpolation)
            theirs = functional.resized_crop(photo, *box, [64, 48], mode)
            ours = cut_and_scale(photo, box, (64, 48), interpolation)
            np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def gradient(count):
    """Images whose pixels tell where they were."""
    rows, columns = np.mgrid[:32, :32] * 4
    return np.tile(np.stack([rows, columns, 0 * rows], -1).astype(np.uint8), (count, 1, 1, 1))


@pytest.mark.parametrize("image_size", [None, (16, 24)])
def test_in_memory_every_image_is_cut_anew(image_size):
    source = ArraySource({"train": (gradient(8), np.arange(8))})
    pipeline = Pipeline(
        source, batch_size=8, augment="resized_crop=0.2,flip=0", image_size=image_size
    )
    first, again, later = (pipeline.batch(*place)[0] for place in ((0, 0), (0, 0), (1, 0)))
    assert first.shape == (8, *(image_size or (32, 32)), 3)
    np.testing.assert_array_equal(first, again)
    spans = {tuple(np.ptp(image, (0, 1))) for image in np.concatenate([first, later])}
    assert len(spans) > 12  # sixteen images were cut at almost as many sizes
    assert max(max(span) for span in spans) <= 31 * 4


def test_files_are_cut_when_they_are_decoded(image_folder):
    from kzoo.data import open_source

    source = open_source(image_folder({"train/a": 4, "train/b": 4}, size=(40, 30)))
    pipeline = Pipeline(source, batch_size=8, augment="resized_crop", image_size=12, cache=False)
    held = Pipeline(source, batch_size=8, augment="resized_crop", image_size=12)
    for epoch in range(2):
        np.testing.assert_array_equal(pipeline.batch(epoch, 0)[0], held.batch(epoch, 0)[0])
    assert pipeline.batch(0, 0)[0].shape == (8, 12, 12, 3)


def test_resized_crop_of_0_is_none():
    source = ArraySource({"train": (gradient(4), np.arange(4))})
    pipeline = Pipeline(source, augment="resized_crop=0", shuffle=False)
    np.testing.assert_array_equal(pipeline.batch(0, 0)[0], gradient(4))
