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
from kzoo.applications._family import Family
from kzoo.data import Pipeline, Source, open_source, train_and_validation
from kzoo.registry import create_model, find_family
from kzoo.training import devices, folder, workers
from kzoo.training.defaults import default_recipe, suits_small_stem
from kzoo.training.evaluate import measure
from kzoo.training.fit import execute, prepare
from kzoo.training.recipe import Recipe
from kzoo.training.recipes import named_recipe
from kzoo.training.run import Run, run_folder
from kzoo.training.views import Views, choose_views, view_config
from kzoo.weights.tags import Preprocessing, records_of


def train(
    model_name: str,
    data,
    *,
    recipe: Recipe | str | Mapping[str, Any] | None = None,
    output=None,
    resume: bool = False,
    weights=None,
    teacher=None,
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
        model_name: name of a model, see `kzoo.list_models`; it may carry a tag of weights.
        data: name of a data set, a folder or a file, see `kzoo.data.load`.
        recipe: the recipe, the name of one, or the fields of it that are not the defaults for this
            model, its weights and the data set, see `default_recipe`; its seed also sets Keras's
            random seed.
        output: run folder; default `runs/MODEL-DATA`.
        resume: continue the run in that folder, which must be started with the same arguments.
        weights: initial weights, see `kzoo.create_model`.
        teacher: what to learn from besides the labels: a run folder of the same data set, or a
            model with a tag of weights of the same classes, such as "resnet20_cifar.cifar10".
        conv: what replaces the convolutions, by name.
        model_options: further arguments of the model's builder. Without weights, images of at most
            64 pixels get `stem="small"` where the family has it and nothing else is said here.
        data_dir: where TensorFlow Datasets are, instead of `TFDS_DATA_DIR`.
        download: whether a missing data set may be downloaded.
        skip_unreadable: whether to leave out files that cannot be read, instead of refusing them.
        verbose: as for `fit`.
        say: function that takes each line worth telling.

    Raises:
        TypeError, ValueError: an argument that cannot be; nothing has been written then.
    """
    given = _given(recipe)
    start = _Start.of(model_name, weights)
    if not isinstance(conv, str):
        raise TypeError(f"conv must be a name, so that the run can be repeated; received {conv!r}.")
    path = run_folder(output, model_name, data)
    say = _join_workers(path, resume, say)
    how: dict[str, Any] = {
        "data_dir": data_dir or os.environ.get("TFDS_DATA_DIR"),
        "skip_unreadable": skip_unreadable,
    }
    source = open_source(data, download=download, **how)
    plan, config = _plan(start, source, how, given, conv, model_options, teacher, say)
    with workers.run_folder(path, config, resume) as writing:
        last = execute(plan, writing, verbose, say)[-1]
    return _evaluated(path, plan, config, source, last)


def _join_workers(path, resume, say):
    """Connect to the other workers; return what is said here, nothing but where the chief runs.

    A run folder that cannot be written or resumed is refused.
    """
    devices.let_gpu_memory_grow()
    workers.connect()
    if not replicas.is_chief():
        return workers.silent
    folder.check_output(path, resume)
    return say


def _plan(start, source, how, given, conv, model_options, teacher, say):
    """Return the plan of a training, and what the run folder records of it."""
    recipe = given
    if not isinstance(given, Recipe):
        recipe = default_recipe(start.family, source.spec, start.weights is not None, given)
    own = _own_options(model_options, start, source.spec, recipe, say)
    stem = own.get("stem", "published")
    views = choose_views(start.name, start.family, source.spec, recipe, start.trained_on, say, stem)
    splits = _splits(source, recipe.validation_split)
    pipeline, validation = _pipelines(source, splits, views, recipe)
    options = _model_options(recipe, own, conv, start, views, pipeline)
    keras.utils.set_random_seed(recipe.seed)
    with _precision(recipe.precision):
        model = create_model(start.name, **options)
        teaching = None if teacher is None else _teacher(teacher, options)
    plan = prepare(model, pipeline, recipe, validation, teaching)
    config = {
        "model": {"name": start.name, "options": options, "parameters": count_parameters(model)},
        "data": _data_config(source, splits, pipeline, views, how),
        "recipe": recipe.to_dict(),
        "versions": folder.versions(),
    }
    if teacher is not None:
        config["teacher"] = os.fspath(teacher)
    return plan, config


def _evaluated(path, plan, config, source, last):
    """Return the run, with the results of its last epoch and of validation and test written."""
    if not replicas.is_chief():
        workers.wait_for_all()
        return Run(path, config)
    run = Run.open(path)
    folder.add_results(path, {"train": {"accuracy": last["accuracy"], "loss": last["loss"]}})
    for split in filter(config["data"]["splits"].get, ("validation", "test")):
        measure(run, plan.model, source, split)
    workers.wait_for_all()
    return run


@dataclass(frozen=True)
class _Start:
    """The network to begin with.

    Attributes:
        name: model name.
        family: its family.
        weights: tag, repository or file of the initial weights, or `None`.
        trained_on: the inputs they expect, where that is known.
        implied: arguments of the builder that they imply.
    """

    name: str
    family: Family
    weights: str | None
    trained_on: Preprocessing | None
    implied: Mapping[str, Any]

    @classmethod
    def of(cls, model_name, weights):
        name, dot, tag = (
            model_name.partition(".") if isinstance(model_name, str) else (model_name, "", "")
        )
        family = find_family(name)
        if dot and weights is not None:
            raise ValueError(
                f"{model_name!r} names its weights, and weights={weights!r} names others; give one "
                "of the two."
            )
        weights = tag if dot else weights and os.fspath(weights)
        records = records_of(name)
        known = {record.tag: record for record in records}
        if records:
            known["imagenet"] = records[0]
        if weights not in known:
            return cls(name, family, weights, None, {})
        return cls(name, family, weights, known[weights].preprocessing, known[weights].options)


def _given(recipe):
    """Return a recipe, or the fields that were given; what cannot be is refused before any work."""
    if isinstance(recipe, str):
        return named_recipe(recipe)
    if not isinstance(recipe, Recipe):
        Recipe.from_dict(recipe or {})
    return recipe or {}


def _splits(source, share):
    """Return the splits to train, validate and test on; those that there are not are `None`."""
    test = "test" if "test" in source.spec.splits else None
    if share == 0 and "validation" not in source.spec.splits:
        return {"train": "train", "validation": None, "test": test}
    training, validation = train_and_validation(source, share)
    return {"train": training, "validation": validation, "test": test}


def _pipelines(source: Source, splits, views: Views, recipe):
    """Return what to train and what to validate on; the second may be `None`."""
    training = Pipeline(
        source,
        splits["train"],
        batch_size=recipe.batch_size,
        resize=views.training,
        sizes=views.sizes,
        augment=recipe.augment,
        mixup=recipe.mixup,
        cutmix=recipe.cutmix,
        repeats=recipe.repeats,
        shuffle=True,
        seed=recipe.seed,
    )
    if splits["validation"] is None:
        return training, None
    validation = Pipeline(
        source,
        splits["validation"],
        batch_size=recipe.batch_size,
        resize=views.evaluation,
        shuffle=False,
    )
    return training, validation


def _own_options(given, start, spec, recipe, say):
    """Return the options of the family, with those of the weights or the stem that suits."""
    options = {**start.implied, **(given or {})}
    options.pop("conv", None)
    suits = suits_small_stem(start.family, spec, recipe, start.weights is not None)
    if suits and "stem" not in options:
        options["stem"] = "small"
        say(
            f"the images are small: {start.name} gets stem='small', without the first two halvings "
            "of its map; the option stem=published keeps them"
        )
    return options


def _model_options(recipe, own, conv, start, views, pipeline):
    """Return the arguments of the model's builder."""
    if conv == "standard":
        conv = start.implied.get("conv", conv)
    options = {**own, "conv": conv, "classes": pipeline.spec.classes}
    if start.weights is not None:
        options["weights"] = start.weights
    for name in ("dropout_rate", "drop_path_rate"):
        rate = getattr(recipe, name)
        if rate is not None and options.setdefault(name, rate) != rate:
            raise ValueError(
                f"{name} is {rate} in the recipe and {options[name]} among the model's options; "
                "give it once."
            )
    shape = pipeline.shape
    options["input_shape"] = shape if views.has_one_size else (None, None, shape[-1])
    return options


def _teacher(teacher, options):
    """Return the network to learn from."""
    if Path(teacher).is_dir():
        return folder.load_model(Path(teacher))
    name, dot, _ = str(teacher).partition(".")
    if not dot:
        raise ValueError(
            "teacher must be a run folder, or a model with a tag of its weights such as "
            f"'resnet50.a1_in1k'; received {str(teacher)!r}."
        )
    classes = next((w.classes for w in records_of(name) if f"{name}.{w.tag}" == teacher), None)
    return create_model(teacher, input_shape=options["input_shape"], classes=classes or 1000)


def _data_config(source, splits, pipeline, views, how):
    spec = source.spec
    shape = pipeline.shape
    if views.evaluation is not None:
        shape = (*views.evaluation.height_and_width, shape[-1])
    return {
        "name": os.fspath(source.location or spec.name),
        "data_dir": how["data_dir"] and os.path.abspath(how["data_dir"]),
        "kind": spec.kind,
        "class_names": list(spec.class_names),
        "examples": dict(spec.splits),
        "splits": splits,
        "shape": list(shape),
        "resize": view_config(views),
        "skip_unreadable": how["skip_unreadable"],
    }


@contextlib.contextmanager
def _precision(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
