"""How the predictions of a classifier hold when its images are rotated."""

import numpy as np
import scipy.ndimage

from kzoo.analysis._call import evaluate


def rotation_consistency(model, images, angles, labels=None, batch_size=64):
    """Return, for each angle, the share of images that keep their class when rotated by it.

    Images are rotated about their middle with linear interpolation, and the edge is continued; a
    quarter turn of a square image moves pixels and changes none.

    Args:
        model: a layer, a model or a function from images to scores (batch, classes).
        images: array (n, height, width, channels).
        angles: degrees, counter-clockwise.
        labels: array (n,) of classes; where they are given, the result is the accuracy.
        batch_size: how many images are evaluated together.

    Returns:
        A float64 array, one share for each angle.

    Raises:
        ValueError: images or scores of another rank, one class, or labels of another number.
        TypeError: `model` cannot be called or has several outputs.

    Example:

    >>> images = np.random.default_rng(0).uniform(size=(4, 9, 9, 2))
    >>> kzoo.analysis.rotation_consistency(lambda x: x[:, 4, 4], images, [0, 45]).shape
    (2,)
    """
    images = np.asarray(images, "float32")
    if images.ndim != 4 or not len(images):
        raise ValueError(
            f"images must have the shape (n, height, width, channels); received {images.shape}."
        )
    labels = _classes(model, images, batch_size) if labels is None else np.asarray(labels)
    if labels.shape != images.shape[:1]:
        raise ValueError(
            f"labels must be one class for each of the {len(images)} images; received an array of "
            f"shape {labels.shape}."
        )
    return np.array(
        [np.mean(_classes(model, _rotated(images, a), batch_size) == labels) for a in angles]
    )


def _rotated(images, angle):
    """Rotate images counter-clockwise by an angle in degrees, about their middle."""
    turns, rest = divmod(angle, 90)
    if rest == 0 and (turns % 2 == 0 or images.shape[1] == images.shape[2]):
        return np.rot90(images, turns, axes=(1, 2))
    return scipy.ndimage.rotate(images, angle, axes=(2, 1), reshape=False, order=1, mode="nearest")


def _classes(model, images, batch_size):
    parts = [images[i : i + batch_size] for i in range(0, len(images), batch_size)]
    scores = np.concatenate([evaluate(model, part) for part in parts])
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise ValueError(
            "model must return scores (batch, classes) of two classes at least; received an array "
            f"of shape {scores.shape}."
        )
    return scores.argmax(axis=1)
