"""The benchmark of the layers runs, on a batch and a number of repeats that say nothing."""

import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def scripts(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(SCRIPTS), *sys.path])


def test_sections_are_printed_and_the_page_is_left_alone(scripts, capsys):
    import benchmark_layers

    page = SCRIPTS.parent / "docs" / "benchmarks" / "layers.md"
    before = page.read_text()
    assert benchmark_layers.main(["--repeats", "2", "--batch", "1", "--only", "tiled"]) == 0
    assert page.read_text() == before
    printed = capsys.readouterr().out
    assert "## Tiled convolution" in printed
    assert printed.count("| 2-D, same |") == 3


def test_ratios_are_of_the_same_round(scripts):
    from _timing import interleaved, ratio

    calls = []
    functions = {name: lambda name=name: calls.append(name) for name in "ab"}
    times = interleaved(functions, repeats=3, warm_up=1)
    assert "".join(calls) == "abababab"
    assert {name: len(values) for name, values in times.items()} == {"a": 3, "b": 3}
    assert ratio(np.array([2.0, 6, 40]), np.array([1.0, 2, 10])) == "3.00 (2.50-3.50)"


def test_equivariance_error_is_of_the_group(scripts):
    from benchmark_layers import equivariance_error

    for group in ("p4", "p4m"):
        error, largest = equivariance_error(group)
        assert error < 1e-5 * largest


def test_device_needs_its_backend(scripts, capsys):
    import benchmark_layers

    with pytest.raises(SystemExit) as stop:
        benchmark_layers.main(["--device", "gpu"])
    assert stop.value.code == 2
    assert "--device gpu needs KERAS_BACKEND=jax" in capsys.readouterr().err


def test_memory_is_a_number_of_megabytes(scripts):
    from _layer_cases import memory_cases, peak_of_one

    names = list(memory_cases())
    assert "tiled, t=2" in names
    assert peak_of_one("tiled, t=2", 2) >= 0
