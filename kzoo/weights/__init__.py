"""Weights from files: reading them, and loading them by layer name."""

from kzoo.weights.loader import LoadReport, WeightsError, load_weights

__all__ = ["LoadReport", "WeightsError", "load_weights"]
