"""Random operations on whole batches in NumPy, each example by its own random amount.

Every function takes a batch, a strength and a `numpy.random.Generator`, and returns a new batch.
Images are uint8 (batch, height, width, channels) of any number of channels, signals float32
(batch, length, channels).
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from kzoo.constants import STATISTICS

# Erased pixels are those of ImageNet, as timm erases after normalising.
_MEAN = 255 * np.array(STATISTICS["imagenet"].mean, np.float32)
_DEVIATION = 255 * np.array(STATISTICS["imagenet"].std, np.float32)
_AREA = (0.02, 1 / 3)
_ASPECT = (0.3, 1 / 0.3)
_TRIES = 10


def flip(x, strength, rng):
    """Mirror left and right with probability `strength`."""
    chosen = np.flatnonzero(rng.random(len(x)) < strength)
    out = x.copy()
    images = x[chosen]
    for channel in range(x.shape[-1]):  # several times as fast as all channels at once
        out[chosen, :, :, channel] = images[:, :, ::-1, channel]
    return out


def crop(x, strength, rng):
    """Pad by `strength` black pixels on every side and cut the size back at a random offset."""
    pad = int(strength)
    count, rows, columns, channels = x.shape
    padded = np.zeros((count, rows + 2 * pad, columns + 2 * pad, channels), x.dtype)
    padded[:, pad : pad + rows, pad : pad + columns] = x
    # One gather for the batch: a loop over images hands the interpreter's lock about.
    lines = padded.reshape(count, rows + 2 * pad, -1)
    windows = sliding_window_view(lines, (rows, columns * channels), axis=(1, 2))
    top, left = rng.integers(0, 2 * pad + 1, (2, count))
    return windows[np.arange(count), top, left * channels].reshape(x.shape)


def noise(x, strength, rng):
    """Add Gaussian noise of deviation `strength` grey levels."""
    out = np.empty_like(x)
    for position, image in enumerate(x):
        noisy = image + np.float32(strength) * rng.standard_normal(image.shape, np.float32)
        out[position] = _to_grey_levels(noisy)
    return out


def cutout(x, strength, rng):
    """Replace a square of `strength` pixels about a random pixel by ImageNet's mean colour.

    DeVries and Taylor, Improved Regularization of Convolutional Neural Networks with Cutout, arXiv
    1708.04552, section 3: the square may reach over the border; they erase normalised images by 0.
    """
    side = int(strength)
    rows, columns = x.shape[1:3]
    colour = _to_grey_levels(_per_channel(_MEAN, x.shape[-1]))
    out = x.copy()
    centres = zip(rng.integers(0, rows, len(x)), rng.integers(0, columns, len(x)))
    for image, (row, column) in zip(out, centres):
        top, left = row - side // 2, column - side // 2
        image[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = colour
    return out


def erasing(x, strength, rng):
    """Fill a random rectangle with noise, with probability `strength`.

    Zhong et al., Random Erasing Data Augmentation, arXiv 1708.04896, algorithm 1, with timm's
    numbers and filling (mode "pixel", of its training script): 0.02 to 1/3 of the area, an aspect
    of 0.3 to 10/3 even in its logarithm, and pixels that are standard normal once ImageNet's
    statistics normalise them, here clipped to 0..255. An image too narrow for ten such rectangles
    in a row stays as it is.
    """
    channels = x.shape[-1]
    mean, deviation = _per_channel(_MEAN, channels), _per_channel(_DEVIATION, channels)
    chosen = np.flatnonzero(rng.random(len(x)) < strength)
    out = x.copy()
    for position, box in zip(chosen, _erased_boxes(len(chosen), x.shape[1], x.shape[2], rng)):
        pixels = out[position][box]
        filling = mean + deviation * rng.standard_normal(pixels.shape, np.float32)
        out[position][box] = _to_grey_levels(filling)
    return out


def _erased_boxes(count, rows, columns, rng):
    """Return `count` pairs of slices, empty ones where no rectangle fitted."""
    area = rng.uniform(*_AREA, (count, _TRIES)) * rows * columns
    aspect = np.exp(rng.uniform(*map(math.log, _ASPECT), (count, _TRIES)))
    heights = np.rint(np.sqrt(area * aspect)).astype(int)
    widths = np.rint(np.sqrt(area / aspect)).astype(int)
    fits = (heights < rows) & (widths < columns)
    first = np.arange(count), fits.argmax(axis=1)
    height = np.where(fits[first], heights[first], 0)
    width = np.where(fits[first], widths[first], 0)
    top, left = rng.integers(0, rows - height + 1), rng.integers(0, columns - width + 1)
    edges = zip(top, top + height, left, left + width)
    return [(slice(y, y_end), slice(x, x_end)) for y, y_end, x, x_end in edges]


def _per_channel(values, channels):
    """Return the three values, or their average for any other number of channels."""
    return values if channels == 3 else np.full(channels, values.mean(), np.float32)


def _to_grey_levels(x):
    """Round and clip to uint8."""
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)


def shift(x, strength, rng):
    """Roll by up to `strength` times the length, to either side."""
    count, length = x.shape[:2]
    limit = int(strength * length)
    offsets = rng.integers(-limit, limit + 1, (count, 1))
    return x[np.arange(count)[:, None], (np.arange(length) - offsets) % length]


def scale(x, strength, rng):
    """Multiply by a factor within 1 +- `strength`."""
    return x * rng.uniform(1 - strength, 1 + strength, (len(x), 1, 1)).astype(np.float32)


def signal_noise(x, strength, rng):
    """Add Gaussian noise of deviation `strength`, in the units of the signal."""
    return x + np.float32(strength) * rng.standard_normal(x.shape, np.float32)
