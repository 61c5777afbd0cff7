import types

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage, stats

from kzoo.data import policies
from kzoo.data.image_operations import AFFINE, BICUBIC, BILINEAR, NEAREST, operate
from tests.peers import import_timm

RANDOM = np.random.RandomState(0)
SMOOTH = ndimage.gaussian_filter(RANDOM.rand(29, 40, 3) * 255, (1, 1, 0)).astype(np.uint8)
COLOUR = Image.fromarray(SMOOTH)
BOTH = pytest.mark.parametrize("image", [COLOUR, COLOUR.convert("L")], ids=["colour", "grey"])
TIMM = {
    "autocontrast": "AutoContrast",
    "equalize": "Equalize",
    "invert": "Invert",
    "rotate": "Rotate",
    "posterize": "PosterizeIncreasing",
    "solarize": "SolarizeIncreasing",
    "solarize_add": "SolarizeAdd",
    "saturation": "ColorIncreasing",
    "contrast": "ContrastIncreasing",
    "brightness": "BrightnessIncreasing",
    "sharpness": "SharpnessIncreasing",
    "shear_x": "ShearX",
    "shear_y": "ShearY",
    "translate_x": "TranslateXRel",
    "translate_y": "TranslateYRel",
}
TORCHVISION = {
    "identity": "Identity",
    "shear_x": "ShearX",
    "shear_y": "ShearY",
    "translate_x": "TranslateX",
    "translate_y": "TranslateY",
    "rotate": "Rotate",
    "brightness": "Brightness",
    "saturation": "Color",
    "contrast": "Contrast",
    "sharpness": "Sharpness",
    "posterize": "Posterize",
    "solarize": "Solarize",
    "autocontrast": "AutoContrast",
    "equalize": "Equalize",
}


def rng():
    return np.random.default_rng(7)


def recorded(monkeypatch, policy, strength, count=6000):
    """Return the names, amounts, samplings and fills that a policy draws for `count` images."""
    calls = []

    def record(image, *call):
        calls.append(call)
        return image

    monkeypatch.setattr(policies, "operate", record)
    images = np.arange(count, dtype=np.uint32).view(np.uint8).reshape(count, 2, 2, 1)
    np.testing.assert_array_equal(policy(images, strength, rng()), images)
    names, amounts, samplings, fills = zip(*calls)
    return np.array(names), np.array(amounts), samplings, fills


def chosen_as_often(names, table):
    assert set(names) == set(table)
    return stats.chisquare(np.unique(names, return_counts=True)[1]).pvalue > 0.01


@BOTH
def test_randaugment_has_timms_operations_and_ranges(monkeypatch, image):
    import_timm()
    from timm.data import auto_augment as timms

    transform = timms.rand_augment_transform("rand-m7-mstd0.5-inc1")
    assert len(transform.ops) == len(policies.RANDAUGMENT)
    assert {operation.name for operation in transform.ops} == set(TIMM.values())
    fill = policies._mean_colour(len(image.getbands()))
    sampling = {"resample": BICUBIC, "fillcolor": fill}
    for sign in (-1, 1):
        # timm negates where the number drawn is above 0.5.
        fixed = types.SimpleNamespace(random=lambda sign=sign: 0.5 - sign / 4)
        monkeypatch.setattr(timms, "random", fixed)
        for name, theirs in TIMM.items():
            for magnitude in (0, 0.3, 2.5, 5, 6.9, 7.2, 8.1, 10):
                level = timms.LEVEL_TO_ARG[theirs] or (lambda *_: ())
                arguments = level(magnitude, {"translate_pct": 0.45})
                if arguments == (0,) and name == "posterize":  # Pillow 13 fails there
                    expected = Image.new(image.mode, image.size, 0)
                else:
                    expected = timms.NAME_TO_OP[theirs](image, *arguments, **sampling)
                amount = policies.RANDAUGMENT[name](sign * magnitude / 10, image.size)
                if arguments and not name.startswith("translate"):
                    assert amount == pytest.approx(arguments[0], abs=1e-12)
                ours = operate(image, name, amount, BICUBIC, fill)
                np.testing.assert_array_equal(np.asarray(ours), np.asarray(expected))


def test_randaugment_fills_with_timms_colour():
    import_timm()
    from timm.data.constants import IMAGENET_DEFAULT_MEAN

    colour = tuple(min(255, round(255 * value)) for value in IMAGENET_DEFAULT_MEAN)
    assert policies._mean_colour(3) == colour
    assert policies._mean_colour(1) == round(255 * np.mean(IMAGENET_DEFAULT_MEAN))


def test_randaugment_draws_as_timm_does(monkeypatch):
    names, amounts, samplings, fills = recorded(monkeypatch, policies.randaugment, 9.5)
    assert chosen_as_often(names, policies.RANDAUGMENT)
    assert 0.48 < len(names) / 12000 < 0.52
    assert 0.47 < np.mean([sampling == BICUBIC for sampling in samplings]) < 0.53
    assert set(samplings) == {BICUBIC, BILINEAR}
    assert set(fills) == {114}
    magnitudes = np.abs(amounts[names == "rotate"]) / 3
    below = magnitudes[magnitudes < 10]
    assert magnitudes.max() == 10
    np.testing.assert_allclose((magnitudes == 10).mean(), stats.norm.sf(1), atol=0.04)
    assert stats.kstest(below, stats.truncnorm(-19, 1, 9.5, 0.5).cdf).pvalue > 0.01
    assert 0.45 < (amounts[names == "shear_x"] > 0).mean() < 0.55


@BOTH
def test_trivialaugment_has_torchvisions_operations_and_ranges(image):
    import_timm()
    from torchvision.transforms import InterpolationMode, TrivialAugmentWide
    from torchvision.transforms.autoaugment import _apply_op

    space = TrivialAugmentWide()._augmentation_space(31)
    assert set(TORCHVISION.values()) == set(space)
    for name, theirs in TORCHVISION.items():
        magnitudes, signed = space[theirs]
        for position in range(31):
            for sign in (-1, 1) if signed else (1,):
                # float32 has 15.999999 pixels for 16, and they truncate.
                magnitude = round(float(magnitudes[position] if magnitudes.ndim else 0), 4) * sign
                expected = _apply_op(image, theirs, magnitude, InterpolationMode.NEAREST, None)
                # They move the image, we the place that pixels come from.
                ours_sign = -sign if name.startswith("translate") else sign
                amount = policies.TRIVIALAUGMENT[name](ours_sign * position / 30, image.size)
                ours = operate(image, name, amount, NEAREST, 0)
                np.testing.assert_array_equal(
                    np.asarray(ours), np.asarray(expected), err_msg=f"{name} {position} {sign}"
                )


def test_trivialaugment_draws_one_operation_and_one_of_31_levels(monkeypatch):
    names, amounts, samplings, fills = recorded(monkeypatch, policies.trivialaugment, 1)
    assert len(names) == 6000
    assert chosen_as_often(names, policies.TRIVIALAUGMENT)
    assert (set(samplings), set(fills)) == ({NEAREST}, {0})
    factors = amounts[np.isin(names, ["brightness", "contrast", "saturation", "sharpness"])]
    levels, counts = np.unique(np.rint((factors - 1) / 0.99 * 30), return_counts=True)
    np.testing.assert_array_equal(levels, np.arange(-30, 31))
    expected = np.where(levels == 0, 2, 1) * len(factors) / 62
    assert stats.chisquare(counts, expected).pvalue > 0.01


def test_augmix_has_the_ranges_of_torchvisions_without_the_tones_of_the_benchmark():
    import_timm()
    from torchvision.transforms import AugMix

    space = AugMix(all_ops=False)._augmentation_space(11, (29, 40))
    assert {TORCHVISION[name] for name in policies.AUGMIX} == set(space)
    for name, amount in policies.AUGMIX.items():
        magnitudes, _ = space[TORCHVISION[name]]
        if magnitudes.ndim:
            ours = [amount(position / 10, (40, 29)) for position in range(11)]
            # The authors' code, unlike torchvision's, takes whole numbers and thresholds to 256.
            tolerance = 1e-6 if name.startswith("shear") else 1.5
            np.testing.assert_allclose(ours, magnitudes.numpy(), atol=tolerance)


def test_augmix_draws_one_to_three_operations_in_three_chains(monkeypatch):
    names, amounts, samplings, fills = recorded(monkeypatch, policies.augmix, 3, count=2000)
    assert chosen_as_often(names, policies.AUGMIX)
    assert 5.9 < len(names) / 2000 < 6.1
    assert (set(samplings), set(fills)) == ({BILINEAR}, {0})
    shears = amounts[np.isin(names, list(AFFINE)[:2])] / 0.03
    assert stats.kstest(np.abs(shears), stats.uniform(0.1, 2.9).cdf).pvalue > 0.01
    assert 0.45 < (shears > 0).mean() < 0.55


def test_augmix_shares_are_uniform(monkeypatch):
    # Chains end in black, so what is left is the share of the image itself, Beta(1, 1).
    monkeypatch.setattr(policies, "operate", lambda image, *_: Image.new(image.mode, image.size, 0))
    mixed = policies.augmix(np.full((2000, 1, 1, 1), 250, np.uint8), 3, rng())
    assert stats.kstest(mixed.ravel() / 250, stats.uniform.cdf).pvalue > 0.01


def test_augmix_weights_are_dirichlet(monkeypatch):
    # The first chain ends in black and the image never shows: one less Beta(1, 2) is left.
    calls = iter(range(10**6))

    def first_chain_black(image, names, levels):
        return np.full((1, 1), 0 if next(calls) % 3 == 0 else 250, np.float32)

    monkeypatch.setattr(policies, "_apply_chain", first_chain_black)
    real = rng()
    only_chains = types.SimpleNamespace(
        **{name: getattr(real, name) for name in ("dirichlet", "integers", "uniform", "choice")},
        beta=lambda a, b, size: np.ones(size),
    )
    mixed = policies.augmix(np.full((2000, 1, 1, 1), 9, np.uint8), 3, only_chains)
    assert stats.kstest(1 - mixed.ravel() / 250, stats.beta(1, 2).cdf).pvalue > 0.01


def test_augmix_of_what_operations_leave_alone_is_the_image(monkeypatch):
    monkeypatch.setattr(policies, "operate", lambda image, *_: image)
    images = RANDOM.randint(0, 256, (50, 4, 5, 3)).astype(np.uint8)
    np.testing.assert_array_equal(policies.augmix(images, 3, rng()), images)
