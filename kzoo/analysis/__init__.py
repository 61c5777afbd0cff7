"""Counting and drawing models."""

from kzoo.analysis.counting import count_multiply_adds, count_parameters, layer_table

__all__ = ["count_multiply_adds", "count_parameters", "layer_table"]
