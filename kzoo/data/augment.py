"""Augmentation of whole batches, each example by its own random amount.

Every function takes a batch, a strength and a seed of shape (2,), and uses stateless random
operations only: what it does depends on the seed and on nothing else, in any number of threads.
Images are (batch, height, width, channels) in 0..255, signals (batch, length, channels).
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import tensorflow as tf

# Rows are luma and two chroma axes of the NTSC system (ITU-R 601 luma).
_YIQ_FROM_RGB = np.array(
    [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]], np.float32
)
_RGB_FROM_YIQ = np.linalg.inv(_YIQ_FROM_RGB)


def _uniform(x, seed, low, high):
    """Return one number per example, (batch,)."""
    return tf.random.stateless_uniform(tf.shape(x)[:1], seed, low, high)


def _per_example(values, x):
    """Reshape (batch,) so that it broadcasts over `x`."""
    return tf.reshape(values, [-1] + [1] * (x.shape.rank - 1))


def _clip(x):
    return tf.clip_by_value(x, 0.0, 255.0)


def flip(x, strength, seed):
    """Mirror left and right with probability `strength`."""
    mirrored = _per_example(_uniform(x, seed, 0.0, 1.0) < strength, x)
    return tf.where(mirrored, tf.reverse(x, [2]), x)


def crop(x, strength, seed):
    """Pad by `strength` black pixels on every side and cut the size back at a random offset."""
    pad = int(strength)
    rows, columns = x.shape[1], x.shape[2]
    offsets = tf.random.stateless_uniform([tf.shape(x)[0], 2], seed, 0, 2 * pad + 1, tf.int32)
    x = tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
    x = tf.gather(x, offsets[:, :1] + tf.range(rows), axis=1, batch_dims=1)
    return tf.gather(x, offsets[:, 1:] + tf.range(columns), axis=2, batch_dims=1)


def rotation(x, strength, seed):
    """Turn by an angle within +-`strength` degrees about the centre, bilinear, black outside."""
    limit = math.radians(min(strength, 180.0))
    angle = _uniform(x, seed, -limit, limit)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    middle_y, middle_x = (x.shape[1] - 1) / 2, (x.shape[2] - 1) / 2
    shift_x = middle_x - (cosine * middle_x - sine * middle_y)
    shift_y = middle_y - (sine * middle_x + cosine * middle_y)
    zero = tf.zeros_like(angle)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(x, tf.float32),
        transforms=tf.stack([cosine, -sine, shift_x, sine, cosine, shift_y, zero, zero], axis=1),
        output_shape=x.shape[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def colour(x, strength, seed):
    """Change brightness, contrast, saturation and hue.

    The first three are multiplied by factors within 1 +- `strength`, the hue turns by up to
    `strength` / 4 of a turn, at constant luma (in YIQ). Images that are not of three channels get
    brightness and contrast.
    """
    seeds = tf.random.split(seed, 4)
    x = tf.cast(x, tf.float32)
    luma = x
    if x.shape[-1] == 3:
        saturation = _uniform(x, seeds[2], 1 - strength, 1 + strength)
        turn = strength * math.pi / 2
        x = _change_chroma(x, saturation, _uniform(x, seeds[3], -turn, turn))
        luma = tf.tensordot(x, _YIQ_FROM_RGB[0], 1)
    brightness = _uniform(x, seeds[0], 1 - strength, 1 + strength)
    contrast = _uniform(x, seeds[1], 1 - strength, 1 + strength)
    mean = tf.reduce_mean(luma, axis=list(range(1, luma.shape.rank)))
    factor = _per_example(brightness * contrast, x)
    return _clip(factor * x + _per_example(brightness * (1 - contrast) * mean, x))


def _change_chroma(x, saturation, turn):
    """Scale and turn the chroma of RGB images by one amount per image."""
    along, across = saturation * tf.cos(turn), saturation * tf.sin(turn)
    zero, one = tf.zeros_like(turn), tf.ones_like(turn)
    change = tf.stack([one, zero, zero, zero, along, -across, zero, across, along], axis=1)
    change = _RGB_FROM_YIQ @ tf.reshape(change, [-1, 3, 3]) @ _YIQ_FROM_RGB
    pixels = tf.reshape(x, [-1, x.shape[1] * x.shape[2], 3])
    return tf.reshape(tf.matmul(pixels, change, transpose_b=True), tf.shape(x))


def noise(x, strength, seed):
    """Add Gaussian noise of deviation `strength` grey levels."""
    return _clip(signal_noise(x, strength, seed))


def signal_noise(x, strength, seed):
    """Add Gaussian noise of deviation `strength`, in the units of the signal."""
    x = tf.cast(x, tf.float32)
    return x + strength * tf.random.stateless_normal(tf.shape(x), seed)


def shift(x, strength, seed):
    """Roll by up to `strength` times the length, to either side."""
    length = x.shape[1]
    limit = int(strength * length)
    offsets = tf.random.stateless_uniform([tf.shape(x)[0], 1], seed, -limit, limit + 1, tf.int32)
    return tf.gather(x, (tf.range(length) - offsets) % length, axis=1, batch_dims=1)


def scale(x, strength, seed):
    """Multiply by a factor within 1 +- `strength`."""
    return x * _per_example(_uniform(x, seed, 1 - strength, 1 + strength), x)


@dataclasses.dataclass(frozen=True)
class _Row:
    apply: Callable
    default: float
    largest: float
    whole: bool = False


# Defaults: crop and flip as in He et al. 2016 (arXiv 1512.03385) section 4.2; shift and scale as
# in Prince, Understanding Deep Learning, notebook 9.5.
AUGMENTATIONS = {
    "image": {
        "flip": _Row(flip, 0.5, 1),
        "crop": _Row(crop, 4, math.inf, whole=True),
        "rotation": _Row(rotation, 15, math.inf),
        "colour": _Row(colour, 0.4, 1),
        "noise": _Row(noise, 8, 255),
    },
    "signal": {
        "shift": _Row(shift, 0.5, 0.5),
        "scale": _Row(scale, 0.2, 1),
        "noise": _Row(signal_noise, 0.05, math.inf),
    },
}


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """One augmentation by name, with its strength; 0 changes nothing."""

    name: str
    strength: float


Augmentations = str | Iterable[str | Augmentation] | Mapping[str, float]


def parse_augment(value: Augmentations, kind: str = "image") -> tuple[Augmentation, ...]:
    """Return the augmentations that `value` names, in its order.

    Args:
        value: `"flip,crop=4,rotation=15"`, a sequence of such items, or a mapping of name to
            strength. An item without a strength has the default: images flip=0.5 (probability),
            crop=4 (pixels), rotation=15 (degrees), colour=0.4, noise=8 (grey levels); signals
            shift=0.5 (of the length), scale=0.2, noise=0.05.
        kind: `"image"` or `"signal"`.

    Raises:
        ValueError: an unknown or repeated name, or a strength that is not accepted.
    """
    if isinstance(value, str):
        value = [item for item in value.split(",") if item.strip()]
    items = value.items() if isinstance(value, Mapping) else (_name_and_strength(i) for i in value)
    parsed = tuple(_checked(name, strength, kind) for name, strength in items)
    names = [item.name for item in parsed]
    if len(set(names)) < len(names):
        raise ValueError(f"augment must name each augmentation once; received {', '.join(names)}.")
    return parsed


def _name_and_strength(item: str | Augmentation) -> tuple[str, float | str | None]:
    if isinstance(item, Augmentation):
        return item.name, item.strength
    if not isinstance(item, str):
        raise TypeError(f"augment must be made of names such as 'crop=4'; received {item!r}.")
    name, separator, strength = item.partition("=")
    return name.strip(), strength if separator else None


def _checked(name: str, strength: float | str | None, kind: str) -> Augmentation:
    """Return the augmentation, or refuse its name or strength."""
    rows = AUGMENTATIONS[kind]
    if name not in rows:
        raise ValueError(f"augment for {kind}s knows {', '.join(rows)}; received {name!r}.")
    row = rows[name]
    try:
        number = float(row.default if strength is None else strength)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and 0 <= number <= row.largest) or (
        row.whole and number != int(number)
    ):
        accepted = "a whole number of pixels" if row.whole else "a number"
        limit = f"from 0 to {row.largest:g}" if math.isfinite(row.largest) else "from 0 up"
        raise ValueError(
            f"augment {name} takes {accepted} {limit}, as in {name}={row.default:g}; "
            f"received {strength!r}."
        )
    return Augmentation(name, number)


def augment(x, augmentations: tuple[Augmentation, ...], kind: str, seed):
    """Apply `augmentations` in order to a batch.

    Args:
        x: Batch of images or signals of static shape but for the batch.
        augmentations: As from `parse_augment`.
        kind: `"image"` or `"signal"`.
        seed: Integer tensor, shape (2,).
    """
    seeds = tf.random.split(seed, max(len(augmentations), 1))
    for position, item in enumerate(augmentations):
        if item.strength:
            x = AUGMENTATIONS[kind][item.name].apply(x, item.strength, seeds[position])
    return x
