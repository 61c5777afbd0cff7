"""A run folder as an object."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from kzoo.data import Resize
from kzoo.training import folder
from kzoo.training.recipe import Recipe
from kzoo.training.views import view_of


@dataclass(frozen=True)
class Run:
    """A run folder.

    Attributes:
        folder: where it is.
        config: what the run was started with: model, data, recipe, versions.
    """

    folder: Path
    config: dict[str, Any]

    @classmethod
    def open(cls, path) -> "Run":
        """Return the run in a folder; `RunError` where there is none."""
        return cls(Path(path), folder.read_config(Path(path)))

    @property
    def recipe(self) -> Recipe:
        """The recipe it was trained by."""
        return Recipe.from_dict(self.config["recipe"])

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the model's outputs."""
        return tuple(self.data["class_names"])

    @property
    def data(self) -> dict[str, Any]:
        """What is known of the data."""
        if "data" not in self.config:
            raise folder.RunError(
                f"{self.folder} does not name its data: it was written by fit, not by train."
            )
        return self.config["data"]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input in evaluation and prediction."""
        return tuple(self.data["shape"])

    @property
    def resize(self) -> Resize | None:
        """How images are brought to that shape; `None` for the nearest, and for signals."""
        return view_of(self.data["resize"])

    @property
    def results(self) -> dict[str, Any]:
        """Loss and accuracy by split."""
        return folder.read_results(self.folder)

    def model(self) -> keras.Model:
        """Read the trained model."""
        return folder.load_model(self.folder)


def run_folder(output, model_name: str, data) -> Path:
    """Return where a run goes: `output`, or `runs/MODEL-DATA`."""
    if output is not None:
        return Path(output)
    return Path("runs", f"{model_name}-{folder.name_of(data)}")
