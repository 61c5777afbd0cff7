"""A folder of images or of `.npy` signals, with one sub-folder per class."""

import hashlib
import os
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from kzoo.data.folder_layout import (
    Layout,
    find_files,
    kind_of_files,
    refuse_empty_classes,
    split_classes,
)
from kzoo.data.images import read_image
from kzoo.data.inputs import read_signal
from kzoo.data.spec import DataSpec, Shape, Source, at_position

_CHUNK = 10_000


class FolderSource(Source):
    """Images, or `.npy` signals, in one sub-folder per class.

    The class folders lie in the folder itself, or in `train`, `validation` (or `val`, `valid`)
    and `test` in it. Where they lie in the folder itself, each class is split 80/10/10 by a fixed
    seed; of a class of one or two, all train. Hidden files, and files beside the class folders, are
    ignored. Every file is read once here, so that training does not meet a damaged one later.

    Args:
        folder: The folder.
        skip_unreadable: Leave out files that cannot be read, with a warning, instead of refusing.

    Raises:
        ValueError: no such folder, no class folders, an empty class folder, a class that `train`
            does not have, a file of another type, images mixed with signals, signals of different
            shapes, or an unreadable file; the message names it.
    """

    def __init__(self, folder: str | os.PathLike, skip_unreadable: bool = False):
        root = Path(folder).expanduser()
        self.location = root.absolute()
        layout = find_files(root)
        kind, others = kind_of_files(root, layout)
        if others and not skip_unreadable:
            _refuse_or_warn(others, layout, skip=False)
        self._read: Callable = read_image if kind == "image" else read_signal
        shapes, errors = _read_all(layout, self._read, set(others))
        errors = others | errors
        if errors:
            _refuse_or_warn(errors, layout, skip_unreadable)
        self.skipped = tuple(str(file) for file in errors)
        layout = _without(root, layout, set(errors))
        if "all" in layout:
            layout = split_classes(layout["all"])
        names = tuple(sorted(layout["train"]))
        self._files: dict[str, list[Path]] = {}
        self._labels: dict[str, np.ndarray] = {}
        for split, classes in layout.items():
            files = [classes.get(name, []) for name in names]
            self._files[split] = sum(files, [])
            self._labels[split] = np.repeat(np.arange(len(names)), [len(group) for group in files])
        self.digests = {split: _digest(root, files) for split, files in self._files.items()}
        self.spec = DataSpec(
            name=os.fspath(folder),
            kind=kind,
            shape=_common_shape(root, kind, shapes),
            class_names=names,
            splits={split: len(files) for split, files in self._files.items()},
        )

    def read(self, split, indices, channels=None, view=None):
        """See `Source.read`."""
        files = [self._files[split][index] for index in indices]
        if self.spec.kind == "image":
            channels = channels or self.spec.shape[-1]
            inputs = [
                read_image(file, channels, at_position(view, position))
                for position, file in enumerate(files)
            ]
        else:
            inputs = [read_signal(file) for file in files]
        return np.stack(inputs), self._labels[split][indices]

    def labels(self, split):
        """See `Source.labels`."""
        return self._labels[split]

    def encoded(self, split):
        """See `Source.encoded`."""
        if self.spec.kind != "image":
            return None
        return (file.read_bytes() for file in self._files[split])


def _read_all(
    layout: Layout, read: Callable, others: set[Path]
) -> tuple[set[Shape], dict[Path, ValueError]]:
    """Read every file but `others`; return the shapes met, and what cannot be read, with why."""
    from tqdm import tqdm

    def shape_or_error(file: Path) -> Shape | ValueError:
        try:
            return read(file).shape
        except ValueError as error:
            return error

    files = [file for file in _all_files(layout) if file not in others]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # Of a million, a future each would take gigabytes.
        chunks = (files[at : at + _CHUNK] for at in range(0, len(files), _CHUNK))
        results = (result for chunk in chunks for result in pool.map(shape_or_error, chunk))
        bar = tqdm(results, "Checking files", len(files), delay=2, disable=None)
        outcome = dict(zip(files, bar))
    errors = {file: result for file, result in outcome.items() if isinstance(result, ValueError)}
    return {result for result in outcome.values() if isinstance(result, tuple)}, errors


def _digest(root: Path, files: list[Path]) -> str:
    """Return the digest of the names of files, in their order."""
    names = "\n".join(file.relative_to(root).as_posix() for file in files)
    return hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()


def _all_files(layout: Layout) -> list[Path]:
    return [file for classes in layout.values() for group in classes.values() for file in group]


def _refuse_or_warn(errors: dict[Path, ValueError], layout: Layout, skip: bool) -> None:
    if not skip:
        others = f" (and {len(errors) - 1} other files)" if len(errors) > 1 else ""
        first = str(next(iter(errors.values()))).rstrip(".")
        raise ValueError(
            f"{first}{others}; skip_unreadable=True, or --skip-unreadable on the command line, "
            "leaves such files out."
        )
    named = ", ".join(str(file) for file in list(errors)[:3])
    more = ", ..." if len(errors) > 3 else ""
    warnings.warn(
        f"Left out {len(errors)} of {len(_all_files(layout))} files, which cannot be read: "
        f"{named}{more}.",
        stacklevel=4,
    )


def _without(root: Path, layout: Layout, skipped: set[Path]) -> Layout:
    """Return `layout` less the skipped files; a class left empty is refused."""
    kept = {}
    for split, classes in layout.items():
        kept[split] = {
            name: [file for file in files if file not in skipped] for name, files in classes.items()
        }
        refuse_empty_classes(root if split == "all" else root / split, kept[split])
    return kept


def _common_shape(root: Path, kind: str, shapes: set[Shape]) -> Shape:
    """Return the shape of all examples, None where images differ."""
    if kind == "signal":
        if len(shapes) > 1:
            listed = " and ".join(str(shape) for shape in sorted(shapes)[:2])
            raise ValueError(
                f"The signals in {root} differ in shape, for instance {listed}: bring them to one "
                "length and number of channels."
            )
        return next(iter(shapes))
    height, width, channels = (set(sizes) for sizes in zip(*shapes))
    return (
        height.pop() if len(height) == 1 else None,
        width.pop() if len(width) == 1 else None,
        max(channels),
    )
