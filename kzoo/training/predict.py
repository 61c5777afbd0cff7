"""What a trained network sees in a file."""

import os
from typing import NamedTuple

import numpy as np

from kzoo.data import read_input
from kzoo.training.evaluate import predict_log_probabilities
from kzoo.training.run import Run


class Guess(NamedTuple):
    """A class and its probability."""

    class_name: str
    probability: float


def predict(run: Run | str | os.PathLike, inputs, top: int = 5) -> list[list[Guess]]:
    """Return the most probable classes of each input, the most probable first.

    Args:
        run: the run, or its folder.
        inputs: paths of images, or of `.npy` files for a network of signals, or one path.
        top: how many classes to return at most.

    Raises:
        RunError: the run folder is incomplete or damaged.
        ValueError: a file cannot be read, or `top` is below 1.
    """
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise ValueError(f"top must be an integer of at least 1; received {top!r}.")
    run = run if isinstance(run, Run) else Run.open(run)
    paths = [inputs] if isinstance(inputs, (str, os.PathLike)) else list(inputs)
    if not paths:
        raise ValueError("predict needs one input at least; received none.")
    kind = run.data["kind"]
    batch = np.stack([read_input(path, kind, run.shape, run.resize) for path in paths])
    probabilities = np.exp(predict_log_probabilities(run.model(), batch))
    return [
        [Guess(run.class_names[index], float(row[index])) for index in np.argsort(-row)[:top]]
        for row in probabilities
    ]
