import os
from pathlib import Path

import pytest

from kzoo.data.cache import cache_folder, is_prepared, prepare_once, prepared_folder


class Builder:
    """Writes one file, then calls `before_end`."""

    def __init__(self, data_dir, before_end=lambda: None):
        self.data_dir = os.path.join(data_dir, "thing", "1.0.0")
        self.before_end = before_end

    def download_and_prepare(self):
        print("noise")
        os.makedirs(self.data_dir)
        (Path(self.data_dir) / "dataset_info.json").write_text("mine")
        self.before_end()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("KZOO_CACHE")
    assert cache_folder() == tmp_path / "xdg" / "kzoo"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "kzoo"


def test_prepares_once_and_leaves_nothing_else(cache, capsys):
    calls = []

    def make(data_dir):
        calls.append(data_dir)
        return Builder(data_dir)

    assert not is_prepared("thing/1.0.0")
    folder = prepare_once("thing/1.0.0", make)
    assert folder == prepare_once("thing/1.0.0", make) == prepared_folder("thing/1.0.0")
    assert len(calls) == 1
    assert (folder / "dataset_info.json").read_text() == "mine"
    assert [path.name for path in cache.iterdir()] == ["tfds"]
    assert capsys.readouterr().out == ""


def test_a_second_process_that_finishes_first_wins(cache):
    def other_process():
        folder = prepared_folder("thing/1.0.0")
        folder.mkdir(parents=True)
        (folder / "dataset_info.json").write_text("theirs")

    folder = prepare_once("thing/1.0.0", lambda data_dir: Builder(data_dir, other_process))
    assert (folder / "dataset_info.json").read_text() == "theirs"
    assert [path.name for path in cache.iterdir()] == ["tfds"]


def test_nothing_is_left_of_a_failure(cache):
    def fail():
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        prepare_once("thing/1.0.0", lambda data_dir: Builder(data_dir, fail))
    assert not is_prepared("thing/1.0.0")
    assert [path.name for path in cache.iterdir()] == ["tfds"]


def test_unwritable_cache_is_refused(cache):
    cache.write_text("a file where the folder should be")
    with pytest.raises(ValueError, match=r"cannot be written \(.*\); the environment.*KZOO_CACHE"):
        prepare_once("thing/1.0.0", Builder)
