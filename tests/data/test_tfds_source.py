import json
import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds

from kzoo.data import Resize
from kzoo.data.tfds_source import TfdsSource, find_prepared, list_prepared, tfds_folder
from tests.data.tiny_sets import SPLITS, KzooTestUnlabelled, prepare, tiny_images


@pytest.fixture
def tiny(tfds_dir):
    return TfdsSource(tfds_dir / "tiny" / "1.2.0", "tiny")


def test_spec(tiny):
    assert tiny.spec.name == "tiny"
    assert tiny.spec.kind == "image"
    assert tiny.spec.shape == (6, 5, 3)
    assert tiny.spec.class_names == ("ant", "bee", "cat")
    assert tiny.spec.classes == 3
    assert tiny.spec.splits == SPLITS


@pytest.mark.parametrize("split", ["train", "test"])
def test_reads_what_tfds_reads_in_its_order(tiny, tfds_dir, split):
    builder = tfds.builder_from_directory(tfds_dir / "tiny" / "1.2.0")
    theirs = list(builder.as_dataset(split, shuffle_files=False).as_numpy_iterator())
    images, labels = tiny.read(split, np.arange(SPLITS[split]))
    np.testing.assert_array_equal(images, [example["image"] for example in theirs])
    np.testing.assert_array_equal(labels, [example["label"] for example in theirs])
    np.testing.assert_array_equal(tiny.labels(split), labels)
    originals, _ = tiny_images(split)
    numbers = [int(example["id"]) for example in theirs]
    np.testing.assert_array_equal(images, originals[numbers])


def test_a_split_without_labels_is_known(tiny, tmp_path):
    assert tiny.is_labelled("test")
    source = TfdsSource(prepare(KzooTestUnlabelled, tmp_path), "unlabelled")
    assert (source.is_labelled("train"), source.is_labelled("test")) == (True, False)


def test_reads_in_any_order(tiny):
    images, labels = tiny.read("train", np.arange(60))
    some, their_labels = tiny.read("train", np.array([5, 3, 5]))
    np.testing.assert_array_equal(some, images[[5, 3, 5]])
    np.testing.assert_array_equal(their_labels, labels[[5, 3, 5]])


def test_size_and_channels(tiny):
    images, _ = tiny.read("test", np.arange(3), 1, lambda image, _: Resize((4, 7))(image))
    assert images.shape == (3, 4, 7, 1)
    assert images.dtype == np.uint8


def test_find_prepared(tfds_dir):
    assert find_prepared("tiny", tfds_dir) == tfds_dir / "tiny" / "1.2.0"
    assert find_prepared("tiny:1.2.0", tfds_dir) == tfds_dir / "tiny" / "1.2.0"
    assert find_prepared("tiny:1.*.*", tfds_dir) == tfds_dir / "tiny" / "1.2.0"
    assert find_prepared("tiny:2.0.0", tfds_dir) is None
    assert find_prepared("tiny_configs/b", tfds_dir) == tfds_dir / "tiny_configs" / "b" / "1.2.0"
    assert find_prepared("nothing", tfds_dir) is None
    with pytest.raises(ValueError, match="choose one of tiny_configs/a, tiny_configs/b"):
        find_prepared("tiny_configs", tfds_dir)


def test_newest_version_and_only_configuration_are_found(tfds_dir, tmp_path):
    for version in ("9.0.0", "10.0.0"):
        shutil.copytree(tfds_dir / "tiny" / "1.2.0", tmp_path / "tiny" / "only" / version)
    (tmp_path / "tiny" / "only" / "11.0.0").mkdir()  # begun, not complete
    assert find_prepared("tiny", tmp_path) == tmp_path / "tiny" / "only" / "10.0.0"
    assert list_prepared(tmp_path) == {"tiny/only": tmp_path / "tiny" / "only" / "10.0.0"}


def test_list_prepared(tfds_dir, tmp_path):
    assert list(list_prepared(tfds_dir)) == ["mnist", "tiny", "tiny_configs/a", "tiny_configs/b"]
    assert list_prepared(tmp_path / "none") == {}


def test_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert tfds_folder() == tmp_path
    assert tfds_folder("/elsewhere").as_posix() == "/elsewhere"
    monkeypatch.delenv("TFDS_DATA_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tfds_folder() == tmp_path / "tensorflow_datasets"


@pytest.fixture
def copy(tfds_dir, tmp_path):
    return shutil.copytree(tfds_dir / "tiny" / "1.2.0", tmp_path / "1.2.0")


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_missing_examples_are_refused(copy):
    (copy / "kzoo_test_tiny-train.tfrecord-00000-of-00001").write_bytes(b"")
    with pytest.raises(ValueError, match="tiny should have 60 examples in train and has 0"):
        TfdsSource(copy, "tiny").labels("train")


def test_other_file_formats_are_refused(copy):
    edit(copy / "dataset_info.json", lambda info: info.update(fileFormat="array_record"))
    with pytest.raises(ValueError, match="tiny is stored as array_record; kzoo reads the format"):
        TfdsSource(copy, "tiny")


def test_sets_without_a_class_are_refused(copy):
    def drop_label(features):
        del features["featuresDict"]["features"]["label"]

    edit(copy / "features.json", drop_label)
    with pytest.raises(ValueError, match="tiny is not a set of images or signals.*id, image"):
        TfdsSource(copy, "tiny")
