import os
import shutil
import time

import pytest
import tensorflow_datasets as tfds

from kzoo.data import available, open_source
from kzoo.data.folder import FolderSource
from kzoo.data.tfds_source import TfdsSource

NOT_PREPARED = (
    r"not prepared in .*no_such_folder \(the environment variable TFDS_DATA_DIR chooses the "
    r"folder\): download=True, or --download on the command line, fetches it"
)


def test_prepared_set(tfds_dir, monkeypatch, no_network):
    assert isinstance(open_source("tiny", data_dir=tfds_dir), TfdsSource)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tfds_dir))
    assert open_source("tiny:1.2.0").spec.name == "tiny:1.2.0"
    assert open_source("tiny_configs/a").spec.splits == {"train": 60, "test": 20}


def test_set_that_is_not_prepared_fails_at_once(no_network):
    tfds.list_builders(with_community_datasets=False)
    start = time.perf_counter()
    with pytest.raises(ValueError, match=f"The data set cifar10 is {NOT_PREPARED}"):
        open_source("cifar10")
    assert time.perf_counter() - start < 1


def test_rotated_mnist_says_what_it_is_made_from(no_network):
    with pytest.raises(
        ValueError, match=f"mnist, from which rotated_mnist is made, is {NOT_PREPARED}"
    ):
        open_source("rotated_mnist")


@pytest.mark.parametrize(("name", "near"), [("digit", "digits"), ("CIFAR11", "cifar10")])
def test_unknown_name_lists_near_ones(name, near, no_network):
    with pytest.raises(ValueError, match=f"no data set or folder '{name}' .near it are .*{near}"):
        open_source(name)


def test_unknown_name_with_nothing_near(no_network):
    with pytest.raises(ValueError, match="no data set or folder 'qqqqqqqq': `kzoo data list`"):
        open_source("qqqqqqqq")


def test_failed_download_is_one_sentence(monkeypatch, tmp_path):
    class Offline:
        def download_and_prepare(self):
            raise ConnectionError("no route\nto host.")

    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: Offline())
    with pytest.raises(ValueError, match="cifar10 could not be fetched: no route to host.$"):
        open_source("cifar10", download=True, data_dir=tmp_path)


def test_a_set_that_another_process_fetched_meanwhile_is_taken(monkeypatch, tmp_path, tfds_dir):
    class Late:
        def download_and_prepare(self):
            shutil.copytree(tfds_dir / "tiny", tmp_path / "tiny")
            raise FileExistsError("Cannot rename")

    monkeypatch.setattr(tfds, "list_builders", lambda **options: ["tiny"])
    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: Late())
    assert open_source("tiny", download=True, data_dir=tmp_path).spec.name == "tiny"


def test_download_prepares_the_set(monkeypatch, tmp_path, tfds_dir):
    class Online:
        data_dir = str(tfds_dir / "tiny" / "1.2.0")

        def download_and_prepare(self):
            print("progress")

    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: Online())
    assert open_source("cifar10", download=True, data_dir=tmp_path).spec.name == "cifar10"


def test_folder_by_path_and_by_name(image_folder, monkeypatch):
    folder = image_folder({"pets/cat": 4, "pets/dog": 4, "digits/a": 3})
    monkeypatch.chdir(folder)
    for name in ("pets", "./pets", folder / "pets", str(folder / "pets")):
        assert isinstance(open_source(name), FolderSource)
    with pytest.warns(UserWarning, match="'digits' is a data set, .* './digits' is the folder"):
        assert isinstance(open_source("digits"), TfdsSource)
    assert isinstance(open_source("./digits"), FolderSource)


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "~/nowhere_at_all"])
def test_missing_folder(name):
    with pytest.raises(ValueError, match="The folder .*nowhere.* does not exist"):
        open_source(name)


def test_available(tfds_dir, monkeypatch, tmp_path):
    monkeypatch.setenv("KZOO_CACHE", str(tmp_path))
    found = {item.spec.name: item for item in available(tfds_dir)}
    embedded = ["digits", "mnist1d", "mnist1d_shuffled", "rotated_mnist"]
    assert list(found) == [*embedded, "mnist", "tiny", "tiny_configs/a", "tiny_configs/b"]
    assert all(item.ready for item in found.values())
    assert found["digits"].where == "made on first use"
    assert found["rotated_mnist"].where == "made on first use from mnist"
    assert found["tiny"].where == os.fspath(tfds_dir / "tiny" / "1.2.0")
    assert found["tiny"].spec.class_names == ("ant", "bee", "cat")


def test_available_without_mnist():
    found = {item.spec.name: item for item in available()}
    assert not found["rotated_mnist"].ready
    assert found["digits"].ready
