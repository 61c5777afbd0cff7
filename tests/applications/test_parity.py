"""Every model gives the logits of its published implementation, given the same weights."""

import pytest

import kzoo
from kzoo.registry import find_family
from tests.applications.published import SIZE_MULTIPLES, SMALLEST
from tests.peers import compare_with_counterpart, count_counterpart, find_counterpart

# Relative to the largest logit. Where random weights make a network amplify rounding beyond the
# first, the second decides, which rounding of 1e-16 leaves far below.
TOLERANCES = {"float32": 1e-4, "float64": 1e-6}
# Models of more parameters are compared at one size. At half of it, its last maps 2 pixels wide,
# EfficientNetV2-XL amplifies even the rounding of float64 beyond measure.
LARGE, LARGE_SIZE = 200_000_000, 128


def check_parity(name, sizes, folder):
    """Compare; returns the precision that decided and the rows of `compare_with_counterpart`."""
    for precision, tolerance in TOLERANCES.items():
        rows = compare_with_counterpart(name, folder, sizes, precision=precision)
        if all(error <= tolerance for _, error, _ in rows):
            break
    for _, error, spread in rows:
        assert error <= tolerance, (precision, rows)
        assert spread > 100 * error
    return precision, rows


def small_sizes(name):
    """Return two small input sizes, one of them odd where the network takes any."""
    family = find_family(name)
    size = max(family.min_size_of(name), 64)
    return (size, size + SIZE_MULTIPLES.get(family.name, 33))


@pytest.mark.parametrize("name", SMALLEST)
def test_smallest_of_each_family(name, tmp_path, record):
    if find_counterpart(name) is None:
        pytest.skip("neither timm nor torchvision has it")
    precision, rows = check_parity(name, small_sizes(name), tmp_path)
    record(**result(name, precision, rows))


@pytest.mark.full
@pytest.mark.parametrize("name", kzoo.list_models())
def test_every_variant(name, tmp_path, record):
    if find_counterpart(name) is None:
        pytest.skip("neither timm nor torchvision has it")
    parameters, _ = count_counterpart(name)
    family = find_family(name)
    default = family.shape_of(name)[0]
    other = default - SIZE_MULTIPLES.get(family.name, 31)
    sizes = (default, other) if parameters <= LARGE else (LARGE_SIZE,)
    precision, rows = check_parity(name, sizes, tmp_path)
    record(**result(name, precision, rows))


def result(name, precision, rows):
    """Return the row of results."""
    errors = [(size, error) for size, error, _ in rows]
    return {
        "model": name,
        "library": find_counterpart(name),
        "precision": precision,
        "errors": errors,
    }
