"""Operations on images of 1 or 3 channels, image by image in Pillow.

Batches are uint8 (batch, height, width, channels).
"""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

NEAREST = Image.Resampling.NEAREST
BILINEAR = Image.Resampling.BILINEAR
BICUBIC = Image.Resampling.BICUBIC

Fill = int | tuple[int, ...]


def map_images(x: np.ndarray, change: Callable[[Image.Image, int], Image.Image]) -> np.ndarray:
    """Return the batch of `change(image, position)`."""
    out = np.empty_like(x)
    for position, array in enumerate(x):
        image = Image.fromarray(array if array.shape[-1] == 3 else array[..., 0])
        out[position] = np.asarray(change(image, position)).reshape(array.shape)
    return out


def rotation(x, strength, rng):
    """Turn by an angle within +-`strength` degrees about the centre, bilinear, black outside.

    Works for any number of channels.
    """
    limit = min(strength, 180.0)
    return _rotate(x, rng.uniform(-limit, limit, len(x)).tolist())


def _rotate(x, angles):
    """Turn counter-clockwise by degrees, one angle per image."""
    if x.shape[-1] in (1, 3):
        return map_images(x, lambda image, position: image.rotate(angles[position], BILINEAR))
    return np.concatenate([_rotate(plane, angles) for plane in np.split(x, x.shape[-1], -1)], -1)


def colour(x, strength, rng):
    """Change brightness, contrast, saturation and hue, in an order of its own for every image.

    torchvision's ColorJitter: the first three change by factors within 1 +- `strength`, the hue by
    up to `strength` / 4 of a turn. Grey images have brightness and contrast only.
    """
    factors = rng.uniform(1 - strength, 1 + strength, (len(x), 3))
    amounts = np.column_stack([factors, rng.uniform(-strength / 4, strength / 4, len(x))]).tolist()
    names = ("brightness", "contrast", "saturation", "hue")
    orders = rng.permuted(np.tile(np.arange(4), (len(x), 1)), axis=1).tolist()

    def change(image, position):
        for index in orders[position]:
            image = TONES[names[index]](image, amounts[position][index])
        return image

    return map_images(x, change)


def grey(x, strength, rng):
    """Replace the colours by their luma, with probability `strength`."""
    chosen = rng.random(len(x)) < strength
    out = x.copy()
    out[chosen] = map_images(x[chosen], lambda image, _: image.convert("L").convert(image.mode))
    return out


def _hue(image, turn):
    """Turn the hue by a fraction of a turn, in the 255 steps that torchvision takes."""
    if image.mode != "RGB":
        return image
    hue, saturation, value = image.convert("HSV").split()
    steps = int(turn * 255)
    hue = hue.point([(level + steps) % 256 for level in range(256)])
    return Image.merge("HSV", (hue, saturation, value)).convert("RGB")


def _posterize(image, bits):
    """Keep the highest bits, from none to 8; Pillow 13's own refuses none."""
    mask = 256 - 2 ** (8 - int(bits))
    return image.point([level & mask for level in range(256)] * len(image.getbands()))


def _solarize_add(image, amount):
    """Add `amount` to the levels below 128."""
    table = [min(255, level + amount) if level < 128 else level for level in range(256)]
    return image.point(table * len(image.getbands()))


# An image and an amount -> an image. The factors of the enhancements are 1 for no change.
TONES: dict[str, Callable[[Image.Image, float], Image.Image]] = {
    "identity": lambda image, _: image,
    "autocontrast": lambda image, _: ImageOps.autocontrast(image),
    "equalize": lambda image, _: ImageOps.equalize(image),
    "invert": lambda image, _: ImageOps.invert(image),
    "posterize": _posterize,
    "solarize": lambda image, threshold: ImageOps.solarize(image, math.ceil(threshold)),
    "solarize_add": _solarize_add,
    "brightness": lambda image, factor: ImageEnhance.Brightness(image).enhance(factor),
    "contrast": lambda image, factor: ImageEnhance.Contrast(image).enhance(factor),
    "saturation": lambda image, factor: ImageEnhance.Color(image).enhance(factor),
    "sharpness": lambda image, factor: ImageEnhance.Sharpness(image).enhance(factor),
    "hue": _hue,
}

# An amount -> where in the image the pixel (x, y) comes from, as Pillow's affine coefficients.
# Shears are tangents, translations pixels.
AFFINE: dict[str, Callable[[float], tuple[float, ...]]] = {
    "shear_x": lambda factor: (1, factor, 0, 0, 1, 0),
    "shear_y": lambda factor: (1, 0, 0, factor, 1, 0),
    "translate_x": lambda pixels: (1, 0, pixels, 0, 1, 0),
    "translate_y": lambda pixels: (1, 0, 0, 0, 1, pixels),
}


def operate(
    image: Image.Image, name: str, amount: float, resample: Image.Resampling, fill: Fill
) -> Image.Image:
    """Apply one operation of `TONES`, of `AFFINE`, or `"rotate"` by degrees counter-clockwise.

    `resample` and the colour `fill` of what comes from outside the image are for the last two.
    """
    if name in TONES:
        return TONES[name](image, amount)
    if name == "rotate":
        return image.rotate(amount, resample, fillcolor=fill)
    matrix = AFFINE[name](amount)
    return image.transform(image.size, Image.Transform.AFFINE, matrix, resample, fillcolor=fill)
