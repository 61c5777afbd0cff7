"""Mixing the examples of a batch and their labels: mixup and CutMix.

Zhang et al., mixup: Beyond Empirical Risk Minimization, arXiv 1710.09412, section 2; Yun et al.,
CutMix: Regularization Strategy to Train Strong Classifiers, arXiv 1905.04899, section 3.1.
"""

import math

import numpy as np

# Numbers averaged at a time, so that they stay in the processor's cache.
_CHUNK = 2**17


def mix(
    x: np.ndarray,
    labels: np.ndarray,
    classes: int,
    mixup: float,
    cutmix: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Mix every example with the one as far from the other end of the batch.

    One share and one box serve the whole batch; where both ways are on, each batch takes one of
    them with probability 1/2. These are timm's `Mixup(mode="batch")`.

    Args:
        x: Images (n, height, width, channels) or signals (n, length, channels), of any type. It is
            left as it is.
        labels: Integers, shape (n,).
        classes: Number of classes.
        mixup: The share is drawn from Beta(mixup, mixup) and examples are averaged by it; 0 is off.
        cutmix: The share is drawn from Beta(cutmix, cutmix) and a box (of a signal, an interval) of
            the rest of the area comes from the partner, clipped at the border, where the share
            becomes the true one; 0 is off.
        rng: What every random amount is drawn from.

    Returns:
        Batch of the same type, integers rounded, and labels, float32 (n, classes), of sum one.

    Raises:
        ValueError: mixup or cutmix that is not a number from 0 up, or labels that are not n
            integers from 0 to classes - 1.
    """
    for name, alpha in (("mixup", mixup), ("cutmix", cutmix)):
        if not (math.isfinite(alpha) and alpha >= 0):
            raise ValueError(f"{name} must be a number from 0 up (0 is off); received {alpha!r}.")
    share, targets = 1.0, _one_hot(labels, len(x), classes)
    if cutmix and (not mixup or rng.random() < 0.5):
        x, share = _cut(x, rng.beta(cutmix, cutmix), rng)
    elif mixup:
        share = rng.beta(mixup, mixup)
        x = _average(x, share)
    return x, np.float32(share) * targets + np.float32(1 - share) * targets[::-1]


def _one_hot(labels: np.ndarray, count: int, classes: int) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels must be {count} integers, one for each example; received {labels.dtype} "
            f"{labels.shape}."
        )
    if count and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(
            f"labels must be from 0 to {classes - 1}, as there are {classes} classes; received "
            f"{labels.min()} to {labels.max()}."
        )
    return np.eye(classes, dtype=np.float32)[labels]


def _average(x: np.ndarray, share: float) -> np.ndarray:
    """Return `share` of every example and the rest of its partner."""
    dtype = np.result_type(x, np.float32)
    own, rest = dtype.type(share), dtype.type(1 - share)
    out, partners = np.empty_like(x), x[::-1]
    step = max(_CHUNK // max(x[:1].size, 1), 1)
    for start in range(0, len(x), step):
        part = slice(start, start + step)
        value = own * x[part] + rest * partners[part]
        out[part] = value if x.dtype.kind == "f" else np.rint(value)
    return out


def _cut(x: np.ndarray, share: float, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Return examples with a box of their partners, and the share that is their own."""
    size = x.shape[1:-1]
    sides = [int(length * (1 - share) ** (1 / len(size))) for length in size]
    centres = [rng.integers(length) for length in size]
    box = tuple(
        slice(max(centre - side // 2, 0), min(centre + (side + 1) // 2, length))
        for centre, side, length in zip(centres, sides, size)
    )
    out = x.copy()
    out[:, *box] = x[::-1][:, *box]
    covered = math.prod(part.stop - part.start for part in box)
    return out, 1 - covered / math.prod(size)
