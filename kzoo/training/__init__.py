"""Training, evaluating, predicting and exporting."""

from kzoo.training.checkpoint import CheckpointError
from kzoo.training.evaluate import evaluate
from kzoo.training.export import Exported, ExportError, export
from kzoo.training.fit import fit
from kzoo.training.folder import RunError
from kzoo.training.predict import predict
from kzoo.training.recipe import Recipe
from kzoo.training.recipes import NAMED_RECIPES, named_recipe
from kzoo.training.run import Run
from kzoo.training.serve import serve_data
from kzoo.training.train import train
from kzoo.training.workers import WorkerError, connect

__all__ = [
    "NAMED_RECIPES",
    "CheckpointError",
    "ExportError",
    "Exported",
    "Recipe",
    "Run",
    "RunError",
    "WorkerError",
    "connect",
    "evaluate",
    "export",
    "fit",
    "named_recipe",
    "predict",
    "serve_data",
    "train",
]
