"""Weights of a run folder that `kzoo train` wrote: as a tag's, with what the run says of them."""

import json
from pathlib import Path
from typing import Any

from kzoo.weights.errors import WeightsError
from kzoo.weights.keras_files import read_statistics
from kzoo.weights.tags import Preprocessing, WeightsInfo

MODEL, CONFIG = "model.keras", "config.json"
# Arguments of the run's builder that another training of its weights may have otherwise.
_FREE = (
    *("classes", "classifier_activation", "weights", "mean", "std"),
    *("dropout_rate", "input_dropout_rate", "drop_path_rate"),
)


def run_record(weights, name: str) -> WeightsInfo | None:
    """Return what is known of a run folder, or of the `model.keras` in it; `None` for other paths.

    Args:
        weights: path of the folder or of the file.
        name: the model to load into.

    Raises:
        WeightsError: the run is of another model, has not ended, or is damaged.
    """
    path = Path(weights)
    folder = path.parent if path.name == MODEL else path
    config = _read_config(folder)
    if "data" not in config:  # of `fit`, which is not told how the model was built
        return None
    network, data = config["model"], config["data"]
    if network["name"] != name and path.name == MODEL:
        return None
    if network["name"] != name:
        raise WeightsError(
            f"{folder} is a run of {network['name']}, not of {name}; to load it by the names of "
            f"its layers, give the {MODEL} in it."
        )
    if not (folder / MODEL).is_file():
        raise WeightsError(f"{folder} has no {MODEL} yet: its training has not ended, resume it.")
    mean, std = read_statistics(folder / MODEL)
    resize = data["resize"] or {}
    size = tuple(data["shape"][:-1]) if len(data["shape"]) == 3 else (data["shape"][0], 1)
    crop = resize.get("crop", 1.0)
    return WeightsInfo(
        name=name,
        tag=str(weights),
        source=str(folder / MODEL),
        sha256=None,
        classes=len(data["class_names"]),
        dataset=data["name"],
        licence=None,
        top1=None,
        top5=None,
        top1_size=None,
        megabytes=None,
        preprocessing=Preprocessing(
            mean=mean,
            std=std,
            interpolation=resize.get("interpolation", "bilinear"),
            crop=crop,
            crop_mode=resize.get("mode", "center"),
            size=size,
            test_size=size,
            test_crop=crop,
        ),
        recommended=False,
        reference=None,
        facts_from=str(folder / CONFIG),
        accuracy_from=None,
        options={key: value for key, value in network["options"].items() if key not in _FREE},
    )


def _read_config(folder: Path) -> dict[str, Any]:
    """Return the configuration of a run; empty where a folder is no run."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError as error:
        raise WeightsError(f"{folder / CONFIG} is damaged: {error}.") from error
    is_run = isinstance(config, dict) and {"model", "recipe", "versions"} <= config.keys()
    return config if is_run else {}
