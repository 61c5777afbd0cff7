"""From a model's name and a data set's to a trained network in a run folder."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from kzoo import replicas
from kzoo.analysis import count_parameters
from kzoo.registry import create_model, find_family
from kzoo.training import devices, folder, workers
from kzoo.training.fit import execute, prepare
from kzoo.training.recipe import Recipe


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
    def results(self) -> dict[str, Any]:
        """Loss and accuracy by split."""
        return folder.read_results(self.folder)

    def model(self) -> keras.Model:
        """Read the trained model."""
        return folder.load_model(self.folder)


def run_folder(output, model_name: str, data) -> Path:
    """Return where a run goes: `output`, or `runs/MODEL-DATA`."""
    return Path("runs", f"{model_name}-{Path(data).name}") if output is None else Path(output)


def train(
    model_name: str,
    data,
    *,
    recipe: Recipe | Mapping[str, Any] | None = None,
    output=None,
    resume: bool = False,
    image_size: int | None = None,
    weights=None,
    conv="standard",
    model_options: dict[str, Any] | None = None,
    data_dir=None,
    download: bool = False,
    skip_unreadable: bool = False,
    verbose: int | str = "auto",
    say=print,
) -> Run:
    """Train a model on a data set, evaluate it once on the test split, and write a run folder.

    Args:
        model_name: name of a model, see `kzoo.list_models`.
        data: name of a data set or a folder, see `kzoo.data.load`.
        recipe: the recipe, or the fields of it that are not the defaults for this model and data
            set, see `default_recipe`; its seed also sets Keras's random seed.
        output: run folder; default `runs/MODEL-DATA`.
        resume: continue the run in that folder, which must be started with the same arguments.
        image_size: height and width to bring images to; default their own, or the smallest that
            the network allows.
        weights: initial weights, see `kzoo.create_model`.
        conv: what replaces the convolutions, by name.
        model_options: further arguments of the model's builder.
        data_dir: where TensorFlow Datasets are, instead of `TFDS_DATA_DIR`.
        download: whether a missing data set may be downloaded.
        skip_unreadable: whether to leave out files that cannot be read, instead of refusing them.
        verbose: as for `fit`.
        say: function that takes each line worth telling.

    Raises:
        TypeError, ValueError: an argument that cannot be; nothing has been written then.
    """
    from kzoo.data import open_source
    from kzoo.training.defaults import default_recipe

    given = {} if recipe is None else recipe
    # Fields that cannot be are refused before any data is read.
    recipe = given if isinstance(given, Recipe) else Recipe(**given)
    family = find_family(model_name)
    if not isinstance(conv, str):
        raise TypeError(f"conv must be a name, so that the run can be repeated; received {conv!r}.")
    path = run_folder(output, model_name, data)
    devices.let_gpu_memory_grow()
    workers.connect()
    if replicas.is_chief():
        folder.check_output(path, resume)
    else:
        say = workers.silent
    data_dir = data_dir or os.environ.get("TFDS_DATA_DIR")
    source = open_source(
        data, download=download, skip_unreadable=skip_unreadable, data_dir=data_dir
    )
    size = _input_size(model_name, family, source.spec, image_size, say)
    if not isinstance(given, Recipe):
        recipe = default_recipe(family, source.spec, size, given)
    splits = _splits(source, recipe.validation_split)
    pipeline, validation = _pipelines(source, splits, size, recipe)
    options = dict(model_options or {}) | {"conv": conv}
    if weights is not None:
        options["weights"] = os.fspath(weights)
    options |= {"input_shape": pipeline.shape, "classes": source.spec.classes}
    keras.utils.set_random_seed(recipe.seed)
    with _precision(recipe.precision):
        model = create_model(model_name, **options)
    plan = prepare(model, pipeline, recipe, validation)
    config = {
        "model": {"name": model_name, "options": options, "parameters": count_parameters(model)},
        "data": _data_config(source, splits, size, data_dir, skip_unreadable),
        "recipe": recipe.to_dict(),
        "versions": folder.versions(),
    }
    with workers.run_folder(path, config, resume) as writing:
        history = execute(plan, writing, verbose, say)
    if replicas.is_chief():
        _measure(Run.open(path), history, splits["validation"], "test" in source.spec.splits)
    workers.wait_for_all()
    return Run.open(path) if replicas.is_chief() else Run(path, config)


def _splits(source, share):
    """Return the splits to train and to validate on; the second may be `None`."""
    from kzoo.data import train_and_validation

    if share == 0 and "validation" not in source.spec.splits:
        return {"train": "train", "validation": None}
    return dict(zip(("train", "validation"), train_and_validation(source, share)))


def _pipelines(source, splits, size, recipe):
    """Return what to train and what to validate on; the second may be `None`."""
    from kzoo.data import Pipeline

    shared = {"batch_size": recipe.batch_size, "image_size": size, "seed": recipe.seed}
    training = Pipeline(source, splits["train"], shuffle=True, augment=recipe.augment, **shared)
    if splits["validation"] is None:
        return training, None
    return training, Pipeline(source, splits["validation"], shuffle=False, **shared)


def _measure(run, history, validation, has_test):
    from kzoo.training.evaluate import evaluate

    last = history[-1]
    folder.add_results(run.folder, {"train": {"accuracy": last["accuracy"], "loss": last["loss"]}})
    if validation:
        evaluate(run, "validation")
    if has_test:
        evaluate(run, "test")


def _data_config(source, splits, size, data_dir, skip_unreadable):
    from kzoo.data.folder import FolderSource

    spec = source.spec
    return {
        "name": os.path.abspath(spec.name) if isinstance(source, FolderSource) else spec.name,
        "data_dir": data_dir and os.path.abspath(data_dir),
        "kind": spec.kind,
        "class_names": list(spec.class_names),
        "examples": dict(spec.splits),
        "splits": splits | ({"test": "test"} if "test" in spec.splits else {}),
        "image_size": size,
        "skip_unreadable": skip_unreadable,
    }


def _input_size(model_name, family, spec, image_size, say):
    """Return the height and width (or one number for both) to bring images to, or `None`."""
    wanted = "image" if family.rank == 2 else "signal"
    if spec.kind != wanted:
        raise ValueError(
            f"{model_name} takes {wanted}s and {spec.name} has {spec.kind}s; choose a model from "
            f"kzoo.list_models(task='{spec.kind}_classification')."
        )
    if spec.kind == "signal":
        if image_size is not None:
            raise ValueError(f"image_size is for images; {spec.name} has signals, leave it out.")
        return None
    if image_size is not None:
        if image_size < family.min_size_of(model_name):
            raise ValueError(
                f"image_size must be at least {family.min_size_of(model_name)} for {model_name}; "
                f"received {image_size}."
            )
        return image_size
    sides = spec.shape[:2]
    if None in sides:
        size = family.shape_of(model_name)[0]
        say(f"images differ in size; resizing them to {size} x {size}, as {model_name} expects")
        return size
    if min(sides) < family.min_size_of(model_name):
        size = family.min_size_of(model_name)
        say(
            f"{spec.name} has images of {sides[0]} x {sides[1]}; resizing them to {size} x {size}, "
            f"the smallest that {model_name} takes"
        )
        return size
    return None


@contextlib.contextmanager
def _precision(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
