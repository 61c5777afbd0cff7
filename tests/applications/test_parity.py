"""Every model gives the logits of its published implementation, given the same weights."""

import pytest

import kzoo
from kzoo.registry import find_family
from tests.applications.published import SMALLEST
from tests.peers import compare_with_counterpart, count_counterpart, find_counterpart

TOLERANCE = 1e-4  # relative to the largest logit, in float32
LARGE = 200_000_000  # parameters; such models are compared at the smallest input only


def check_parity(name, sizes, folder):
    """Compare, and return the rows of `compare_with_counterpart`."""
    rows = compare_with_counterpart(name, folder, sizes)
    for _, error, spread in rows:
        assert error <= TOLERANCE
        assert spread > 100 * error
    return rows


def small_sizes(name):
    """Return two small input sizes, one of them odd where the network takes any."""
    size = max(find_family(name).min_size, 64)
    return (size, size + 33)


@pytest.mark.parametrize("name", SMALLEST)
def test_smallest_of_each_family(name, tmp_path):
    if find_counterpart(name) is None:
        pytest.skip("neither timm nor torchvision has it")
    check_parity(name, small_sizes(name), tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("name", kzoo.list_models())
def test_every_variant(name, tmp_path, record):
    library = find_counterpart(name)
    if library is None:
        pytest.skip("neither timm nor torchvision has it")
    parameters, _ = count_counterpart(name)
    default = find_family(name).shape_of(name)[0]
    sizes = (default, default - 31) if parameters <= LARGE else small_sizes(name)[:1]
    rows = check_parity(name, sizes, tmp_path)
    record(
        model=name,
        library=library,
        errors=[(size, error) for size, error, _ in rows],
    )
