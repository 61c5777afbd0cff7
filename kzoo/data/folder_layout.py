"""Which files of a folder belong to which split and class."""

from pathlib import Path

import numpy as np

from kzoo.data.images import EXTENSIONS

_SPLIT_FOLDERS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
_PARTS = {"validation": 0.1, "test": 0.1}
_SMALLEST_CLASS_TO_SPLIT = 3
_SEED = 0
# Files that its file manager writes by itself.
_OF_WINDOWS = ("thumbs.db", "desktop.ini")

# Files by class name, and those by split name.
Classes = dict[str, list[Path]]
Layout = dict[str, Classes]


def find_files(root: Path) -> Layout:
    """Return the files of every split and class; without split folders, all under "all".

    Raises:
        ValueError: see `kzoo.data.folder.FolderSource`.
    """
    if not root.is_dir():
        raise ValueError(f"The folder {root} does not exist.")
    folders = _visible(root, Path.is_dir)
    if not folders:
        raise ValueError(f"The folder {root} has no sub-folders: it needs one per class.")
    splits = {folder: _SPLIT_FOLDERS.get(folder.name.lower()) for folder in folders}
    if None not in splits.values() and all(map(_is_class, folders)):
        raise ValueError(
            f"The folder {root} has {', '.join(folder.name for folder in folders)} and no folders "
            "for the classes in them: put the files of each class into one. (If these are the "
            "classes, rename one of them.)"
        )
    if None in splits.values():
        _refuse_other_levels(root, splits)
        return {"all": _find_classes(root)}
    layout: Layout = {}
    for folder, split in splits.items():
        if split in layout:
            raise ValueError(f"The folder {root} has more than one folder for {split}.")
        layout[str(split)] = _find_classes(folder)
    _check_classes(root, layout)
    return layout


def _refuse_other_levels(root: Path, splits: dict[Path, str | None]) -> None:
    """Refuse a folder whose classes lie a level deeper than those of a class or of a split."""
    nested = [folder for folder in splits if _visible(folder, Path.is_dir)]
    others = [folder.name for folder, split in splits.items() if split is None]
    if not nested:
        return
    if len(splits) == 1 and not _visible(nested[0], _is_file):
        raise ValueError(
            f"The folder {root} holds one folder, and that holds folders: give {nested[0]}."
        )
    if any(splits[folder] for folder in nested):
        raise ValueError(
            f"The folder {root} has folders for splits, and beside them {', '.join(others)}: only "
            "train, validation (or val, valid) and test may be there."
        )
    if len(nested) == len(splits):
        raise ValueError(
            f"Every folder in {root} holds folders: if {', '.join(others)} are splits, name them "
            "train, validation and test; else give the folder that holds those of the classes."
        )


def _visible(folder: Path, test) -> list[Path]:
    """Return what is in `folder` and passes `test`, sorted, hidden names left out."""
    return sorted(
        item
        for item in folder.iterdir()
        if item.name[0] != "." and item.name.lower() not in _OF_WINDOWS and test(item)
    )


def _is_file(path: Path) -> bool:
    """Return whether a path is a file, or a link to one that is not there."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def _is_class(folder: Path) -> bool:
    """Return whether a folder has the files of a class, and not folders of classes."""
    return bool(_visible(folder, _is_file)) and not _visible(folder, Path.is_dir)


def _find_classes(folder: Path) -> Classes:
    """Return the files of every class folder in `folder`."""
    classes = {}
    for child in _visible(folder, Path.is_dir):
        nested = _visible(child, Path.is_dir)
        if nested:
            raise ValueError(
                f"The class folder {child} holds the folder {nested[0].name}: put the files of a "
                "class directly into its folder."
            )
        classes[child.name] = _visible(child, _is_file)
    if not classes:
        raise ValueError(f"The folder {folder} has no sub-folders: it needs one per class.")
    refuse_empty_classes(folder, classes)
    return classes


def refuse_empty_classes(folder: Path, classes: Classes) -> None:
    """Refuse a class without files."""
    for name, files in classes.items():
        if not files:
            raise ValueError(f"The class folder {folder / name} has no readable files in it.")


def _check_classes(root: Path, layout: Layout) -> None:
    """Refuse splits that do not go with the training split."""
    if "train" not in layout:
        raise ValueError(f"The folder {root} has {', '.join(layout)} and no train folder.")
    for split, classes in layout.items():
        unknown = sorted(set(classes) - set(layout["train"]))
        if unknown:
            raise ValueError(
                f"The class {unknown[0]} is in {split} of {root} and not in train: every class "
                "needs training examples."
            )


def kind_of_files(root: Path, layout: Layout) -> tuple[str, dict[Path, ValueError]]:
    """Return "image" or "signal", and what is wrong with files of other types; refuse mixtures."""
    kinds, others = {}, {}
    for classes in layout.values():
        for file in (file for files in classes.values() for file in files):
            suffix = file.suffix.lower()
            if suffix in (*EXTENSIONS, ".npy"):
                kinds["signal" if suffix == ".npy" else "image"] = file
            else:
                others[file] = ValueError(
                    f"{file} is of a type that is not read: images are "
                    f"{', '.join(EXTENSIONS)}, signals .npy."
                )
    if not kinds:
        raise next(iter(others.values()))
    if len(kinds) > 1:
        raise ValueError(
            f"The folder {root} mixes images and signals: {kinds['image'].name} and "
            f"{kinds['signal'].name}."
        )
    return next(iter(kinds)), others


def split_classes(classes: Classes) -> Layout:
    """Split every class 80/10/10 into train, validation and test, by a fixed seed.

    At least one example of each class goes to validation and to test, unless it has fewer than
    three, which all go to train. The split of a class does not depend on the other classes.
    """
    layout: Layout = {"train": {}, "validation": {}, "test": {}}
    for name, files in classes.items():
        order = [files[i] for i in np.random.RandomState(_SEED).permutation(len(files))]
        start = 0
        for split, part in _PARTS.items():
            size = max(1, round(part * len(files)))
            size = size if len(files) >= _SMALLEST_CLASS_TO_SPLIT else 0
            if size:
                layout[split][name] = sorted(order[start : start + size])
            start += size
        layout["train"][name] = sorted(order[start:])
    return {split: members for split, members in layout.items() if members}
