import numpy as np
import pytest

from kzoo.data import ArraySource, Augmentation, Pipeline, parse_augment
from kzoo.data.augment import AUGMENTATIONS, augment
from kzoo.data.batch_operations import crop, erasing

RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.randint(0, 256, (64, 12, 10, 3)).astype(np.uint8)
GREY = np.ascontiguousarray(IMAGES[..., :1])
SIGNALS = RANDOM.randn(64, 20, 2).astype(np.float32)
# The crop that is made while decoding is tested with the pipeline.
NAMES = {
    kind: [name for name in rows if name != "resized_crop"] for kind, rows in AUGMENTATIONS.items()
}
EVERY = [(kind, name) for kind, names in NAMES.items() for name in names]
# Of these, two results may be equal although they were drawn apart.
FEW_OUTCOMES = ("flip", "grey", "erasing")


def apply(x, text, kind="image", seed=3):
    return augment(x, parse_augment(text, kind), kind, np.random.default_rng(seed))


def data(kind):
    return IMAGES if kind == "image" else SIGNALS


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_strength_0_is_the_identity(kind, name):
    np.testing.assert_array_equal(apply(data(kind), f"{name}=0", kind), data(kind))


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_depends_on_the_generator_and_on_nothing_else(kind, name):
    first = apply(data(kind), name, kind)
    np.random.seed(99)
    np.testing.assert_array_equal(apply(data(kind), name, kind), first)
    assert (apply(data(kind), name, kind, seed=4) != first).any()


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_the_batch_given_is_left_as_it_is(kind, name):
    given = data(kind).copy()
    given.flags.writeable = False
    changed = apply(given, name, kind)
    np.testing.assert_array_equal(given, data(kind))
    assert (changed != given).any()
    assert changed.flags.writeable


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_example_has_its_own(kind, name):
    same = np.repeat(data(kind)[:1], 64, axis=0)
    distinct = len(np.unique(apply(same, name, kind).reshape(64, -1), axis=0))
    assert distinct > (1 if name in FEW_OUTCOMES else 15)


@pytest.mark.parametrize("name", NAMES["image"])
@pytest.mark.parametrize("images", [IMAGES, GREY, IMAGES[:0]], ids=["colour", "grey", "none"])
def test_images_keep_their_shape_and_type(name, images):
    changed = apply(images, name)
    assert changed.shape == images.shape
    assert changed.dtype == np.uint8


@pytest.mark.parametrize("name", NAMES["signal"])
def test_signals_keep_their_shape_and_type(name):
    changed = apply(SIGNALS, name, "signal")
    assert changed.shape == SIGNALS.shape
    assert changed.dtype == np.float32


def test_in_the_order_given_from_one_generator():
    rng = np.random.default_rng(3)
    by_hand = erasing(crop(IMAGES, 2, rng), 0.5, rng)
    np.testing.assert_array_equal(apply(IMAGES, "crop=2,erasing=0.5"), by_hand)
    assert (apply(IMAGES, "erasing=0.5,crop=2") != by_hand).any()


@pytest.mark.parametrize("channels", [2, 4, 7])
def test_what_many_channels_have(channels):
    images = RANDOM.randint(0, 256, (8, 12, 10, channels)).astype(np.uint8)
    for name in NAMES["image"]:
        if AUGMENTATIONS["image"][name].in_pillow:
            with pytest.raises(
                ValueError,
                match=f"{name} takes images of 1 or 3 channels; received {channels} channels: lea",
            ):
                apply(images, name)
        else:
            assert apply(images, name).shape == images.shape


def test_inputs_are_checked_before_any_batch_is_made():
    def pipeline(x, augment):
        return Pipeline(ArraySource({"train": (x, np.zeros(len(x), int))}), augment=augment)

    assert pipeline(IMAGES, "flip,colour").shape == IMAGES.shape[1:]
    with pytest.raises(ValueError, match="augment colour takes images of 1 or 3 channels"):
        pipeline(np.concatenate([IMAGES, IMAGES], axis=-1), "flip,colour")
    with pytest.raises(TypeError, match=r"signals of float32 and .*; received float64 .* convert"):
        pipeline(SIGNALS.astype("float64"), "shift")
    with pytest.raises(ValueError, match=r"knows shift, scale, noise; received 'flip'. Images are"):
        pipeline(IMAGES / 255, "flip")
    with pytest.raises(TypeError, match=r"augment must be made of names .* received None"):
        pipeline(IMAGES, None)


@pytest.mark.parametrize(
    ("x", "kind", "message"),
    [
        (
            IMAGES[0],
            "image",
            r"images of uint8 and shape \(height, width, channels\); received uint8 and ",
        ),
        (IMAGES / 255, "image", r"images of uint8 .*; received float64 and \(12, 10, 3\), conv"),
        (SIGNALS[..., 0], "signal", r"signals of float32 and shape \(length, channels\); receiv"),
    ],
)
def test_other_batches_are_refused(x, kind, message):
    with pytest.raises(TypeError, match=message):
        augment(x, (), kind, np.random.default_rng(0))


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
        ("mixup", "image", "augment for images knows .*flip, crop, rotation.*received 'mixup'"),
        ("flip", "signal", "augment for signals knows shift, scale, noise; received 'flip'"),
        ("crop=1.5", "image", "crop takes a whole number from 0 up, as in crop=4; received '1.5'"),
        ("crop=-1", "image", "crop takes a whole number from 0 up"),
        ("flip=2", "image", "flip takes a number from 0 to 1, as in flip=0.5; received '2'"),
        ("noise=much", "image", "noise takes a number from 0 to 255.*received 'much'"),
        ("randaugment=11", "image", "randaugment takes a number from 0 to 10, as in randaugment=7"),
        ("trivialaugment=9", "image", "trivialaugment takes a whole number from 0 to 1, as in"),
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
