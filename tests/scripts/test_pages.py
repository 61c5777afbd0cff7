"""What the pages of benchmarks and studies say of their numbers and of their machine."""

import platform
import re
import statistics

import keras
import numpy as np
import pytest

import kzoo
from scripts import _pages


@pytest.mark.parametrize("values", [[1.0, 2, 4], np.array([97.31, 97.35])])
def test_spread_is_the_mean_and_the_sample_standard_deviation(values):
    mean, deviation = statistics.mean(values), statistics.stdev(values)
    assert _pages.spread(values, 3) == f"{mean:.3f} ± {deviation:.3f}"


def test_one_value_has_no_deviation():
    assert _pages.spread([0.5]) == "0.50"


def test_tables_are_markdown():
    assert _pages.table(("x", "y"), [(1, "z")]) == "| x | y |\n| --- | --- |\n| 1 | z |\n"


def test_measurements_name_versions_and_machine():
    text = _pages.measured_on("numpy")
    versions = (
        f"Keras {keras.__version__} on {keras.config.backend()} ",
        f"numpy {np.__version__};",
    )
    for part in (*versions, f"kzoo {kzoo.__version__}", f"Python {platform.python_version()}"):
        assert part in text
    assert re.search(r"; \d+ (CPU cores? \(.+\)|x .+)$", text)
