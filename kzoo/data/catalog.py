"""Finding a data set by name or folder, and listing what is there."""

import contextlib
import dataclasses
import difflib
import importlib.util
import os
import re
import sys
import warnings
from pathlib import Path

from kzoo.data.cache import is_prepared, prepared_folder
from kzoo.data.embedded import EMBEDDED
from kzoo.data.exported import open_export
from kzoo.data.folder import FolderSource
from kzoo.data.spec import DataSpec, Source
from kzoo.data.tfds_source import TfdsSource, find_prepared, list_prepared, tfds_folder

# name, name/config, name:version
_TFDS_NAME = re.compile(r"\w+(/[\w.-]+)?(:[\w.*]+)?")


@dataclasses.dataclass(frozen=True)
class Available:
    """A data set that can be opened by `spec.name`.

    Args:
        spec: Its description.
        ready: Whether it opens without a download.
        where: Its folder, or what it will be made from.
    """

    spec: DataSpec
    ready: bool
    where: str


def open_source(
    name_or_folder: str | os.PathLike,
    *,
    download: bool = False,
    skip_unreadable: bool = False,
    data_dir: str | os.PathLike | None = None,
) -> Source:
    """Open a data set.

    A name means, in this order: an embedded set (`digits`, `mnist1d`, `mnist1d_shuffled`,
    `rotated_mnist`), a set that TensorFlow Datasets has prepared in `data_dir`, a folder. A path
    object, or a text that begins with "/", "." or "~", is a folder; what ends in ".npz" is a file
    that `export` wrote.

    Args:
        name_or_folder: Name (`name`, `name/config`, `name:version`), folder with one sub-folder
            per class, or exported file.
        download: Let tensorflow-datasets fetch a set that is not prepared. Without it nothing
            touches the network.
        skip_unreadable: Leave out the files of a folder that cannot be read, with a warning,
            rather than refuse the folder.
        data_dir: Folder of prepared sets; by default `TFDS_DATA_DIR`, else
            `~/tensorflow_datasets`.

    Raises:
        ValueError: an unknown name, a set that is not prepared or needs a package that is not
            installed, a folder that is not as described in `FolderSource`, or a damaged file.
    """
    text = os.fspath(name_or_folder)
    if text.endswith(".npz"):
        return open_export(text)
    if not isinstance(name_or_folder, str) or text.startswith(("/", ".", "~")):
        return FolderSource(text, skip_unreadable)
    if text in EMBEDDED:
        _tell_of_folder(text)
        return _open_embedded(text, download, data_dir)
    folder = find_prepared(text, data_dir) if _TFDS_NAME.fullmatch(text) else None
    if folder is not None:
        _tell_of_folder(text, folder)
        _need_packages(text)
        return TfdsSource(folder, text)
    if Path(text).is_dir():
        return FolderSource(text, skip_unreadable)
    return TfdsSource(_download(text, download, data_dir), text)


def _tell_of_folder(name: str, prepared: Path | None = None) -> None:
    """Warn where a data set has the name of a folder that is here."""
    here = Path(name)
    if here.is_dir() and (prepared is None or here.resolve() not in prepared.resolve().parents):
        warnings.warn(
            f"{name!r} is a data set, which is taken, and a folder here: './{name}' is the folder.",
            stacklevel=4,
        )


def _missing_package() -> str | None:
    """Return what sets of TensorFlow Datasets need and is not installed."""
    needed = ("tensorflow", "tensorflow_datasets")
    return next((name for name in needed if importlib.util.find_spec(name) is None), None)


def _need_packages(name: str) -> None:
    missing = _missing_package()
    if missing:
        raise ValueError(
            f"The data set {name!r} needs {missing}, which is not installed: give a folder, or a "
            "file that `kzoo data export` wrote where it is installed."
        )


def _open_embedded(name: str, download: bool, data_dir) -> Source:
    """Open an embedded set, making it on first use."""
    _need_packages(name)
    row = EMBEDDED[name]
    original = None
    if row.made_from is not None and not is_prepared(row.place):
        folder = find_prepared(row.made_from, data_dir)
        if folder is None:
            folder = _download(row.made_from, download, data_dir, wanted_for=name)
        original = TfdsSource(folder, row.made_from)
    return TfdsSource(row.prepare(original), name)


def _download(name: str, download: bool, data_dir, wanted_for: str | None = None) -> Path:
    """Fetch a set with tensorflow-datasets, or say why it cannot be opened."""
    _need_packages(name)
    import tensorflow_datasets as tfds

    known = tfds.list_builders(with_community_datasets=False)
    if re.split("[/:]", name)[0] not in known:
        names = {*known, *EMBEDDED, *list_prepared(data_dir)}
        near = difflib.get_close_matches(name.lower(), sorted(names), n=3)
        nearest = f" (near it are {', '.join(near)})" if near else ""
        raise ValueError(
            f"There is no data set or folder {name!r}{nearest}: `kzoo data list` shows what can be "
            "opened."
        )
    if not download:
        purpose = f", from which {wanted_for} is made," if wanted_for else ""
        raise ValueError(
            f"The data set {name}{purpose} is not prepared in {tfds_folder(data_dir)} (the "
            "environment variable TFDS_DATA_DIR chooses the folder): download=True, or --download "
            "on the command line, fetches it with tensorflow-datasets."
        )
    # Fetching fails in as many ways as there are hosts: no route, a checksum, a manual download.
    try:
        builder = tfds.builder(name, data_dir=tfds_folder(data_dir))
        with contextlib.redirect_stdout(sys.stderr):
            builder.download_and_prepare()
    except Exception as error:
        prepared = find_prepared(name, data_dir)
        if prepared is not None:  # by another process, at the same time
            return prepared
        reason = " ".join(str(error).split()).rstrip(".")
        raise ValueError(f"The data set {name} could not be fetched: {reason}.") from error
    return Path(builder.data_dir)


def available(data_dir: str | os.PathLike | None = None) -> tuple[Available, ...]:
    """Return the embedded sets, and the prepared TFDS sets that kzoo can read.

    Args:
        data_dir: Folder of prepared sets; by default `TFDS_DATA_DIR`, else
            `~/tensorflow_datasets`.
    """
    found = [_available(row.spec.name, data_dir) for row in EMBEDDED.values()]
    for name, folder in ({} if _missing_package() else list_prepared(data_dir)).items():
        try:
            spec = TfdsSource(folder, name).spec
        except ValueError:
            continue  # text, audio, detection, ...: not for classification
        if name not in EMBEDDED:
            found.append(Available(spec, True, os.fspath(folder)))
    return tuple(found)


def _available(name: str, data_dir) -> Available:
    row = EMBEDDED[name]
    missing = _missing_package()
    if missing:
        return Available(row.spec, False, f"needs {missing}")
    if is_prepared(row.place):
        return Available(row.spec, True, os.fspath(prepared_folder(row.place)))
    if row.made_from is None:
        return Available(row.spec, True, "made on first use")
    ready = find_prepared(row.made_from, data_dir) is not None
    return Available(row.spec, ready, f"made on first use from {row.made_from}")
