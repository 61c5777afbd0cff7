"""Small TFDS data sets, image folders, and a cache of their own for all tests of `kzoo.data`."""

import shutil

import numpy as np
import pytest

from tests.data.tiny_sets import KzooTestMnist, KzooTestTiny, prepare


@pytest.fixture(scope="session")
def tfds_dir(tmp_path_factory):
    """A folder of prepared sets: `tiny` (1.2.0), `tiny_configs/{a,b}` and a small `mnist`."""
    work = tmp_path_factory.mktemp("work")
    root = tmp_path_factory.mktemp("tfds")
    tiny = prepare(KzooTestTiny, work)
    shutil.copytree(tiny, root / "tiny" / "1.2.0")
    for config in "ab":
        shutil.copytree(tiny, root / "tiny_configs" / config / "1.2.0")
    shutil.copytree(prepare(KzooTestMnist, work), root / "mnist" / "3.0.1")
    return root


@pytest.fixture(autouse=True)
def _no_other_data(tmp_path_factory, monkeypatch):
    """Keep the tests from the user's data, and let them share what kzoo prepares."""
    cache = tmp_path_factory.getbasetemp() / "kzoo_cache"
    monkeypatch.setenv("KZOO_CACHE", str(cache))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path_factory.getbasetemp() / "no_such_folder"))


@pytest.fixture
def no_network(monkeypatch):
    """Fail on any attempt to reach a host."""

    def refuse(*args, **kwargs):
        raise RuntimeError(f"network access: {args}")

    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)


@pytest.fixture
def image_folder(tmp_path):
    """Return a function that writes noise PNGs: {"train/cat": 3, ...} -> the folder."""
    from PIL import Image

    def write(counts, size=(10, 8), mode="RGB"):
        random = np.random.RandomState(0)
        for folder, count in counts.items():
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                pixels = random.randint(0, 256, (size[1], size[0], 3), np.uint8)
                image = Image.fromarray(pixels).convert(mode)
                image.save(tmp_path / folder / f"{number:03}.png")
        return tmp_path

    return write
