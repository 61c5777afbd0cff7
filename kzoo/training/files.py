"""Writing files so that a crash leaves the old one or the new one, never a part."""

import contextlib
import json
import os
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path):
    """Yield a path beside `path`, whose file takes the place of `path` when the block ends well."""
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield partial
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value):
    """Write `value` as JSON."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
