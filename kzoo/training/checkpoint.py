"""Checkpoints: every variable of a training, and how far it has come.

One `.npz` file for each of the two newest checkpoints, which are of the end of an epoch or, where
epochs are long, of a step within one. It holds all model variables (the states of the random
generators behind dropout among them, which `.weights.h5` leaves out), all optimiser variables (the
loss scale among them), within an epoch the sums behind its metrics, and the `Progress`.
"""

import dataclasses
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from kzoo.training.files import replacing

_KEPT = 2


class CheckpointError(ValueError):
    """A checkpoint is damaged, or belongs to another training."""


@dataclass
class Progress:
    """How far a training has come.

    Attributes:
        epoch: epochs that are finished.
        finished: whether it has ended, be it early.
        history: one row for each finished epoch.
        best_epoch: epoch of the best validation so far, of several as accurate that of the lowest
            loss; 0 before the first.
        best_score: its validation accuracy and minus its validation loss.
        best_weights: the weights then; kept only where training may stop early.
        better_epoch: the last epoch whose validation accuracy was above that of all before.
        step: steps that are done of the next epoch.
        seconds: how long these took.
    """

    epoch: int = 0
    finished: bool = False
    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    best_score: tuple[float, float] = (-1.0, 0.0)
    best_weights: list[np.ndarray] = field(default_factory=list)
    better_epoch: int = 0
    step: int = 0
    seconds: float = 0.0

    def kept_row(self) -> dict[str, Any]:
        """Return the history's row of the epoch whose weights are kept."""
        return self.history[(self.best_epoch or self.epoch) - 1]


def save_checkpoint(folder: Path, groups: dict[str, list], progress: Progress):
    """Write a checkpoint into `folder`, and remove all but the newest two.

    Args:
        folder: where the checkpoints are.
        groups: variables by a name for their group, such as "model" and "optimizer".
        progress: how far the training has come.
    """
    folder.mkdir(exist_ok=True)
    arrays = {
        f"{group}/{index}": ops.convert_to_numpy(variable)
        for group, variables in groups.items()
        for index, variable in enumerate(variables)
    }
    arrays |= {f"best/{index}": array for index, array in enumerate(progress.best_weights)}
    plain = dataclasses.asdict(dataclasses.replace(progress, best_weights=[]))
    arrays["progress"] = np.frombuffer(json.dumps(plain).encode(), np.uint8)
    within = f"-step-{progress.step:09d}" if progress.step else ""
    with replacing(folder / f"epoch-{progress.epoch:06d}{within}.npz") as partial:
        np.savez(partial, **arrays)
    for old in _checkpoints(folder)[:-_KEPT]:
        old.unlink()


def load_checkpoint(folder: Path, say=print) -> dict[str, np.ndarray] | None:
    """Return the arrays of the newest checkpoint that can be read, or `None` where there is none.

    A damaged one is named through `say` before the one before it is taken.

    Raises:
        CheckpointError: all are damaged.
        OSError: one may not be read.
    """
    damaged = []
    for path in reversed(_checkpoints(folder)):
        with open(path, "rb") as file:
            try:
                with np.load(file, allow_pickle=False) as archive:
                    arrays = dict(archive)
            except (zipfile.BadZipFile, EOFError, ValueError, OSError):
                damaged.append(path)
                continue
        if damaged:
            say(f"checkpoint {damaged[0]} is damaged; going back to {path.name}")
        return arrays
    if damaged:
        raise CheckpointError(
            f"checkpoint {damaged[0]} is damaged and there is no older one; start again in "
            "another folder."
        )
    return None


def read_progress(arrays: dict[str, np.ndarray]) -> Progress:
    """Return the progress in a checkpoint's arrays."""
    plain = json.loads(arrays["progress"].tobytes())
    plain["best_score"] = tuple(plain["best_score"])
    plain.setdefault("better_epoch", plain["best_epoch"])  # of a run that did not tell them apart
    best = sum(key.startswith("best/") for key in arrays)
    return Progress(**plain | {"best_weights": [arrays[f"best/{n}"] for n in range(best)]})


def restore(arrays: dict[str, np.ndarray], groups: dict[str, list]):
    """Assign a checkpoint's arrays to the variables of `groups`, all of them or none.

    Raises:
        CheckpointError: numbers, shapes or dtypes of the variables differ.
    """
    pairs = []
    for group, variables in groups.items():
        saved = sum(key.startswith(f"{group}/") for key in arrays)
        if saved != len(variables):
            raise CheckpointError(
                f"the checkpoint has {saved} {group} variables and this training "
                f"{len(variables)}; resume with the model and the recipe that it was started with."
            )
        for index, variable in enumerate(variables):
            array = arrays[f"{group}/{index}"]
            if array.shape != tuple(variable.shape) or str(array.dtype) != str(variable.dtype):
                raise CheckpointError(
                    f"{variable.path} is {variable.dtype} of shape {tuple(variable.shape)}, and in "
                    f"the checkpoint {array.dtype} of shape {array.shape}; resume with the model "
                    "and the recipe that it was started with."
                )
            pairs.append((variable, array))
    for variable, array in pairs:
        variable.assign(array)


def _checkpoints(folder):
    # Without the suffix, which would put the end of an epoch after the steps of the next.
    return sorted(folder.glob("epoch-*.npz"), key=lambda path: path.stem)
