"""Hyperparameter search over the zoo with keras-tuner."""

from kzoo.domains import Choice, Float, Int
from kzoo.tuning.budget import Budget, Costs
from kzoo.tuning.config import SearchError
from kzoo.tuning.hypermodel import ZooHyperModel
from kzoo.tuning.results import Trial
from kzoo.tuning.search import Search, SearchFailedError, tune

__all__ = [
    "Budget",
    "Choice",
    "Costs",
    "Float",
    "Int",
    "Search",
    "SearchError",
    "SearchFailedError",
    "Trial",
    "ZooHyperModel",
    "tune",
]
