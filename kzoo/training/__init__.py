"""Training, evaluating and predicting."""

from kzoo.training.checkpoint import CheckpointError
from kzoo.training.evaluate import evaluate
from kzoo.training.fit import fit
from kzoo.training.folder import RunError
from kzoo.training.predict import predict
from kzoo.training.recipe import Recipe
from kzoo.training.recipes import NAMED_RECIPES, named_recipe
from kzoo.training.run import Run
from kzoo.training.train import train

__all__ = [
    "NAMED_RECIPES",
    "CheckpointError",
    "Recipe",
    "Run",
    "RunError",
    "evaluate",
    "fit",
    "named_recipe",
    "predict",
    "train",
]
