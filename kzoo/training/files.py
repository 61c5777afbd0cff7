"""Writing files so that a crash leaves the old one or the new one, never a part."""

import contextlib
import json
import os
from pathlib import Path

PARTIAL = ".*.partial.*"


@contextlib.contextmanager
def replacing(path: Path):
    """Yield a path beside `path`, whose file takes the place of `path` when the block ends well.

    An `OSError` that names no file, as that of a full disk, gets the name of `path`.
    """
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield partial
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        partial.unlink(missing_ok=True)


def check_creatable(folder: Path, error: type[Exception]):
    """Refuse a folder that cannot be created, without touching the disk."""
    parent = next(parent for parent in folder.absolute().parents if parent.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise error(f"output {folder} cannot be created: {parent} is not a writable folder.")


def read_record(path: Path, key: str, folder_of: str, of: str, error: type[Exception]):
    """Return the JSON mapping in a folder, or refuse a folder without it.

    Args:
        path: the file.
        key: what the mapping has at least.
        folder_of, of: what the folder and the file are, in words.
        error: what a refusal raises.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise error(f"{path.parent} is no {folder_of}: it has no {path.name}.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as damage:
        raise error(f"{path} is damaged: {damage}.") from None
    if not isinstance(record, dict) or key not in record:
        raise error(f"{path} is not the {path.name} of {of}: it has no {key}.")
    return record


def write_json(path: Path, value):
    """Write `value` as JSON."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
