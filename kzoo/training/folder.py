"""The run folder: where it may be, what it was started with, and its files."""

import contextlib
import json
import os
import platform
import re
import shutil
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import keras

from kzoo.training.files import PARTIAL, check_creatable, read_record, replacing, write_json
from kzoo.weights.runs import CONFIG, MODEL

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

RESULTS = "results.json"
# What may change between the start of a run and its resumption.
_MAY_DIFFER = ("versions", "data.data_dir")


class RunError(ValueError):
    """A run folder cannot be written or read."""


def check_output(folder: Path, resume: bool):
    """Refuse a folder that a run cannot be written to, without touching the disk."""
    if resume:
        read_config(folder)
        return
    if os.path.lexists(folder):
        raise RunError(
            f"output {folder} exists already; name another folder with output, or continue the "
            "run in it with resume."
        )
    check_creatable(folder, RunError)


def name_of(data) -> str:
    """Return how the data are called in the name of a folder."""
    name = Path(data).name or Path(data).resolve().name  # of "."
    return name.removesuffix(".npz")


def check_outside(folder: Path, data: Path):
    """Refuse a run folder in a folder of data, which would take it for a class."""
    if data.is_dir() and folder.resolve().is_relative_to(data.resolve()):
        raise RunError(
            f"output {folder} lies in the data {data}, where it would be taken for a class; name "
            "a folder beside them with output."
        )


def read_config(folder: Path) -> dict[str, Any]:
    """Return what a run was started with."""
    return read_record(folder / CONFIG, "recipe", "run folder", "a run", RunError)


class RunFolder:
    """A run folder while it is being written, by one process alone.

    As a context, it takes the folder away again where the block fails before `keep` was called.

    Args:
        folder: where.
        config: what the run is started with; compared to the folder's where it is resumed.
        resume: whether to continue the run that is there.

    Raises:
        RunError: the folder exists already, cannot be created, is no run folder, was started with
            something else, or is being written by another process.
    """

    def __init__(self, folder: Path, config: dict[str, Any], resume: bool):
        check_output(folder, resume)
        self.path = folder
        self._made: list[Path] = []
        if resume:
            _same_config(folder, config)
            self._lock = _lock(folder)
            return
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        try:
            folder.mkdir(parents=True)
            self._made = missing
            write_json(folder / CONFIG, config)
            self._lock = _lock(folder)
        except BaseException as error:
            self._clear()
            if isinstance(error, OSError):
                raise RunError(f"output {folder} cannot be written: {error.strerror}.") from None
            raise

    def __enter__(self):
        for partial in (self.path / "checkpoints").glob(PARTIAL):  # of a process that was killed
            with contextlib.suppress(OSError):
                partial.unlink()
        return self

    def __exit__(self, kind, value, traceback):
        if kind is not None:
            self._clear()
        if self._lock is not None:
            self._lock.close()

    def keep(self):
        """Leave the folder where it is, whatever happens from now on."""
        self._made = []

    def _clear(self):
        made, self._made = self._made, []
        if made:
            shutil.rmtree(made[0])
        for parent in made[1:]:
            try:
                parent.rmdir()
            except OSError:  # other runs are in it
                return


def _lock(folder):
    """Return the open file that keeps other processes from writing a run folder, if there can be.

    The system lets go of it however this process ends. There is none on Windows, and on file
    systems without locks.
    """
    if fcntl is None:
        return None
    is_ours = os.access(folder / CONFIG, os.W_OK)
    file = open(folder / CONFIG, "r+b" if is_ours else "rb")  # noqa: SIM115
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise RunError(
            f"another process is training in {folder}; wait until it has ended, or end it."
        ) from None
    except OSError:
        file.close()
        return None
    return file


def save_model(folder: Path, model: keras.Model):
    """Write `model.keras`."""
    with replacing(folder / MODEL) as partial:
        model.save(partial)


def load_model(folder: Path) -> keras.Model:
    """Read `model.keras`; a missing or damaged one is refused."""
    path = folder / MODEL
    if not path.exists():
        read_config(folder)
        raise RunError(f"{folder} has no {MODEL}: its training has not ended, resume it first.")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise RunError(f"{path} is damaged ({error}); train again.") from None
    if damaged is not None:
        raise RunError(f"{path} is damaged (its part {damaged}); train again.")
    return keras.saving.load_model(path, compile=False)


def read_results(folder: Path) -> dict[str, Any]:
    """Return the measurements of a run by split; empty before the first."""
    path = folder / RESULTS
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def add_results(folder: Path, results: dict[str, Any]):
    """Add measurements to `results.json`."""
    write_json(folder / RESULTS, read_results(folder) | results)


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    backend = keras.config.backend()
    import kzoo

    return {
        "kzoo": kzoo.__version__,
        "keras": keras.__version__,
        "backend": backend,
        backend: metadata.version(backend),
        "python": platform.python_version(),
    }


def _same_config(folder, config):
    started = read_config(folder)
    may_differ: tuple[str, ...] = _MAY_DIFFER
    # What older runs do not say.
    if not started.get("data", {}).get("files"):
        may_differ = (*may_differ, "data.files")
    if "batches" not in started:
        may_differ = (*may_differ, "teacher.")
    unknown = config.get("batches", {}).keys() - started.get("batches", {}).keys()
    may_differ = (*may_differ, *(f"batches.{name}" for name in unknown))
    found = difference(started, config, may_differ)
    if found is None:
        return
    name, before, now = found
    if name.startswith(("data.files", "data.examples")):
        raise RunError(
            f"the {name.rpartition('.')[2]} examples are not those that {folder} was "
            "started with: some were added, removed or renamed. Put them back, or train "
            "anew in another folder."
        )
    raise RunError(
        f"{name} is {now!r}, and {before!r} in {folder / CONFIG}; resume with what the run was "
        "started with."
    )


def difference(config, other, may_differ: tuple[str, ...]) -> tuple[str, Any, Any] | None:
    """Return the first entry that differs between two configurations, and what it is in each.

    Those of the recipe come first and those of the batches, which follow from others, last.

    Args:
        config, other: the configurations.
        may_differ: how the names of entries begin that may.
    """
    one, two = _comparable(config), _comparable(other)
    names = sorted(one.keys() | two.keys())
    names.sort(key=lambda name: name.startswith("batches") - name.startswith("recipe"))
    for name in names:
        if not name.startswith(may_differ) and one.get(name) != two.get(name):
            return name, one.get(name), two.get(name)
    return None


def _comparable(config):
    """Return the entries of a configuration by their paths.

    A model that `fit` was given has no number behind its name, which Keras adds when it is built
    again.
    """
    flat = _flat(json.loads(json.dumps(config | _plain_view(config))))
    if os.path.isabs(flat.get("data.name", "")):
        flat["data.name"] = os.path.realpath(flat["data.name"])
    if "data" not in config and "model.name" in flat:
        flat["model.name"] = re.sub(r"_\d+$", "", flat["model.name"])
    return flat


def _plain_view(config):
    """Return the data of a configuration without a resizing that crops nothing.

    Older runs have none where images have their size; its size is the data's shape, and the rest
    is that of the recipe or the weights.
    """
    data = config.get("data", {})
    crops = (data.get("resize") or {}).get("crop") != 1
    return {} if crops else {"data": data | {"resize": None}}


def _flat(value, prefix=""):
    if not isinstance(value, dict) or not value:
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, item in value.items():
        flat |= _flat(item, f"{prefix}.{key}" if prefix else key)
    return flat
