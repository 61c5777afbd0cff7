"""What a search was started with, as plain data in its folder."""

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kzoo.domains import Choice, Domain, Float, Int
from kzoo.training.files import check_creatable, read_record, write_json
from kzoo.training.folder import name_of

CONFIG = "search.json"
_DOMAINS = {kind.__name__: kind for kind in (Choice, Int, Float)}
# What may change between the start of a search and its continuation; the models that keep to the
# budget follow from the rest.
_MAY_DIFFER = ("versions", "max_trials", "affordable")


class SearchError(ValueError):
    """A search folder cannot be written or read."""


def search_folder(output, data) -> Path:
    """Return where a search goes: `output`, or `runs/tune-DATA`."""
    if output is not None:
        return Path(output)
    return Path("runs", f"tune-{name_of(data)}")


def check_folder(folder: Path, config: Mapping[str, Any]) -> bool:
    """Return whether a folder has this search already; refuse one that has anything else."""
    if not os.path.lexists(folder):
        check_creatable(folder, SearchError)
        return False
    before = read_config(folder)
    config = json.loads(json.dumps(config))
    names = [
        name
        for name in {**before, **config}
        if name not in _MAY_DIFFER and before.get(name) != config.get(name)
    ]
    if names:
        raise SearchError(
            f"{folder} has another search: it differs in {', '.join(names)}; name another folder "
            "with output."
        )
    return True


def read_config(folder: Path) -> dict[str, Any]:
    """Return what a search was started with."""
    return read_record(folder / CONFIG, "models", "folder of a search", "a search", SearchError)


def write_config(folder: Path, config: Mapping[str, Any]):
    """Write what a search is started with."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / CONFIG, dict(config))


def plain_space(space: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes of a search space as plain data that JSON can hold."""
    return {
        name: {"kind": type(value).__name__, **dataclasses.asdict(value)}
        if isinstance(value, Domain)
        else value
        for name, value in space.items()
    }


def space_of(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes of a search space that `plain_space` gave."""
    return {
        name: _domain(dict(value)) if isinstance(value, dict) and "kind" in value else value
        for name, value in plain.items()
    }


def _domain(fields):
    kind = _DOMAINS[fields.pop("kind")]
    if "values" in fields:
        fields["values"] = tuple(fields["values"])
    return kind(**fields)
