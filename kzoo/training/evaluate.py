"""How well a trained network does on a split."""

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
from scipy.special import log_softmax

from kzoo.data import Pipeline, Source, open_source
from kzoo.data.failures import raised_as_they_were
from kzoo.data.splits import resolve
from kzoo.training.feed import epoch_of
from kzoo.training.folder import add_results
from kzoo.training.objective import logits_model
from kzoo.training.plots import draw_confusion_matrix
from kzoo.training.run import Run


def evaluate(
    run: Run | str | os.PathLike, split: str = "test", *, data=None, data_dir=None
) -> dict[str, Any]:
    """Measure a run's model on one split, and draw its confusion matrix into the run folder.

    Args:
        run: the run, or its folder.
        split: "test", "validation" or "train", as the run used them.
        data: where the run's folder or file of data is now, if it has moved.
        data_dir: where TensorFlow Datasets are now, likewise.

    Returns:
        `accuracy`, `loss` (cross-entropy without smoothing and class weights), `examples`, and
        `confusion_matrix` with true classes as rows. All but the matrix go to `results.json`.

    Raises:
        RunError: the run folder is incomplete or damaged.
        ValueError: the run has no such split.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    split_of(run, split)
    source = open_data(run, data, data_dir)
    return measure(run, run.model(), source, split)


def measure(run: Run, model: keras.Model, source: Source, split: str) -> dict[str, Any]:
    """Do what `evaluate` does, for a model and a data set that are open already."""
    pipeline = split_pipeline(run, source, split, run.recipe.batch_size)
    with raised_as_they_were():
        log_probabilities = predict_log_probabilities(model, epoch_of(pipeline))
    labels = pipeline.labels()
    predicted = log_probabilities.argmax(axis=1)
    matrix = np.zeros((len(run.class_names),) * 2, int)
    np.add.at(matrix, (labels, predicted), 1)
    measured = {
        "accuracy": float(np.mean(predicted == labels)),
        "loss": float(-np.mean(log_probabilities[np.arange(len(labels)), labels])),
        "examples": len(labels),
    }
    add_results(run.folder, {split: measured})
    draw_confusion_matrix(picture_path(run.folder, split), matrix, run.class_names)
    return measured | {"confusion_matrix": matrix.tolist()}


def open_data(run: Run, place=None, data_dir=None) -> Source:
    """Open the data set of a run.

    Args:
        run: the run.
        place: where its folder or file is now, if it has moved.
        data_dir: where TensorFlow Datasets are now, likewise.

    Raises:
        RunError: the run does not name its data.
        ValueError: the data are gone or have changed.
    """
    data = run.data
    if data_dir is None and data["data_dir"] and os.path.isdir(data["data_dir"]):
        data_dir = data["data_dir"]
    name = data["name"] if place is None else place
    if place is None and os.path.isabs(name) and not os.path.exists(name):
        raise ValueError(
            f"{name}, the data of {run.folder}, is gone; if they have moved, give their place as "
            "data, on the command line as --data."
        )
    source = open_source(name, data_dir=data_dir, skip_unreadable=data["skip_unreadable"])
    if list(source.spec.class_names) != data["class_names"]:
        raise ValueError(
            f"{name} has the classes {', '.join(source.spec.class_names)}, and had "
            f"{', '.join(data['class_names'])} when {run.folder} was trained; evaluate it on "
            "the data it knows."
        )
    return source


def split_pipeline(run: Run, source: Source, split: str, batch_size: int, **options) -> Pipeline:
    """Return one split of a run's data as the run evaluates it.

    Args:
        run: the run.
        source: its data set.
        split: "test", "validation" or "train".
        batch_size: examples in a batch.
        **options: of the pipeline, such as `shuffle`; without them the split keeps its order.

    Raises:
        ValueError: the run has no such split, or its files are others now.
    """
    _check_files(run, source, split)
    options = {"shuffle": False, "resize": run.resize, "batch_size": batch_size} | options
    return Pipeline(source, split_of(run, split), **options)


def _check_files(run, source, split):
    """Refuse a split of other files, or of another size: it may have been trained on."""
    data = run.data
    whole, _ = resolve(source.spec, split_of(run, split))
    before, now = data.get("files", {}).get(whole), source.digests.get(whole)
    if before is None or now is None or _kind(before) != _kind(now):
        before, now = data.get("examples", {}).get(whole), source.spec.splits[whole]
    if before not in (None, now):
        raise ValueError(
            f"the {split} examples of {data['name']} are not those that {run.folder} knows: some "
            "were added, removed or renamed, and others may be held out now. Put them back, or "
            "have them predicted."
        )


def _kind(digest):
    """Return of what a digest is: a run on an exported set may be measured on the set itself."""
    return digest.rpartition(":")[0]


def split_of(run: Run, split: str) -> str:
    """Return what a run used as a split, or refuse one that it has not."""
    used = {name: part for name, part in run.data["splits"].items() if part}
    if split not in used:
        raise ValueError(
            f"split must be one of {', '.join(used)} for {run.folder}; received {split!r}."
        )
    return used[split]


def picture_path(folder, split: str) -> Path:
    """Return where the confusion matrix of a split is drawn."""
    return Path(folder, "confusion_matrix.png" if split == "test" else f"confusion_{split}.png")


def predict_log_probabilities(model, inputs) -> np.ndarray:
    """Return the logarithm of the class probabilities, float64 (examples, classes).

    It is taken from the logits, where a probability may be zero in float32.
    """
    outputs, from_logits = logits_model(model)
    scores = np.asarray(outputs.predict(inputs, verbose=0), np.float64)
    if from_logits:
        return log_softmax(scores, axis=1)
    return np.log(np.maximum(scores, np.finfo(np.float32).tiny))
