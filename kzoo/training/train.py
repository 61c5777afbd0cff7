"""From a model's name and a data set's to a trained network in a run folder."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kzoo import replicas
from kzoo.analysis import count_parameters
from kzoo.data import ServedPipeline, open_source
from kzoo.registry import create_model
from kzoo.training import devices, folder, workers
from kzoo.training.evaluate import measure
from kzoo.training.fit import execute, prepare
from kzoo.training.recipe import Recipe
from kzoo.training.recipes import recipe_for
from kzoo.training.run import Run, run_folder
from kzoo.training.setup import Setup, Start, splits_of
from kzoo.training.views import view_config
from kzoo.weights.tags import records_of


@workers.together()
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
    data_service: Sequence[str] = (),
    verbose: int | str = "auto",
    say=print,
) -> Run:
    """Train a model on a data set, evaluate it once on the test split, and write a run folder.

    Args:
        model_name: name of a model, see `kzoo.list_models`; it may carry a tag of weights.
        data: name of a data set, a folder or a file, see `kzoo.data.load`.
        recipe: the recipe, the name of one, or the fields of it that are not the defaults for this
            model, its weights and the data set, see `default_recipe`; with a "name" among them,
            they are those that are not of the recipe of that name. Its seed also sets Keras's
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
        data_service: addresses "host:port" of `serve_data`, whose processes make the training
            batches in place of this one; `()` is none.
        verbose: as for `fit`.
        say: function that takes each line worth telling.

    Raises:
        TypeError, ValueError: an argument that cannot be; nothing has been written then.
    """
    given = given_recipe(recipe)
    start = Start.of(model_name, weights)
    if not isinstance(conv, str):
        raise TypeError(f"conv must be a name, so that the run can be repeated; received {conv!r}.")
    path = run_folder(output, model_name, data)
    say = _join_workers(path, resume, say)
    how: dict[str, Any] = {
        "data_dir": data_dir or os.environ.get("TFDS_DATA_DIR"),
        "skip_unreadable": skip_unreadable,
    }
    source = open_source(data, download=download, **how)
    if source.location is not None:
        folder.check_outside(path, source.location)
    setup = Setup.of(start, source.spec, given, conv=conv, model_options=model_options, say=say)
    plan, config = _plan(setup, source, how, teacher, data_service)
    if "test" in source.spec.splits and config["data"]["splits"]["test"] is None:
        say(f"the test split of {source.spec.name} has no labels and is not measured")
    workers.check_alike(config)
    with workers.run_folder(path, config, resume) as writing:
        row = execute(plan, writing, verbose, say).kept_row()
    return _evaluated(path, config, plan.model, source, row)


def _join_workers(path, resume, say):
    """Connect to the other workers, and return how to say something: only the chief does.

    A run folder that cannot be written or resumed is refused.
    """
    devices.let_gpu_memory_grow()
    addresses, index = workers.cluster()
    if len(addresses) > 1 and replicas.count() == 1:
        say(f"worker {index} waits for the others, at {', '.join(addresses)}")
    workers.connect()
    if not replicas.is_chief():
        return workers.silent
    folder.check_output(path, resume)
    return say


def _plan(setup, source, how, teacher, data_service):
    """Return the plan of the training, and what its run folder says of it."""
    splits = splits_of(source, setup.recipe.validation_split)
    pipeline, validation = setup.pipelines(source, splits)
    if data_service:
        pipeline = ServedPipeline.of(pipeline, data_service)
    model = setup.build()
    teaching = None if teacher is None else _teacher(teacher, setup, source.spec.class_names)
    plan = prepare(model, pipeline, setup.recipe, validation, teaching)
    config = {
        "model": {
            "name": setup.name,
            "options": setup.options,
            "parameters": count_parameters(model),
        },
        "data": _data_config(source, splits, setup.views, how),
        "recipe": setup.recipe.to_dict(),
        "batches": {"steps": plan.feed.steps},
        "versions": folder.versions(),
    }
    if teacher is not None:
        config["teacher"] = os.fspath(teacher)
    return plan, config


def _evaluated(path, config, model, source, row):
    """Return the run, with its results on all splits written by the chief."""
    run = Run(path, config)
    if replicas.is_chief():
        run = Run.open(path)
        folder.add_results(path, {"train": {"accuracy": row["accuracy"], "loss": row["loss"]}})
        for split in filter(config["data"]["splits"].get, ("validation", "test")):
            measure(run, model, source, split)
    workers.wait_for_all()
    return run


def given_recipe(recipe) -> Recipe | Mapping[str, Any]:
    """Return a recipe, or the fields that were given; what cannot be is refused before any work."""
    if isinstance(recipe, Recipe):
        return recipe
    fields = {"name": recipe} if isinstance(recipe, str) else dict(recipe or {})
    return recipe_for(fields.pop("name", None), fields)


def _same_classes(run, class_names):
    """Refuse a teacher that learned other classes; `fit` does not write which they were."""
    learned = run.class_names if "data" in run.config else tuple(class_names)
    if learned != tuple(class_names):
        raise ValueError(
            f"teacher must be a run of the same classes, {', '.join(class_names)}; {run.folder} "
            f"has {', '.join(learned)}."
        )


def _teacher(teacher, setup, class_names):
    """Return the network to learn from."""
    if Path(teacher).is_dir():
        _same_classes(Run.open(teacher), class_names)
        return folder.load_model(Path(teacher))
    name, dot, _ = str(teacher).partition(".")
    if not dot:
        raise ValueError(
            "teacher must be a run folder, or a model with a tag of its weights such as "
            f"'resnet50.a1_in1k'; received {str(teacher)!r}."
        )
    classes = next((w.classes for w in records_of(name) if f"{name}.{w.tag}" == teacher), None)
    with setup.precision():
        return create_model(
            teacher, input_shape=setup.options["input_shape"], classes=classes or 1000
        )


def _data_config(source, splits, views, how):
    spec = source.spec
    shape = spec.shape
    if views.evaluation is not None:
        shape = (*views.evaluation.height_and_width, shape[-1])
    return ({"files": dict(source.digests)} if source.digests else {}) | {
        "name": os.fspath(source.location or spec.name),
        "data_dir": how["data_dir"] and os.path.abspath(os.path.expanduser(how["data_dir"])),
        "kind": spec.kind,
        "class_names": list(spec.class_names),
        "examples": dict(spec.splits),
        "splits": splits,
        "shape": list(shape),
        "resize": view_config(views),
        "skip_unreadable": how["skip_unreadable"],
    }
