"""Training, evaluating and predicting."""

from kzoo.training.checkpoint import CheckpointError
from kzoo.training.evaluate import evaluate
from kzoo.training.fit import fit
from kzoo.training.folder import RunError
from kzoo.training.predict import predict
from kzoo.training.recipe import Recipe
from kzoo.training.run import Run, train
from kzoo.training.workers import WorkerError, connect

__all__ = [
    "CheckpointError",
    "Recipe",
    "Run",
    "RunError",
    "WorkerError",
    "connect",
    "evaluate",
    "fit",
    "predict",
    "train",
]
