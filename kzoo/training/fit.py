"""Training a model by a recipe."""

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from kzoo import replicas
from kzoo.analysis import count_parameters
from kzoo.training import devices, workers
from kzoo.training.checkpoint import Progress, load_checkpoint, read_progress, restore
from kzoo.training.feed import Feed, check_labels, class_weights
from kzoo.training.folder import RunFolder, save_model, versions
from kzoo.training.objective import cross_entropy, logits_model
from kzoo.training.optimizers import create_optimizer
from kzoo.training.plots import draw_curves
from kzoo.training.recipe import Recipe
from kzoo.training.recorder import Recorder, validated_epochs, write_history
from kzoo.training.schedules import learning_rate_schedule


def fit(
    model: keras.Model,
    data,
    recipe: Recipe | None = None,
    *,
    validation_data=None,
    output=None,
    resume: bool = False,
    verbose: int | str = "auto",
) -> list[dict[str, Any]]:
    """Train a classifier in place.

    The loss is the cross-entropy of the logits: a final softmax is left out for training and is in
    the saved model. A training that was killed and resumed ends with the weights of one that was
    not, if `data` are arrays or a `Pipeline`, whose order depends on the seed and the epoch alone.
    (On PyTorch, Keras's dropout layers without a seed of their own draw from PyTorch's generator,
    whose state is not saved.)

    Args:
        model: functional model that ends in a softmax or in logits.
        data: arrays `(x, y)`, a `kzoo.data.Pipeline`, a `keras.utils.PyDataset` or a
            `tf.data.Dataset`; labels are integers. Only arrays are batched and shuffled here.
        recipe: the recipe; its seed is that of the order of arrays, and the initial weights are
            the model's.
        validation_data: the like, or `None`.
        output: run folder to write, or `None`.
        resume: continue the training in `output`.
        verbose: 0 silent, 1 progress bar, 2 one line for each epoch, "auto" chooses by whether the
            output is a terminal.

    Returns:
        The history: one row for each epoch, `recorder.COLUMNS`; what was not measured is `None`.

    Example:

    >>> history = kzoo.training.fit(model, (x, y), kzoo.training.Recipe(epochs=3))

    Raises:
        TypeError, ValueError: model, data and recipe do not go together.
        RunError: `output` cannot be written or resumed.
        FloatingPointError: the loss became infinite or not a number.
    """
    plan = prepare(model, data, recipe or Recipe(), validation_data)
    if output is None:
        if resume:
            raise ValueError("resume=True needs the run folder to resume, as output.")
        return execute(plan, None, verbose)
    config = {
        "model": {"name": model.name, "parameters": count_parameters(model)},
        "recipe": plan.recipe.to_dict(),
        "versions": versions(),
    }
    with workers.run_folder(Path(output), config, resume) as folder:
        return execute(plan, folder, verbose)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A training whose parts have been checked against each other."""

    model: keras.Model
    trained: keras.Model
    from_logits: bool
    recipe: Recipe
    feed: Feed
    validation: dict[str, Any]
    class_weight: dict[int, float] | None
    jit_compile: bool


def prepare(model, data, recipe: Recipe, validation_data) -> Plan:
    """Check that model, data and recipe go together."""
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a Recipe; received {recipe!r}.")
    workers.check(recipe)
    trained, from_logits = logits_model(model)
    classes = trained.output_shape[-1]
    precision = devices.precision_of(model)
    if precision != recipe.precision:
        raise ValueError(
            f"the recipe's precision is {recipe.precision!r} and {model.name} was built with "
            f"{precision!r}; build it under keras.config.set_dtype_policy({recipe.precision!r})."
        )
    if recipe.early_stopping is not None and validation_data is None:
        raise ValueError("early_stopping needs validation data; give some, or leave it None.")
    feed = workers.own_feed(data, recipe.batch_size, recipe.seed)
    check_labels(feed, classes)
    return Plan(
        model=model,
        trained=workers.shared_model(trained),
        from_logits=from_logits,
        recipe=recipe,
        feed=feed,
        validation=workers.own_validation(validation_data, recipe.batch_size),
        class_weight=class_weights(recipe.class_weights, feed, classes),
        jit_compile=devices.jit_compile(recipe.xla) and replicas.count() == 1,
    )


def execute(plan: Plan, folder: RunFolder | None, verbose="auto", say=print):
    """Train by a plan, and write the run folder."""
    if not replicas.is_chief():
        say = workers.silent
    recipe, path = plan.recipe, None if folder is None else folder.path
    arrays = workers.from_chief(load_checkpoint(path / "checkpoints", say) if path else None)
    progress = Progress() if arrays is None else read_progress(arrays)
    if progress.finished:
        _take_over(plan.trained, arrays, progress)
    else:
        recorder = Recorder(
            recipe,
            learning_rate_schedule(recipe, plan.feed.steps),
            plan.feed.steps,
            plan.trained.weights,
            progress,
            arrays,
            path,
        )
        if arrays is not None:
            say(f"resuming after epoch {progress.epoch} of {recipe.epochs}")
        with _kept_once_begun(folder, recorder), workers.together():
            _run(plan, recorder, verbose)
    if folder is not None:
        folder.keep()
        save_model(folder.path, plan.model)
        write_history(folder.path / "history.csv", progress.history)
        draw_curves(folder.path / "curves.png", progress.history)
    return progress.history


def _run(plan, recorder, verbose):
    recipe, feed = plan.recipe, plan.feed
    plan.trained.compile(
        optimizer=workers.shared_optimizer(create_optimizer(recipe, plan.trained, feed.steps)),
        loss=cross_entropy(recipe.label_smoothing, plan.from_logits),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        steps_per_execution=1
        if replicas.count() > 1
        else devices.steps_per_call(plan.trained, recipe.batch_size, feed.steps),
        jit_compile=plan.jit_compile,
        auto_scale_loss=False,
    )
    # Keras on TensorFlow would build it in the first step, too late to restore a checkpoint.
    plan.trained.optimizer.build(plan.trained.trainable_variables)
    callbacks = [recorder, workers.Begin()]
    if recorder.folder is not None and keras.config.backend() == "tensorflow":
        callbacks.append(
            keras.callbacks.TensorBoard(
                recorder.folder / "tensorboard", write_graph=False, profile_batch=0
            )
        )
    plan.trained.fit(
        feed.stream(recorder.progress.epoch),
        epochs=recipe.epochs,
        initial_epoch=recorder.progress.epoch,
        steps_per_epoch=feed.steps if feed.endless else None,
        shuffle=False,
        class_weight=plan.class_weight,
        validation_freq=validated_epochs(recipe.epochs),
        callbacks=callbacks,
        verbose=_verbosity(verbose),
        **plan.validation,
    )


def _verbosity(verbose):
    if not replicas.is_chief():
        return 0
    return (1 if sys.stdout.isatty() else 2) if verbose == "auto" else verbose


def _take_over(trained, arrays, progress):
    """Bring the weights of a finished training into the model."""
    restore(
        {k: v for k, v in arrays.items() if k.startswith("model/")}, {"model": trained.variables}
    )
    for variable, best in zip(trained.weights, progress.best_weights):
        variable.assign(best)


@contextlib.contextmanager
def _kept_once_begun(folder, recorder):
    try:
        yield
    finally:
        if folder is not None and recorder.began:
            folder.keep()
