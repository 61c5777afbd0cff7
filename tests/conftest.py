"""What every test starts from: the same seeds, the same Keras settings, no leftover state.

Two options divide the long sweeps of `-m full`: `--shard 2/4` runs the second quarter of the tests,
and `--results FILE` appends what was measured of each model to FILE, a line of JSON each, and
skips what is in it already.
"""

import json
import os
from pathlib import Path

import keras
import pytest

# The threads of PyTorch wait for each other in a loop: beside a second test process, they take ten
# times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser):
    parser.addoption("--shard", metavar="I/N", help="run the Ith of N parts of the tests")
    parser.addoption("--results", metavar="FILE", help="file of the sweeps' results, to go on from")


def pytest_collection_modifyitems(config, items):
    shard = config.getoption("--shard")
    if shard:
        part, parts = map(int, shard.split("/"))
        if not 1 <= part <= parts:
            raise pytest.UsageError(f"--shard must be I/N with 1 <= I <= N; received {shard}.")
        items[:] = items[part - 1 :: parts]


@pytest.fixture
def record(request):
    """Return a function that keeps a row of results; skips a test whose row is there already."""
    file = request.config.getoption("--results")
    test = request.node.nodeid
    path = Path(file) if file else None
    if path and path.exists():
        rows = map(json.loads, path.read_text().splitlines())
        if any(row["test"] == test for row in rows):
            pytest.skip(f"{file} has its result")

    def keep(**row):
        if path:
            with path.open("a") as output:
                output.write(json.dumps({"test": test, **row}) + "\n")

    return keep


@pytest.fixture(autouse=True)
def _fresh_keras(request):
    """Seed every generator, and undo what the test changes in Keras's global settings."""
    policy = keras.config.dtype_policy()
    data_format = keras.config.image_data_format()
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy(policy)
    keras.config.set_image_data_format(data_format)
    # The sweeps build hundreds of large models, and collecting what is left of one takes a while.
    keras.utils.clear_session(free_memory=request.node.get_closest_marker("full") is not None)
