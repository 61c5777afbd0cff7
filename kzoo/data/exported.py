"""A whole data set in one NumPy file, which needs nothing but NumPy to be read.

The file is a compressed `.npz` without pickles. Its arrays: `format`, `name`, `kind`,
`class_names`, `splits`, and for every split `labels_SPLIT` (int64) and `inputs_SPLIT` (images are
uint8). Images that are JPEGs, or differ in size, stay as they are stored: instead of
`inputs_SPLIT` there are `files_SPLIT`, their bytes one after the other, and `lengths_SPLIT`
(int64), and `shape` is that of the images, 0 where they differ.
"""

import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from kzoo.data.arrays import ArraySource, check_numbers
from kzoo.data.encoded import JPEG, EncodedSource
from kzoo.data.pipeline import Pipeline
from kzoo.data.resize import Resize
from kzoo.data.spec import DataSpec, Source

FORMAT = "kzoo data 2"
# What damage looks like depends on where it is: the archive, its compression, or an array. A lone
# array is no context, a TypeError.
_DAMAGE = (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def export(
    source: Source,
    file: str | os.PathLike,
    *,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    resize: Resize | None = None,
) -> Path:
    """Write all splits of a data set to one file, which `open_source` reads back.

    Args:
        source: An opened data set, from `open_source`.
        file: A path that ends in ".npz" and does not exist.
        image_size: See `Pipeline`; it turns images into pixels of that size.
        channels: See `Pipeline`; likewise.
        resize: See `Pipeline`; likewise.

    Returns:
        The path.

    Raises:
        ValueError: the path is not as said or cannot be written, what has to be turned into pixels
            differs in channels or has no labels, or signals are no finite numbers.
    """
    from kzoo.training.files import replacing

    path = check_file(file)
    spec = source.spec
    arrays = {
        "format": np.array(FORMAT),
        "name": np.array(Path(spec.name).name),
        "kind": np.array(spec.kind),
        "class_names": np.array(spec.class_names),
        "splits": np.array(list(spec.splits)),
    }
    view: dict[str, Any] = {"image_size": image_size, "channels": channels, "resize": resize}
    files = _as_stored(source) if set(view.values()) == {None} else None
    if files is not None:
        arrays["shape"] = np.array([side or 0 for side in spec.shape])
    for split in spec.splits:
        if files is None:
            inputs, labels = Pipeline(source, split, **view).arrays()
            check_numbers(f"the split {split} of {spec.name}", inputs)
            arrays[f"inputs_{split}"] = inputs
        else:
            labels = source.labels(split)
            arrays[f"files_{split}"] = np.frombuffer(b"".join(files[split]), np.uint8)
            arrays[f"lengths_{split}"] = np.array([len(file) for file in files[split]])
        arrays[f"labels_{split}"] = labels
    try:
        with replacing(path) as partial:
            np.savez_compressed(partial, allow_pickle=False, **arrays)
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error.strerror}.") from error
    return path


def _as_stored(source: Source) -> dict[str, list[bytes]] | None:
    """Return the files of all splits, if they rather than pixels are to be written."""
    files: dict[str, list[bytes]] = {}
    for split in source.spec.splits:
        encoded = source.encoded(split)
        if encoded is None:
            return None
        files[split] = []
        for file in encoded:
            if not file.startswith(JPEG) and None not in source.spec.shape:
                return None
            files[split].append(file)
    return files


def check_file(file: str | os.PathLike) -> Path:
    """Return the path to export to, or refuse one that exists or does not end in ".npz"."""
    path = Path(file).expanduser()
    if path.suffix != ".npz":
        raise ValueError(f"The file of an exported data set must end in .npz; received {path}.")
    if os.path.lexists(path):
        raise ValueError(f"{path} exists already: remove it, or export to another file.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise ValueError(f"{path} cannot be written: {path.parent} is no writable folder.")
    return path


def open_export(name: str | os.PathLike) -> Source:
    """Open a file that `export` wrote.

    Raises:
        ValueError: the file is missing, damaged, or not from `export`.
    """
    path = Path(name).expanduser()
    try:
        # np.load would leave a damaged file open if it opened it.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            if "format" not in archive.files:
                raise KeyError("format")
            arrays = {name: archive[name] for name in archive.files}
            checks = {name: archive.zip.getinfo(f"{name}.npy").CRC for name in archive.files}
        if arrays["format"] != FORMAT:
            raise ValueError(f"its format is {arrays['format']}, and {FORMAT!r} is read")
        source = _source(arrays)
    except FileNotFoundError:
        raise ValueError(f"The file {path} does not exist.") from None
    except _DAMAGE as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error).rstrip(".")
        raise ValueError(
            f"{path} cannot be read as an exported data set ({reason}): write it by `kzoo data "
            "export`."
        ) from error
    source.location = path.absolute()
    source.digests = {split: _digest(checks, split) for split in source.spec.splits}
    return source


def _digest(checks: dict[str, int], split: str) -> str:
    """Return what tells the examples of a split, in their order, from others."""
    names = (f"{part}_{split}" for part in ("labels", "inputs", "lengths", "files"))
    return "content:" + "-".join(f"{checks[name]:08x}" for name in names if name in checks)


def _source(arrays: dict[str, np.ndarray]) -> Source:
    splits = arrays["splits"].tolist()
    labels = {split: arrays[f"labels_{split}"] for split in splits}
    name, class_names = str(arrays["name"]), tuple(arrays["class_names"].tolist())
    if "shape" not in arrays:
        inputs = {split: (arrays[f"inputs_{split}"], labels[split]) for split in splits}
        return ArraySource(inputs, name, class_names)
    spec = DataSpec(
        name=name,
        kind=str(arrays["kind"]),
        shape=tuple(side or None for side in arrays["shape"].tolist()),
        class_names=class_names,
        splits={split: len(labels[split]) for split in splits},
    )
    files = {split: _cut(arrays[f"files_{split}"], arrays[f"lengths_{split}"]) for split in splits}
    return EncodedSource(spec, {split: (files[split], labels[split]) for split in splits})


def _cut(content: np.ndarray, lengths: np.ndarray) -> list[bytes]:
    ends = np.cumsum(lengths).tolist()
    return [content[start:end].tobytes() for start, end in zip([0, *ends], ends)]
