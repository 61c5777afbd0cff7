"""Any models of the zoo, with their convolutions, sizes and recipes, as one keras-tuner model."""

import contextlib
import dataclasses
import weakref
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import keras_tuner

from kzoo.applications._conv import resolve_conv
from kzoo.data import ArraySource, DataSpec, Source, parse_augment
from kzoo.domains import Choice
from kzoo.registry import list_models
from kzoo.training import devices
from kzoo.training.fit import execute, prepare
from kzoo.training.objective import accuracy, loss_of
from kzoo.training.optimizers import create_optimizer
from kzoo.training.recipe import Recipe
from kzoo.training.recipes import average_over
from kzoo.training.setup import Setup, Start, splits_of
from kzoo.tuning.budget import Budget, Costs, OverBudget
from kzoo.tuning.space import MODEL, Space, candidate, create_space

# What a trial is measured by; the last three are what its network costs.
METRICS = {
    "loss": "min",
    "accuracy": "max",
    "val_loss": "min",
    "val_accuracy": "max",
    "parameters": "min",
    "multiply_adds": "min",
    "latency": "min",
}
# Fields of a recipe on which the network's input depends.
_SIZES = ("image_size", "test_size", "progressive")


class ZooHyperModel(keras_tuner.HyperModel):
    """Models of the zoo on a data set, for any keras-tuner tuner.

    A candidate is a model, the arguments of its builder (width, depth, convolution, dropout ...)
    and a recipe; `fit` trains it as `kzoo.training.fit` does. A tuner's `search` takes arrays and
    validation data, `search(x, y, validation_data=(x, y))`, or a `kzoo.data.Source` whose
    validation split is used, or made; `epochs` is that of the recipe if it is not given. Every
    trial has the metrics `METRICS`. A candidate that cannot be built, diverges or needs more memory
    than there is fails with the reason, and the search goes on.

    A tuner that trains further what it has trained before, such as `keras_tuner.Hyperband`, goes on
    from the weights, with a learning-rate schedule of its own for the epochs that are added.

    Args:
        models: names of models, or wildcards; a name may carry a tag of weights.
        data_spec: description of the data, such as `kzoo.data.open_source("mnist1d").spec`.
        search_space: by name of a hyperparameter, a `Choice`, `Int` or `Float` in place of its
            usual range, or a value that it is fixed to. Names are those of the builder's arguments
            and of the fields of `kzoo.training.Recipe`.
        recipe: fields of the recipe that are the same for all candidates; they are not searched.
        weights: tag of initial weights, for all models.
        budget: what a candidate may cost; more makes it a failed trial before it is trained.
        latency: whether to measure the latency of candidates where the budget does not limit it.

    Attributes:
        space: the search space.

    Example:

    >>> hypermodel = kzoo.tuning.ZooHyperModel("udl_*", data_spec, {"batch_size": 64})
    >>> tuner = keras_tuner.RandomSearch(hypermodel, "val_accuracy", max_trials=20)
    >>> tuner.search(x, y, validation_data=(x_validation, y_validation), epochs=10)

    Raises:
        TypeError, ValueError: no such model or hyperparameter, or models that do not take the data.
    """

    def __init__(
        self,
        models: str | Iterable[str],
        data_spec: DataSpec,
        search_space: Mapping[str, Any] | None = None,
        *,
        recipe: Mapping[str, Any] | None = None,
        weights: str | None = None,
        budget: Budget | None = None,
        latency: bool = False,
    ):
        super().__init__(name="kzoo")
        if not isinstance(data_spec, DataSpec):
            raise TypeError(f"data_spec must be a kzoo.data.DataSpec; received {data_spec!r}.")
        self.data_spec = data_spec
        self.budget = budget or Budget()
        self.latency = latency
        self.recipe = dict(recipe or {})
        Recipe.from_dict(self.recipe)
        self.starts = {name: Start.of(name, weights) for name in find_models(models, data_spec)}
        self.space: Space = create_space(self.starts, data_spec, search_space or {}, self.recipe)
        for name in self.starts:
            self._check(name)
        self._explores = False
        self._rejected: dict[str, bool] = {}
        # Of the models that were built, until they are gone.
        self._costs: weakref.WeakKeyDictionary[keras.Model, Costs] = weakref.WeakKeyDictionary()

    def _check(self, model):
        """Refuse values of the space that no candidate of a model can have."""
        self.setup_of({MODEL: model})
        for dimension in self.space.dimensions:
            name, accepted = dimension.when or (MODEL, (model,))
            if dimension.name == MODEL or (name == MODEL and model not in accepted):
                continue
            others = {MODEL: model} if name == MODEL else {MODEL: model, name: accepted[0]}
            domain = dimension.domain
            values = domain.values if isinstance(domain, Choice) else (domain.low, domain.high)
            for value in values:
                start, _, conv, fields = self.candidate(others | {dimension.key: value})
                resolve_conv(conv, start.family.rank, start.family.kernel_initializer)
                parse_augment(fields.get("augment", ()), self.data_spec.kind)
                self.setup_of(others | {dimension.key: value})

    def candidate(
        self, values: Mapping[str, Any], epochs: int | None = None, initial_epoch: int = 0
    ):
        """Return the start, the builder's arguments, `conv` and the recipe's fields of values.

        `epochs` and `initial_epoch` are as of `fit`; at most half of the epochs are frozen ones,
        and at most half of the others warm up; weights are averaged over the same share of them.
        """
        start, options, conv, fields = candidate(self.space, self.starts, values)
        if epochs is not None:
            whole, fields["epochs"] = fields.get("epochs", Recipe().epochs), epochs - initial_epoch
            if fields.get("ema") is not None:
                fields["ema"] = average_over(fields["ema"], fields["epochs"] / whole)
        if initial_epoch:
            fields["frozen_epochs"] = 0
        if "frozen_epochs" in fields and "epochs" in fields:
            fields["frozen_epochs"] = min(fields["frozen_epochs"], fields["epochs"] // 2)
        if epochs is not None and fields.get("warmup_epochs"):
            most = (fields["epochs"] - (fields.get("frozen_epochs") or 0)) / 2
            fields["warmup_epochs"] = min(fields["warmup_epochs"], most)
        return start, options, conv, fields

    def rejects(self, values: Mapping[str, Any]) -> bool:
        """Return whether the network of some values is over the budget; latency is not looked at.

        A network that cannot be built is not rejected here: it fails in its trial, with the reason.
        """
        if self.budget.parameters is None and self.budget.multiply_adds is None:
            return False
        start, options, conv, fields = self.candidate(values)
        sizes = [fields.get(name) for name in _SIZES]
        key = repr((start.name, start.weights, sorted(options.items()), conv, sizes))
        if key not in self._rejected:
            self._rejected[key] = self._is_over(values)
        return self._rejected[key]

    def _is_over(self, values):
        try:
            setup = self.setup_of(values)
            counted = dataclasses.replace(self.budget, latency=None)
            counted.costs(setup.build(), self._shape(setup))
        except OverBudget:
            return True
        except (ValueError, TypeError):
            return False
        return False

    def declare_hyperparameters(self, hp):
        """Declare the space; keras-tuner calls `build` once afterwards, to see what that adds."""
        self.space.declare(hp)
        self._explores = True

    def build(self, hp):
        """Build a candidate, compiled as its recipe says; see `keras_tuner.HyperModel`."""
        if self._explores:
            self._explores = False
            return None
        if MODEL not in hp.values:
            self.space.declare(hp)
        with _failures():
            setup = self.setup_of(hp.values)
            model = setup.build()
            self._costs[model] = self._measure(model, setup)
        steps = -(-self.data_spec.splits["train"] // setup.recipe.batch_size)
        model.compile(
            create_optimizer(setup.recipe, model, steps),
            loss=loss_of(setup.recipe, from_logits=False),
            metrics=[accuracy()],
            jit_compile=devices.jit_compile(setup.recipe.xla),
        )
        # With its variables, as has the one that a tuner saves after training and loads into this.
        model.optimizer.build(model.trainable_variables)
        return model

    def fit(
        self,
        hp,
        model,
        *data,
        validation_data=None,
        epochs=None,
        initial_epoch=0,
        callbacks=(),
        verbose=0,
        **others,
    ):
        """Train a candidate; returns a `keras.callbacks.History` of `METRICS`."""
        if others:
            raise keras_tuner.errors.FatalTypeError(
                f"search takes no {', '.join(others)}: give hyperparameters in search_space."
            )
        source = self._source(data, validation_data)
        with _failures():
            setup = self.setup_of(hp.values, epochs, initial_epoch)
            costs = self._costs.get(model) or self._measure(model, setup)
            splits = splits_of(source, setup.recipe.validation_split)
            training, validation = setup.pipelines(source, splits)
            plan = prepare(model, training, setup.recipe, validation)
            history = execute(plan, None, verbose, lambda line: None, callbacks).history
        return _history(history, costs)

    def setup_of(
        self, values: Mapping[str, Any], epochs: int | None = None, initial_epoch: int = 0
    ) -> Setup:
        """Return what values stand for; a hyperparameter that is not given has its default."""
        start, options, conv, fields = self.candidate(values, epochs, initial_epoch)
        return Setup.of(
            start,
            self.data_spec,
            fields,
            conv=conv,
            model_options=options,
            say=lambda line: None,
        )

    def _measure(self, model, setup) -> Costs:
        return self.budget.costs(model, self._shape(setup), latency=self.latency)

    def _shape(self, setup):
        """Return the shape of one input in evaluation."""
        if setup.views.evaluation is None:
            return self.data_spec.shape
        return (*setup.views.evaluation.height_and_width, self.data_spec.shape[-1])

    def _source(self, data, validation_data) -> Source:
        if len(data) == 1 and isinstance(data[0], Source) and validation_data is None:
            return data[0]
        if len(data) != 2 or not isinstance(validation_data, (tuple, type(None))):
            raise keras_tuner.errors.FatalTypeError(
                "search takes arrays x and y, with validation_data=(x, y) or without, or a "
                f"kzoo.data.Source; received {', '.join(type(one).__name__ for one in data)}."
            )
        splits = {"train": data}
        if validation_data is not None:
            splits["validation"] = validation_data
        return ArraySource(splits, self.data_spec.name, self.data_spec.class_names)


def find_models(models: str | Iterable[str], spec: DataSpec) -> list[str]:
    """Return the names of models that names and wildcards stand for, each once.

    Raises:
        ValueError: there is none, or a wildcard matches none of the models for such data.
    """
    task = f"{spec.kind}_classification"
    found: dict[str, None] = {}
    for pattern in [models] if isinstance(models, str) else models:
        if not any(sign in pattern for sign in "*?["):
            found[pattern] = None
            continue
        matches = list_models(pattern, task=task)
        if not matches:
            raise ValueError(
                f"no model for {spec.kind}s matches {pattern!r}; `kzoo list` shows them all."
            )
        found |= dict.fromkeys(matches)
    if not found:
        raise ValueError("models must name at least one model; received none.")
    return list(found)


def _history(rows, costs):
    """Return the validated epochs as Keras's History, with what the network costs in each."""
    if not rows:
        raise keras_tuner.errors.FailedTrialError("a callback stopped it in its first epoch.")
    rows = [row for row in rows if row["val_accuracy"] is not None]
    if not rows:
        raise keras_tuner.errors.FatalValueError(
            "a search needs validation data; give some, or a validation_split above 0."
        )
    history = keras.callbacks.History()
    history.history = {
        name: [row[name] for row in rows]
        for name in ("loss", "accuracy", "val_loss", "val_accuracy")
    }
    for name in ("parameters", "multiply_adds", "latency"):
        if getattr(costs, name) is not None:
            history.history[name] = [getattr(costs, name)] * len(rows)
    return history


@contextlib.contextmanager
def _failures():
    """Turn what makes a candidate impossible into a failed trial with a reason in one line."""
    try:
        yield
    except (ValueError, TypeError, ArithmeticError) as error:
        raise keras_tuner.errors.FailedTrialError(_line(error)) from error
    except Exception as error:
        if _is_out_of_memory(error):
            raise keras_tuner.errors.FailedTrialError(
                f"it needs more memory than there is ({_line(error)[:200]})"
            ) from error
        raise


def _is_out_of_memory(error):
    """Return whether an error is that of Python, TensorFlow, PyTorch or JAX for no more memory."""
    names = ("ResourceExhaustedError", "OutOfMemoryError")
    is_named = isinstance(error, MemoryError) or type(error).__name__ in names
    return is_named or "RESOURCE_EXHAUSTED" in str(error).upper()


def _line(error):
    return " ".join(str(error).split()) or type(error).__name__
