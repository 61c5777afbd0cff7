import dataclasses
import os
import zipfile

import numpy as np
import pytest

from kzoo.data import ArraySource, Pipeline, export, open_source
from kzoo.data.exported import open_export

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 8, 6, 3), np.uint8)
LABELS = np.arange(20) % 3


def small(name="small"):
    splits = {"train": (IMAGES, LABELS), "test": (IMAGES[:4], LABELS[:4])}
    return ArraySource(splits, name, ("ant", "bee", "cat"))


def assert_same_set(one, other):
    for split in one.spec.splits:
        for ours, theirs in zip(Pipeline(one, split).arrays(), Pipeline(other, split).arrays()):
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype == theirs.dtype


def test_a_set_is_read_back_as_it_was(tmp_path):
    path = export(small(), tmp_path / "set.npz")
    again = open_source(str(path))
    assert again.spec == small().spec
    assert again.location == path
    assert_same_set(small(), again)


def test_signals_that_are_not_finite_are_refused(tmp_path, monkeypatch):
    source = small()
    broken = np.full((2, 5, 1), np.nan, "float32"), np.arange(2)
    monkeypatch.setattr(Pipeline, "arrays", lambda self: broken)
    with pytest.raises(ValueError, match="split train of small must be finite; .* in example 0"):
        export(source, tmp_path / "set.npz", image_size=4)


def test_other_examples_are_told_from_these(tmp_path, image_folder):
    first = open_source(export(small(), tmp_path / "a.npz"))
    assert first.digests == open_source(export(small("other"), tmp_path / "b.npz")).digests
    changed = ArraySource({"train": (IMAGES[::-1], LABELS), "test": (IMAGES[:4], LABELS[:4])})
    second = open_source(export(changed, tmp_path / "c.npz"))
    assert first.digests["train"] != second.digests["train"]
    assert first.digests["test"] == second.digests["test"]
    folder = tmp_path / "photographs"
    save_photographs(folder)
    before = open_source(export(open_source(folder), tmp_path / "d.npz")).digests
    last = sorted(folder.rglob("*.jpg"))[-1]
    last.rename(last.with_name("0.jpg"))
    after = open_source(export(open_source(folder), tmp_path / "e.npz")).digests
    assert before.keys() == after.keys()
    assert before != after


def test_any_numpy_reads_it_without_pickles(tmp_path):
    with np.load(export(small(), tmp_path / "set.npz"), allow_pickle=False) as file:
        assert file["class_names"].tolist() == ["ant", "bee", "cat"]
        assert file["splits"].tolist() == ["train", "test"]
        np.testing.assert_array_equal(file["inputs_test"], IMAGES[:4])
        np.testing.assert_array_equal(file["labels_train"], LABELS)


def test_a_folder_and_a_tfds_set(tmp_path, image_folder, tfds_dir):
    folder = open_source(image_folder({"a": 10, "b": 10}))
    exported = open_source(export(folder, tmp_path / "folder.npz"))
    assert exported.spec.name == tmp_path.name
    assert_same_set(folder, exported)
    tiny = open_source("tiny", data_dir=tfds_dir)
    assert_same_set(tiny, open_source(export(tiny, tmp_path / "tiny.npz")))


def test_signals(tmp_path):
    source = open_source("mnist1d")
    exported = open_source(export(source, tmp_path / "signals.npz"))
    assert exported.spec == source.spec
    assert_same_set(source, exported)


def save_photographs(folder, sizes=((40, 30),), format="jpg"):
    """Write five smooth images of each of two classes, which JPEG makes small."""
    from PIL import Image

    random = np.random.default_rng(0)
    for number in range(10):
        size = sizes[number % len(sizes)]
        image = Image.fromarray(random.integers(0, 256, (3, 3, 3), np.uint8)).resize(size)
        path = folder / "ab"[number % 2] / f"{number}.{format}"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    return open_source(folder)


@pytest.mark.parametrize(
    ("sizes", "format"),
    [([(40, 30)], "jpg"), ([(40, 30), (20, 31)], "jpg"), ([(9, 9), (5, 4)], "png")],
)
def test_jpegs_and_images_that_differ_in_size_stay_as_they_are(tmp_path, sizes, format):
    source = save_photographs(tmp_path / "photographs", sizes, format)
    path = export(source, tmp_path / "set.npz")
    stored = {file.read_bytes() for file in (tmp_path / "photographs").rglob(f"*.{format}")}
    again = open_source(path)
    assert {file for split in again.spec.splits for file in again.encoded(split)} == stored
    assert again.spec == dataclasses.replace(source.spec, name="photographs")
    for split in source.spec.splits:
        size = {"image_size": 16} if len(sizes) > 1 else {}
        ours, theirs = (Pipeline(s, split, **size).arrays() for s in (source, again))
        for one, other in zip(ours, theirs):
            np.testing.assert_array_equal(one, other)
    assert open_source(export(again, tmp_path / "twice.npz")).encoded("test") == again.encoded(
        "test"
    )


def test_a_size_or_channels_turn_files_into_pixels(tmp_path):
    source = save_photographs(tmp_path / "photographs", [(40, 30), (20, 31)])
    exported = open_source(export(source, tmp_path / "set.npz", image_size=7, channels=1))
    assert exported.spec.shape == (7, 7, 1)
    ours = Pipeline(source, image_size=7, channels=1).arrays()
    np.testing.assert_array_equal(ours[0], Pipeline(exported).arrays()[0])


def test_channels_that_differ_become_those_of_the_set(tmp_path, image_folder):
    image_folder({"train/a": 2}, mode="L")
    source = open_source(image_folder({"train/b": 2}))
    exported = open_source(export(source, tmp_path / "set.npz"))
    assert exported.spec.shape == (8, 10, 3)
    assert_same_set(source, exported)


def test_files_that_exist_or_are_called_otherwise_are_refused(tmp_path):
    path = export(small(), tmp_path / "set.npz")
    before = path.read_bytes()
    with pytest.raises(
        ValueError, match=r"set\.npz exists already: remove it, or export to another"
    ):
        export(small(), path)
    assert path.read_bytes() == before
    with pytest.raises(ValueError, match=r"must end in \.npz; received .*set\.zip"):
        export(small(), tmp_path / "set.zip")
    with pytest.raises(ValueError, match=r"none/set\.npz cannot be written: .*none is no writable"):
        export(small(), tmp_path / "none" / "set.npz")


def test_an_export_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def full(partial, **arrays):
        partial.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(ValueError, match=r"set\.npz cannot be written: No space left on device"):
        export(small(), tmp_path / "set.npz")
    assert os.listdir(tmp_path) == []


def damaged(path, how):
    content = path.read_bytes()
    if how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "changed":
        middle = len(content) // 2
        path.write_bytes(content[:middle] + b"kzoo" * 8 + content[middle + 32 :])
    elif how == "other":
        path.write_bytes(b"not an archive")
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "without a split":
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(path.with_name("b.npz"), "w") as new:
            for name in old.namelist():
                if name != "labels_test.npy":
                    new.writestr(name, old.read(name))
        os.replace(path.with_name("b.npz"), path)
    elif how == "one array":
        np.save(path.with_suffix(".npy"), IMAGES)
        os.replace(path.with_suffix(".npy"), path)
    elif how == "foreign":
        np.savez(path, x_train=IMAGES, y_train=LABELS)
    elif how == "another format":
        np.savez(path, format=np.array("kzoo data 9"))
    else:
        np.savez(path, x=np.array([{}], object))
    return path


@pytest.mark.parametrize(
    "how",
    [
        *("cut", "changed", "other", "empty", "without a split", "another format", "pickle"),
        *("one array", "foreign"),
    ],
)
def test_damaged_files_are_refused(tmp_path, how):
    path = damaged(export(small(), tmp_path / "set.npz"), how)
    message = (
        r"set\.npz cannot be read as an exported data set \(.+\): write it by `kzoo data export`\.$"
    )
    with pytest.raises(ValueError, match=message):
        open_source(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"The file .*none\.npz does not exist\."):
        open_export(tmp_path / "none.npz")
