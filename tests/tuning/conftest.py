"""A small data set that the smallest networks learn within seconds."""

import numpy as np
import pytest

from kzoo.data import ArraySource, export


def make_source(train=192, validation=48, test=48):
    """Return signals of three classes, which differ in their frequency."""
    random = np.random.default_rng(0)

    def split(examples):
        y = np.arange(examples) % 3
        phase = random.uniform(0, 2 * np.pi, (examples, 1))
        x = np.sin(np.arange(40) * (0.15 + 0.2 * y[:, None]) + phase)
        return (x + 0.3 * random.normal(size=x.shape)).astype("float32")[..., None], y

    sizes = {"train": train, "validation": validation, "test": test}
    return ArraySource({name: split(size) for name, size in sizes.items()}, "waves")


@pytest.fixture(scope="session")
def source():
    return make_source()


@pytest.fixture(scope="session")
def data_file(tmp_path_factory):
    """Return the same data as a file that every command takes."""
    return export(make_source(), tmp_path_factory.mktemp("data") / "waves.npz")
