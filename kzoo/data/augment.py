"""Augmentations by name: what they are called, their strengths, and applying them to a batch."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from kzoo.data.batch_operations import (
    crop,
    cutout,
    erasing,
    flip,
    noise,
    scale,
    shift,
    signal_noise,
)
from kzoo.data.image_operations import colour, grey, rotation
from kzoo.data.policies import augmix, randaugment, trivialaugment
from kzoo.data.random_crop import resized_crop


@dataclasses.dataclass(frozen=True)
class _Row:
    """One augmentation, its default and largest strength, and what else it accepts.

    `whole` strengths are whole numbers; `in_pillow` needs images of 1 or 3 channels.
    """

    apply: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
    default: float
    largest: float
    whole: bool = False
    in_pillow: bool = False


# Defaults: crop and flip as in He et al. 2016 (arXiv 1512.03385) section 4.2; cutout as DeVries and
# Taylor have it for CIFAR-10; erasing, RandAugment and AugMix as in timm's recipes; grey as in
# MoCo v2; shift and scale as in Prince, Understanding Deep Learning, notebook 9.5.
AUGMENTATIONS = {
    "image": {
        "flip": _Row(flip, 0.5, 1),
        "crop": _Row(crop, 4, math.inf, whole=True),
        "rotation": _Row(rotation, 15, math.inf),
        "colour": _Row(colour, 0.4, 1, in_pillow=True),
        "grey": _Row(grey, 0.2, 1, in_pillow=True),
        "noise": _Row(noise, 8, 255),
        "cutout": _Row(cutout, 16, math.inf, whole=True),
        "erasing": _Row(erasing, 0.25, 1),
        "randaugment": _Row(randaugment, 7, 10, in_pillow=True),
        "trivialaugment": _Row(trivialaugment, 1, 1, whole=True, in_pillow=True),
        "augmix": _Row(augmix, 3, 10, in_pillow=True),
        "resized_crop": _Row(resized_crop, 0.08, 1, in_pillow=True),
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

    An item without a strength has the default. For images:

    - `resized_crop=0.08`: a part of at least this share of the area, scaled; before all others.
    - `flip=0.5`: left and right, with this probability.
    - `crop=4`: a window at random of the image padded by so many black pixels.
    - `rotation=15`: by up to so many degrees.
    - `colour=0.4`: brightness, contrast, saturation and hue, from 0 to 1.
    - `grey=0.2`: without colour, with this probability.
    - `noise=8`: Gaussian, of this deviation in grey levels.
    - `cutout=16`: a square of so many pixels.
    - `erasing=0.25`: a rectangle of noise, with this probability.
    - `randaugment=7`: two random operations of this magnitude of 10.
    - `trivialaugment`: one random operation of random strength.
    - `augmix=3`: an average of chains of operations of this severity of 10.

    For signals: `shift=0.5` (of the length), `scale=0.2`, `noise=0.05`.

    Args:
        value: `"flip,crop=4,rotation=15"`, a sequence of such items, or a mapping of name to
            strength.
        kind: `"image"` or `"signal"`.

    Raises:
        TypeError: something else than these.
        ValueError: an unknown or repeated name, or a strength that is not accepted.
    """
    if isinstance(value, str):
        value = [item for item in value.split(",") if item.strip()]
    if not isinstance(value, Iterable):
        raise TypeError(f"augment must be made of names such as 'crop=4'; received {value!r}.")
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
        images = " Images are uint8 (examples, height, width, channels)."
        raise ValueError(
            f"augment for {kind}s knows {', '.join(rows)}; received {name!r}."
            f"{images if name in AUGMENTATIONS['image'] else ''}"
        )
    row = rows[name]
    try:
        number = float(row.default if strength is None else strength)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and 0 <= number <= row.largest) or (
        row.whole and number != int(number)
    ):
        accepted = "a whole number" if row.whole else "a number"
        limit = f"from 0 to {row.largest:g}" if math.isfinite(row.largest) else "from 0 up"
        raise ValueError(
            f"augment {name} takes {accepted} {limit}, as in {name}={row.default:g}; "
            f"received {strength!r}."
        )
    return Augmentation(name, number)


def augment(
    x: np.ndarray,
    augmentations: tuple[Augmentation, ...],
    kind: str,
    rng: np.random.Generator,
) -> np.ndarray:
    """Apply `augmentations` in order to a batch, each example by its own random amounts.

    The result depends on the arguments alone, so threads may share this function, each with a
    generator of its own.

    Args:
        x: Images, uint8 (batch, height, width, channels), or signals, float32 (batch, length,
            channels). It is left as it is.
        augmentations: As from `parse_augment`.
        kind: `"image"` or `"signal"`.
        rng: What every random amount is drawn from.

    Returns:
        Batch of the same shape and type; `x` itself where nothing applies.

    Raises:
        TypeError: `x` of another type or rank.
        ValueError: an augmentation that images of so many channels do not have.
    """
    check_inputs(augmentations, kind, x.shape[1:], x.dtype)
    for item in augmentations:
        if item.strength and len(x):
            x = AUGMENTATIONS[kind][item.name].apply(x, item.strength, rng)
    return x


def check_inputs(
    augmentations: tuple[Augmentation, ...], kind: str, shape: tuple[int | None, ...], dtype
) -> None:
    """Refuse augmentations that examples of this kind, shape and type do not have."""
    wanted, axes = {
        "image": (np.uint8, "(height, width, channels)"),
        "signal": (np.float32, "(length, channels)"),
    }[kind]
    if dtype != wanted or len(shape) != axes.count(",") + 1:
        raise TypeError(
            f"augment takes {kind}s of {np.dtype(wanted)} and shape {axes}; received "
            f"{np.dtype(dtype)} and {tuple(shape)}, convert them."
        )
    channels = shape[-1]
    for item in augmentations:
        if AUGMENTATIONS[kind][item.name].in_pillow and channels not in (1, 3):
            raise ValueError(
                f"augment {item.name} takes images of 1 or 3 channels; received {channels} "
                "channels: leave it out."
            )
