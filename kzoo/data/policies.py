"""Policies that draw operations and their amounts at random for every image.

Each is a table of operations: name -> the amount for a level from -1 to 1, whose sign is drawn at
random and means nothing to operations of one direction, and the (width, height) of the image.
Batches are uint8 (batch, height, width, channels) of 1 or 3 channels.
"""

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from kzoo.constants import STATISTICS
from kzoo.data.image_operations import BICUBIC, BILINEAR, NEAREST, Fill, map_images, operate

Amounts = Mapping[str, Callable[[float, tuple[int, int]], float]]


def _none(level, size):
    return 0.0


def _enhance(level, size):
    return max(0.1, 1 + 0.9 * level)


# timm's operations of increasing severity, `rand-inc1`.
RANDAUGMENT: Amounts = {
    "autocontrast": _none,
    "equalize": _none,
    "invert": _none,
    "rotate": lambda level, size: 30 * level,
    "posterize": lambda level, size: 4 - int(4 * abs(level)),
    "solarize": lambda level, size: 256 - int(256 * abs(level)),
    "solarize_add": lambda level, size: int(110 * abs(level)),
    "saturation": _enhance,
    "contrast": _enhance,
    "brightness": _enhance,
    "sharpness": _enhance,
    "shear_x": lambda level, size: 0.3 * level,
    "shear_y": lambda level, size: 0.3 * level,
    "translate_x": lambda level, size: 0.45 * level * size[0],
    "translate_y": lambda level, size: 0.45 * level * size[1],
}
_OPERATIONS = 2
_PROBABILITY = 0.5
_DEVIATION = 0.5


def randaugment(x, strength, rng):
    """Apply two random operations of magnitude `strength` of 10, each with probability 1/2.

    Cubuk et al., RandAugment, arXiv 1909.13719, as timm trains with it: `rand-m{strength}-n2-
    mstd0.5-inc1`. The magnitude is normal with deviation 0.5, clipped to 0..10; operations are
    drawn with replacement; geometric ones are bilinear or bicubic at random, with ImageNet's mean
    colour outside.
    """
    names = _draw(RANDAUGMENT, rng, (len(x), _OPERATIONS))
    applied = (rng.random(names.shape) < _PROBABILITY).tolist()
    levels = np.clip(rng.normal(strength, _DEVIATION, names.shape), 0, 10) / 10
    levels = (levels * _signs(rng, names.shape)).tolist()
    bicubic = (rng.random(names.shape) < 0.5).tolist()
    fill = _mean_colour(x.shape[-1])

    def change(image, position):
        for place, name in enumerate(names[position]):
            if applied[position][place]:
                amount = RANDAUGMENT[name](levels[position][place], image.size)
                resample = BICUBIC if bicubic[position][place] else BILINEAR
                image = operate(image, name, amount, resample, fill)
        return image

    return map_images(x, change)


def _wide_enhance(level, size):
    return 1 + 0.99 * level


TRIVIALAUGMENT: Amounts = {
    "identity": _none,
    "shear_x": lambda level, size: 0.99 * level,
    "shear_y": lambda level, size: 0.99 * level,
    "translate_x": lambda level, size: int(32 * level),
    "translate_y": lambda level, size: int(32 * level),
    "rotate": lambda level, size: 135 * level,
    "brightness": _wide_enhance,
    "saturation": _wide_enhance,
    "contrast": _wide_enhance,
    "sharpness": _wide_enhance,
    "posterize": lambda level, size: 8 - round(6 * abs(level)),
    "solarize": lambda level, size: 255 - 255 * abs(level),
    "autocontrast": _none,
    "equalize": _none,
}
_BINS = 31


def trivialaugment(x, strength, rng):
    """Apply one random operation of random strength.

    Müller and Hutter, TrivialAugment, arXiv 2103.10158, the wide space of table 8, as torchvision
    has it: 31 levels, nearest pixel, black outside. `strength` is 1: it is a switch.
    """
    names = _draw(TRIVIALAUGMENT, rng, len(x))
    levels = rng.integers(0, _BINS, len(x)) / (_BINS - 1) * _signs(rng, len(x))

    def change(image, position):
        name = names[position]
        amount = TRIVIALAUGMENT[name](float(levels[position]), image.size)
        return operate(image, name, amount, NEAREST, 0)

    return map_images(x, change)


AUGMIX: Amounts = {
    "autocontrast": _none,
    "equalize": _none,
    "posterize": lambda level, size: 4 - int(4 * abs(level)),
    "rotate": lambda level, size: int(30 * level),
    "solarize": lambda level, size: 256 - int(256 * abs(level)),
    "shear_x": lambda level, size: 0.3 * level,
    "shear_y": lambda level, size: 0.3 * level,
    "translate_x": lambda level, size: int(level * size[0] / 3),
    "translate_y": lambda level, size: int(level * size[1] / 3),
}
_WIDTH = 3
_DEPTH = 3


def augmix(x, strength, rng):
    """Average three chains of one to three random operations, and mix that into the image.

    Hendrycks et al., AugMix, arXiv 1912.02781, algorithm 1 and its authors' code: every operation
    has a level from 0.1 to the severity `strength`, of 10; the weights of the chains are drawn from
    Dirichlet(1, 1, 1), the share of their average from Beta(1, 1). Colour, contrast, brightness and
    sharpness are left out, as there: the benchmark of corruptions has them. Bilinear, black
    outside.
    """
    weights = rng.dirichlet([1.0] * _WIDTH, len(x)).astype(np.float32)
    shares = rng.beta(1.0, 1.0, len(x)).astype(np.float32)
    depths = rng.integers(1, _DEPTH + 1, (len(x), _WIDTH))
    shape = (len(x), _WIDTH, _DEPTH)
    names = _draw(AUGMIX, rng, shape)
    levels = rng.uniform(min(0.1, strength), strength, shape) / 10 * _signs(rng, shape)

    def change(image, position):
        mixture = np.zeros(np.shape(image), np.float32)
        for chain, depth in enumerate(depths[position]):
            chosen = names[position, chain, :depth], levels[position, chain, :depth].tolist()
            mixture += weights[position, chain] * _apply_chain(image, *chosen)
        mixed = (1 - shares[position]) * np.asarray(image) + shares[position] * mixture
        return Image.fromarray(np.clip(np.rint(mixed), 0, 255).astype(np.uint8))

    return map_images(x, change)


def _apply_chain(image, names, levels) -> np.ndarray:
    """Return the image after the operations of `AUGMIX`, as an array."""
    for name, level in zip(names, levels):
        image = operate(image, name, AUGMIX[name](level, image.size), BILINEAR, 0)
    return np.asarray(image)


def _draw(amounts: Amounts, rng, shape) -> np.ndarray:
    """Return names of operations, all equally likely, drawn with replacement."""
    return np.array(list(amounts))[rng.integers(0, len(amounts), shape)]


def _signs(rng, shape) -> np.ndarray:
    return rng.choice((-1.0, 1.0), shape)


def _mean_colour(channels: int) -> Fill:
    mean = STATISTICS["imagenet"].mean
    if channels == 1:
        return round(255 * sum(mean) / 3)
    return tuple(round(255 * value) for value in mean)
