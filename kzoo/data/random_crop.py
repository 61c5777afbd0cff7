"""Crops of random size and ratio, as training on photographs uses them.

Szegedy et al., Going Deeper with Convolutions, CVPR 2015 (arXiv 1409.4842), section 6, with the
draws of torchvision's RandomResizedCrop: ten tries, then the largest centre of an accepted ratio.
"""

import math
from functools import partial

import numpy as np

from kzoo.data.images import view_pixels
from kzoo.data.resize import scale

TRIES = 10
RATIOS = (3 / 4, 4 / 3)


def choose_box(
    height: int, width: int, smallest: float, draws: np.ndarray
) -> tuple[int, int, int, int]:
    """Return (top, left, height, width) of a part of an image.

    Args:
        height: Of the image.
        width: Of the image.
        smallest: Least share of the image's area, 0..1; the area is uniform from there to all.
        draws: Uniform numbers in [0, 1), shape (TRIES, 4): area, ratio, top and left of each try.
    """
    for area_draw, ratio_draw, top_draw, left_draw in draws:
        area = height * width * (smallest + (1 - smallest) * area_draw)
        ratio = RATIOS[0] * (RATIOS[1] / RATIOS[0]) ** ratio_draw
        wide, tall = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < wide <= width and 0 < tall <= height:
            top = int(top_draw * (height - tall + 1))
            left = int(left_draw * (width - wide + 1))
            return top, left, tall, wide
    wide, tall = width, height
    if width / height < RATIOS[0]:
        tall = round(width / RATIOS[0])
    elif width / height > RATIOS[1]:
        wide = round(height * RATIOS[1])
    return (height - tall) // 2, (width - wide) // 2, tall, wide


def cut_and_scale(image, box: tuple[int, int, int, int], size: tuple[int, int], interpolation: str):
    """Return the part `box` of a Pillow image, scaled to `size` (height, width).

    It is cut out first: Pillow's `resize(box=...)` would let the filter see beyond the box.
    """
    top, left, height, width = box
    part = image.crop((left, top, left + width, top + height))
    return scale(part, size, interpolation)


def resized_crop(x: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Cut a part out of every image, of at least `strength` of its area, and scale it back.

    `Pipeline` does the same to each image as it is decoded, and at once to its size.
    """
    size = x.shape[1], x.shape[2]

    def cut(image, draw):
        return cut_and_scale(image, choose_box(*size, strength, draw), size, "bilinear")

    draws = rng.random((len(x), TRIES, 4))
    return np.stack(
        [view_pixels(image, None, partial(cut, draw=draw)) for image, draw in zip(x, draws)]
    )
