"""Weights: what is published, fetching and reading files, and loading them by layer name."""

from kzoo.weights.errors import WeightsError
from kzoo.weights.half_precision import write_half_precision
from kzoo.weights.loader import LoadReport, load_weights
from kzoo.weights.tags import Preprocessing, WeightsInfo

__all__ = [
    "LoadReport",
    "Preprocessing",
    "WeightsError",
    "WeightsInfo",
    "load_weights",
    "write_half_precision",
]
