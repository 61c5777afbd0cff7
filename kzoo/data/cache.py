"""kzoo's own cache folder, where the embedded data sets are prepared once."""

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path


def cache_folder() -> Path:
    """Return `KZOO_CACHE`, else `XDG_CACHE_HOME/kzoo`, else `~/.cache/kzoo`."""
    if chosen := os.environ.get("KZOO_CACHE"):
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "kzoo"


def prepared_folder(place: str) -> Path:
    """Return where the embedded set of `place`, "name/version", is or will be prepared."""
    return cache_folder() / "tfds" / place


def is_prepared(place: str) -> bool:
    """Whether the embedded set of `place` is there."""
    return (prepared_folder(place) / "dataset_info.json").is_file()


def prepare_once(place: str, make_builder: Callable) -> Path:
    """Prepare a data set in the cache folder unless it is there, and return its folder.

    The files are written beside their place and moved there in one step, so that no reader and no
    second process meets half a data set.

    Args:
        place: "name/version" of the builder.
        make_builder: Called with `data_dir=`, returns a TFDS builder.

    Raises:
        ValueError: the cache folder cannot be written.
    """
    target = prepared_folder(place)
    if is_prepared(place):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="preparing-") as work:
            builder = make_builder(data_dir=work)
            _run(builder)
            _move(builder.data_dir, target, place)
    except OSError as error:
        raise ValueError(
            f"The cache folder {cache_folder()} cannot be written ({error.strerror}); the "
            "environment variable KZOO_CACHE chooses another."
        ) from error
    return target


def _move(source: str, target: Path, place: str) -> None:
    try:
        os.rename(source, target)
    except OSError:
        # The target is there already when another process finished first.
        if not is_prepared(place):
            raise


def _run(builder) -> None:
    """Run a TFDS builder without its messages, and without progress bars in a log file."""
    import tensorflow_datasets as tfds

    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    with contextlib.redirect_stdout(io.StringIO()):
        builder.download_and_prepare()
