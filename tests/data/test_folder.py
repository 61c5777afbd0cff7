import numpy as np
import pytest
from PIL import Image

from kzoo.data import Pipeline
from kzoo.data.folder import FolderSource


def test_folder_without_splits_is_split_by_class(image_folder):
    folder = image_folder({"dog": 40, "cat": 20, "few": 2})
    source = FolderSource(folder)
    assert source.spec.class_names == ("cat", "dog", "few")
    assert source.spec.splits == {"train": 50, "validation": 6, "test": 6}
    for split, counts in {"train": [16, 32, 2], "validation": [2, 4], "test": [2, 4]}.items():
        assert np.bincount(source.labels(split)).tolist() == counts
    images = np.concatenate(
        [source.read(split, np.arange(size))[0] for split, size in source.spec.splits.items()]
    )
    assert len(np.unique(images.reshape(62, -1), axis=0)) == 62
    again, _ = FolderSource(folder).read("test", np.arange(6))
    np.testing.assert_array_equal(again, source.read("test", np.arange(6))[0])


def test_another_class_does_not_change_the_split_of_a_class(image_folder):
    before = FolderSource(image_folder({"b": 20})).read("test", np.arange(2))[0]
    after = FolderSource(image_folder({"b": 20, "a": 30}))
    np.testing.assert_array_equal(after.read("test", np.array([3, 4]))[0], before)


@pytest.mark.parametrize("name", ["val", "validation", "Valid"])
def test_folder_with_splits(image_folder, name):
    counts = {"train/a": 3, "train/b": 2, f"{name}/a": 1, "test/b": 2}
    source = FolderSource(image_folder(counts))
    assert source.spec.splits == {"train": 5, "validation": 1, "test": 2}
    assert source.labels("train").tolist() == [0, 0, 0, 1, 1]
    assert source.labels("test").tolist() == [1, 1]
    assert source.spec.shape == (8, 10, 3)


def test_train_and_test_only(image_folder):
    source = FolderSource(image_folder({"train/a": 3, "train/b": 2, "test/b": 2}))
    assert source.spec.splits == {"train": 5, "test": 2}


def test_a_class_may_be_called_test(image_folder):
    source = FolderSource(image_folder({"train": 5, "test": 5, "flight": 5}))
    assert source.spec.class_names == ("flight", "test", "train")


def test_splits_without_classes_are_refused(image_folder):
    with pytest.raises(ValueError, match="has test, train and no folders for the classes in them"):
        FolderSource(image_folder({"train": 5, "test": 5}))


def test_sizes_and_grey(image_folder):
    folder = image_folder({"a": 4}, mode="L")
    assert FolderSource(folder).spec.shape == (8, 10, 1)
    image_folder({"b": 4}, size=(10, 9))
    source = FolderSource(folder)
    assert source.spec.shape == (None, 10, 3)
    with pytest.raises(ValueError, match="images of .* differ in size or channels: give image_si"):
        Pipeline(source)
    images, _ = next(iter(Pipeline(source, image_size=8, channels=1).dataset()))
    assert images.shape == (4, 8, 8, 1)


def test_hidden_files_and_files_beside_the_classes_are_ignored(image_folder):
    folder = image_folder({"a": 3, "b": 3, ".thumbnails": 1})
    (folder / "README.txt").write_text("notes")
    (folder / "a" / ".DS_Store").write_text("")
    assert FolderSource(folder).spec.splits == {"train": 2, "validation": 2, "test": 2}


def test_files_beside_the_classes_of_every_split_are_ignored(image_folder):
    folder = image_folder({"train/a": 3, "train/b": 2, "test/b": 2})
    for split in ("train", "test"):
        (folder / split / "labels.csv").write_text("notes")
    assert FolderSource(folder).spec.splits == {"train": 5, "test": 2}


def test_signals(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        for number in range(5):
            np.save(tmp_path / name / f"{number}.npy", np.full(30, number))
    source = FolderSource(tmp_path)
    assert (source.spec.kind, source.spec.shape) == ("signal", (30, 1))
    signals, labels = source.read("train", np.array([0, 3]))
    assert (signals.shape, signals.dtype) == ((2, 30, 1), np.float32)
    assert labels.tolist() == [0, 1]
    np.save(tmp_path / "a" / "9.npy", np.ones(31))
    with pytest.raises(ValueError, match=r"signals in .* differ in shape.*\(30, 1\) and \(31, 1\)"):
        FolderSource(tmp_path)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({}, r"The folder .* has no sub-folders: it needs one per class"),
        ({"a": 2, "b": 0}, r"class folder .*b has no readable files"),
        ({"train/a": 2, "train/b": 0}, r"class folder .*train.b has no readable files"),
        ({"train/a": 2, "test": 0}, r"The folder .*test has no sub-folders"),
        ({"train/a": 2, "test/a": 1, "test/c": 1}, "The class c is in test of .* not in train"),
        ({"val/a": 2, "test/a": 1}, "has test, validation and no train folder"),
        ({"train/a": 2, "val/a": 1, "valid/a": 1}, "more than one folder for validation"),
        ({"a/deep": 2, "a": 1, "b": 1}, "class folder .*a holds the folder deep"),
        (
            {"test": 1, "control": 2, "control/old": 1},
            "folder .*control holds the folder old",
        ),
        ({"photos/a": 2, "photos/b": 2}, "holds one folder, and that holds folders: give .*photos"),
        ({"train/a": 2, "masks/a": 2}, "has folders for splits, and beside them masks: only train"),
        (
            {"training/a": 2, "testing/a": 2},
            "holds folders: if testing, training are splits, name them train, validation and test",
        ),
    ],
)
def test_other_layouts_are_refused(image_folder, counts, message):
    with pytest.raises(ValueError, match=message):
        FolderSource(image_folder(counts))


def test_missing_folder(tmp_path):
    with pytest.raises(ValueError, match="The folder .*none does not exist"):
        FolderSource(tmp_path / "none")


def test_other_files_are_named(image_folder):
    folder = image_folder({"a": 3})
    (folder / "a" / "notes.txt").write_text("")
    with pytest.raises(ValueError, match=r"notes\.txt is of a type that is not read: images are"):
        FolderSource(folder)
    with pytest.warns(UserWarning, match=r"Left out 1 of 4 files, .*notes\.txt"):
        source = FolderSource(folder, skip_unreadable=True)
    assert source.spec.splits == {"train": 1, "validation": 1, "test": 1}
    for path in (folder / "a").glob("*.png"):
        path.unlink()
    with pytest.raises(ValueError, match=r"notes\.txt is of a type that is not read: images are"):
        FolderSource(folder, skip_unreadable=True)


def test_files_that_windows_writes_are_ignored(image_folder):
    folder = image_folder({"a": 3})
    for name in ("Thumbs.db", "desktop.ini"):
        (folder / "a" / name).write_text("")
    assert FolderSource(folder).spec.splits == {"train": 1, "validation": 1, "test": 1}


def test_links_to_nothing_are_named(image_folder):
    folder = image_folder({"a": 3})
    (folder / "a" / "z.png").symlink_to(folder / "gone.png")
    with pytest.raises(ValueError, match=r"z\.png cannot be read as an image: .*No such file"):
        FolderSource(folder)


def test_mixture_of_images_and_signals(image_folder):
    folder = image_folder({"a": 3})
    np.save(folder / "a" / "s.npy", np.ones(4))
    with pytest.raises(ValueError, match=r"mixes images and signals: 002\.png and s\.npy"):
        FolderSource(folder)


@pytest.fixture
def damaged(image_folder):
    folder = image_folder({"train/a": 5, "train/b": 2, "test/a": 2}, size=(60, 50))
    for name in ("train/a/003.png", "test/a/000.png"):
        (folder / name).write_bytes((folder / name).read_bytes()[:400])
    return folder


def test_unreadable_image_is_named(damaged):
    message = r"000\.png cannot be read as an image: .*\(and 1 other files\); skip_unreadable=True"
    with pytest.raises(ValueError, match=message):
        FolderSource(damaged)


def test_unreadable_images_are_skipped_when_asked(damaged):
    with pytest.warns(UserWarning, match=r"Left out 2 of 9 files, which cannot.*a.000\.png"):
        source = FolderSource(damaged, skip_unreadable=True)
    assert sorted(name[-7:] for name in source.skipped) == ["000.png", "003.png"]
    assert source.spec.splits == {"train": 6, "test": 1}
    assert source.read("train", np.arange(6))[0].shape == (6, 50, 60, 3)


@pytest.mark.filterwarnings("ignore:Left out 3 of 9 files")
def test_class_left_empty_by_skipping_is_refused(damaged):
    (damaged / "test" / "a" / "001.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"class folder .*test.a has no readable files"):
        FolderSource(damaged, skip_unreadable=True)


def test_unusual_files_all_come_as_colour(image_folder):
    folder = image_folder({"a": 3, "b": 3})
    pixels = Image.open(folder / "a" / "000.png")
    pixels.convert("CMYK").save(folder / "a" / "cmyk.jpg")
    pixels.convert("P").save(folder / "a" / "palette.gif")
    pixels.convert("RGBA").save(folder / "b" / "alpha.webp")
    pixels.convert("L").save(folder / "b" / "GREY.JPEG")
    source = FolderSource(folder)
    assert source.spec.shape == (8, 10, 3)
    assert sum(source.spec.splits.values()) == 10
