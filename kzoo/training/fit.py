"""Training a model by a recipe."""

import contextlib
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from kzoo import replicas
from kzoo.analysis import count_parameters
from kzoo.data.failures import raised_as_they_were
from kzoo.training import data_parallel, devices, workers
from kzoo.training.checkpoint import (
    CheckpointError,
    Progress,
    load_checkpoint,
    read_progress,
    restore,
)
from kzoo.training.distillation import Distiller, check_teacher
from kzoo.training.feed import Feed, check_labels, class_weights
from kzoo.training.folder import RunFolder, save_model, versions
from kzoo.training.objective import accuracy, logits_model, loss_of
from kzoo.training.optimizers import create_optimizer
from kzoo.training.plots import draw_curves
from kzoo.training.recipe import Recipe
from kzoo.training.recorder import (
    Recorder,
    RestOfEpoch,
    Stopping,
    check_weights,
    infinite_weights,
    validated_epochs,
    write_history,
)
from kzoo.training.schedules import learning_rate_schedule
from kzoo.training.stages import check_freezing, hold, rates_by_depth, trainability_kept

# Share of the first weights in their moving average at the end of a training.
_LARGEST_REST = 0.1


@workers.together()
def fit(
    model: keras.Model,
    data,
    recipe: Recipe | None = None,
    *,
    validation_data=None,
    teacher: keras.Model | None = None,
    output=None,
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
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
            `tf.data.Dataset`; labels are integers. Only arrays are batched, shuffled, augmented
            and mixed here; images, uint8, stay of their size.
        recipe: the recipe; its seed is that of the order of arrays, and the initial weights are
            the model's. What it says of image sizes, of the network's rates and of a part to hold
            out (`validation_split`) is for `train`, which makes data and network.
        validation_data: the like, or `None`.
        teacher: a classifier of the same inputs and classes to learn from, besides the labels
            (Hinton et al. 2015); it does not change. `None` is the labels alone.
        output: run folder to write, or `None`.
        resume: continue the training in `output`.
        callbacks: further Keras callbacks; their model is the one that is fitted, of the same
            layers but for a final softmax. With frozen epochs, a training is two fits to them, and
            where it resumes within an epoch, the rest of that is one of its own.
        verbose: 0 silent, 1 progress bar, 2 one line for each epoch, "auto" chooses by whether the
            output is a terminal.

    Returns:
        The history: one row for each epoch, `recorder.COLUMNS`; what was not measured is `None`.

    Example:

    >>> history = kzoo.training.fit(model, (x, y), kzoo.training.Recipe(epochs=3))

    Raises:
        TypeError, ValueError: model, data and recipe do not go together.
        RunError: `output` cannot be written or resumed.
        FloatingPointError: the loss or a weight became infinite or not a number.
        WorkerError: another worker has gone.
    """
    with data_parallel.scope_of(model):
        plan = prepare(model, data, recipe or Recipe(), validation_data, teacher)
        if output is None and resume:
            raise ValueError("resume=True needs the run folder to resume, as output.")
        if output is None and replicas.count() == 1:
            return execute(plan, None, verbose, callbacks=callbacks).history
        config = {
            "model": {"name": model.name, "parameters": count_parameters(model)},
            "recipe": plan.recipe.to_dict(),
            "batches": {**plan.feed.facts, "steps": plan.feed.steps},
            "versions": versions(),
        }
        if teacher is not None:
            config["teacher"] = {"parameters": count_parameters(teacher)}
        workers.check_alike(config)
        if output is None:
            return execute(plan, None, verbose, callbacks=callbacks).history
        with workers.run_folder(Path(output), config, resume) as folder:
            return execute(plan, folder, verbose, callbacks=callbacks).history


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A training whose parts have been checked against each other."""

    model: keras.Model
    trained: keras.Model
    teacher: keras.Model | None
    from_logits: bool
    recipe: Recipe
    feed: Feed
    validation: dict[str, Any]
    rates: dict[str, float] | None
    class_weight: dict[int, float] | None
    jit_compile: bool


def prepare(model, data, recipe: Recipe, validation_data, teacher=None) -> Plan:
    """Check that model, data and recipe go together."""
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a Recipe; received {recipe!r}.")
    workers.check(recipe)
    trained, from_logits = logits_model(model)
    data_parallel.check_strategy(model, recipe)
    classes = trained.output_shape[-1]
    precision = devices.precision_of(model)
    if precision != recipe.precision:
        raise ValueError(
            f"the recipe's precision is {recipe.precision!r} and {model.name} was built with "
            f"{precision!r}; build it under keras.config.set_dtype_policy({recipe.precision!r})."
        )
    if teacher is not None and replicas.count() > 1:
        raise ValueError("a teacher cannot go with several workers; leave one of them out.")
    if teacher is not None and recipe.class_weights is not None:
        raise ValueError("class_weights cannot go with a teacher; leave one of them out.")
    if recipe.early_stopping is not None and validation_data is None:
        raise ValueError("early_stopping needs validation data; give some, or leave it None.")
    check_freezing(model, recipe)
    feed = workers.own_feed(data, recipe, classes)
    check_labels(feed, classes)
    _check_length(recipe, feed.steps)
    return Plan(
        model=model,
        trained=workers.shared_model(trained),
        teacher=None if teacher is None else check_teacher(teacher, trained, from_logits),
        from_logits=from_logits,
        recipe=recipe,
        feed=feed,
        validation=workers.own_validation(validation_data, recipe.batch_size, feed, classes),
        rates=rates_by_depth(model, recipe.layer_decay) if recipe.layer_decay < 1 else None,
        class_weight=class_weights(recipe.class_weights, feed, classes),
        jit_compile=devices.jit_compile(recipe.xla),
    )


def _check_length(recipe, steps):
    """Refuse an accumulation, or an average of the weights, that is longer than the training."""
    last = steps * (recipe.epochs - recipe.frozen_epochs or recipe.epochs)
    for total, epochs in ((steps * recipe.frozen_epochs, "frozen epochs"), (last, "training")):
        if total and recipe.accumulate > total:
            raise ValueError(
                f"accumulate must be at most {total}, the steps of the {epochs}, to update any "
                f"weight; received {recipe.accumulate}."
            )
    updates = last // recipe.accumulate
    if recipe.ema is not None and recipe.ema**updates > _LARGEST_REST:
        most = _LARGEST_REST ** (1 / updates)
        raise ValueError(
            f"ema must be at most {math.floor(1e4 * most) / 1e4:g} for the {updates} updates of "
            "this training, or else the average is mostly of the weights that it began with; "
            f"received {recipe.ema:g}, lower it or leave it None."
        )


@workers.together()
def execute(
    plan: Plan, folder: RunFolder | None, verbose="auto", say=print, callbacks=()
) -> Progress:
    """Train by a plan, write the run folder, and return how it went."""
    if not replicas.is_chief():
        say = workers.silent
    recipe, path = plan.recipe, None if folder is None else folder.path
    always_infinite = infinite_weights(plan.trained)
    arrays = workers.from_chief(load_checkpoint(path / "checkpoints", say) if path else None)
    progress = Progress() if arrays is None else read_progress(arrays)
    was_finished = progress.finished
    if arrays is not None:
        _check_place(progress, plan.feed)
        restore(_only(arrays, "model"), {"model": plan.trained.variables})
        if not progress.finished:
            begun = f" and {progress.step} of {plan.feed.steps} steps" if progress.step else ""
            say(f"resuming after epoch {progress.epoch} of {recipe.epochs}{begun}")
    for phase in _phases(recipe):
        if not progress.finished and progress.epoch < phase.last_epoch:
            if phase.is_frozen and verbose:
                say(f"the first {phase.last_epoch} of {recipe.epochs} epochs train the head alone")
            with _trainability_kept(plan), raised_as_they_were():
                stopped = _run(plan, phase, progress, arrays, folder, verbose, callbacks)
            if stopped:
                break
    if was_finished and recipe.ema is not None:
        with _trainability_kept(plan):
            _take_averages(plan, progress, arrays)
    for variable, best in zip(plan.trained.weights, progress.best_weights):
        variable.assign(best)
    check_weights(plan.trained, recipe, always_infinite)
    if folder is not None:
        folder.keep()
        save_model(folder.path, plan.model)
        write_history(folder.path / "history.csv", progress.history)
        draw_curves(folder.path / "curves.png", progress.history)
    return progress


def _check_place(progress, feed):
    """Refuse to go on within an epoch of other data."""
    if progress.step and not (feed.endless and progress.step < feed.steps):
        kind = f"{feed.steps} steps" if feed.endless else "an order of their own"
        raise CheckpointError(
            f"the checkpoint is of step {progress.step} of an epoch, and these data have {kind}; "
            "resume with the arrays or the Pipeline that the training was started with."
        )


@dataclass(frozen=True)
class _Phase:
    """Epochs with one set of trainable weights and one optimiser: `first_epoch` to `last_epoch`."""

    recipe: Recipe
    first_epoch: int
    last_epoch: int
    is_frozen: bool


def _phases(recipe):
    # Keras puts the averaged weights into the model at the end of a fit, which is not for the first
    # of two.
    first = recipe if recipe.frozen_epochs == recipe.epochs else replace(recipe, ema=None)
    yield _Phase(first, 0, recipe.frozen_epochs, True)
    yield _Phase(recipe, recipe.frozen_epochs, recipe.epochs, False)


@contextlib.contextmanager
def _trainability_kept(plan):
    """Give model and teacher, which Keras holds fixed, their `trainable` back in the end."""
    with contextlib.ExitStack() as stack:
        for model in (plan.model, plan.teacher):
            if model is not None:
                stack.enter_context(trainability_kept(model))
        yield


def _take_averages(plan, progress, arrays):
    """Put the averaged weights into a model, as at the end of the fit that was before."""
    last = next(phase for phase in _phases(plan.recipe) if phase.last_epoch == plan.recipe.epochs)
    learner = _learner(plan, last, progress, arrays)
    learner.optimizer.finalize_variable_values(learner.trainable_weights)


def _run(plan, phase, progress, arrays, folder, verbose, callbacks):
    """Train through a phase, from where `progress` is; return whether a callback stopped it."""
    recipe, feed = phase.recipe, plan.feed
    schedule = learning_rate_schedule(recipe, feed.steps, phase.is_frozen)

    def rate(epoch):
        return float(schedule((epoch - phase.first_epoch) * feed.steps))

    path = None if folder is None else folder.path
    recorder = Recorder(
        recipe, rate, plan.trained, progress, path, feed.endless and replicas.count() == 1
    )
    learner = _learner(plan, phase, progress, arrays)

    def fit_until(last_epoch, *more):
        ours = [recorder, workers.Begin(), *_callbacks(recipe, path), *more]
        learner.fit(
            feed.stream(progress.epoch, progress.step),
            epochs=last_epoch,
            initial_epoch=progress.epoch,
            steps_per_epoch=feed.steps - progress.step if feed.endless else None,
            shuffle=False,
            class_weight=plan.class_weight,
            validation_freq=validated_epochs(recipe.epochs),
            callbacks=[*ours, *callbacks, Stopping(recorder)],
            verbose=_verbosity(verbose),
            **plan.validation,
        )

    with _kept_once_begun(folder, recorder):
        if progress.step:
            fit_until(progress.epoch + 1, RestOfEpoch(progress, _only(arrays, "metrics")))
            if learner.stop_training:
                return True
        if not progress.finished and progress.epoch < phase.last_epoch:
            fit_until(phase.last_epoch)
    return learner.stop_training


def _learner(plan, phase, progress, arrays):
    """Return the model to fit in a phase, with its optimiser as it is at `progress`."""
    recipe = phase.recipe
    hold(plan.model, "backbone" if phase.is_frozen else recipe.freeze, recipe.freeze_norm)
    learner = _compile(plan, phase, progress.step)
    if arrays is not None and (progress.epoch, progress.step) > (phase.first_epoch, 0):
        restore(_only(arrays, "optimizer"), {"optimizer": learner.optimizer.variables})
    return learner


def _compile(plan, phase, first_step):
    """Return the model to fit, compiled, with every variable of its optimiser.

    An epoch, and its rest from `first_step` on, are whole numbers of calls.
    """
    recipe, trained = phase.recipe, plan.trained
    loss = loss_of(recipe, plan.from_logits)
    learner = trained
    if plan.teacher is not None:
        learner = Distiller(plan.teacher, trained, recipe, loss)
    optimizer = create_optimizer(
        recipe,
        trained,
        plan.feed.steps,
        frozen=phase.is_frozen,
        rates=None if phase.is_frozen else plan.rates,
    )
    learner.compile(
        optimizer=workers.shared_optimizer(optimizer),
        loss=loss,
        metrics=[accuracy()],
        steps_per_execution=devices.steps_per_call(
            trained, recipe.batch_size, math.gcd(plan.feed.steps, first_step)
        ),
        jit_compile=plan.jit_compile,
        auto_scale_loss=False,
    )
    # Keras on TensorFlow would build it in the first step, too late to restore a checkpoint.
    learner.optimizer.build(trained.trainable_variables)
    return learner


def _callbacks(recipe, path):
    callbacks = []
    if recipe.ema is not None:
        callbacks.append(keras.callbacks.SwapEMAWeights())
    if path is not None and keras.config.backend() == "tensorflow":
        callbacks.append(
            keras.callbacks.TensorBoard(path / "tensorboard", write_graph=False, profile_batch=0)
        )
    return callbacks


def _verbosity(verbose):
    if not replicas.is_chief():
        return 0
    return (1 if sys.stdout.isatty() else 2) if verbose == "auto" else verbose


def _only(arrays, group):
    return {name: array for name, array in arrays.items() if name.startswith(f"{group}/")}


@contextlib.contextmanager
def _kept_once_begun(folder, recorder):
    try:
        yield
    finally:
        if folder is not None and recorder.began:
            folder.keep()
