"""A search from the names of models and of a data set to the best run."""

import os
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kzoo.choices import TUNERS
from kzoo.data import open_source
from kzoo.layers._args import integer, one_of
from kzoo.training import Run, devices, train
from kzoo.training.folder import CONFIG as RUN_CONFIG
from kzoo.training.folder import check_outside, versions
from kzoo.training.workers import cluster
from kzoo.tuning.budget import Budget
from kzoo.tuning.config import check_folder, plain_space, read_config, search_folder, write_config
from kzoo.tuning.hypermodel import METRICS
from kzoo.tuning.plan import Plan
from kzoo.tuning.plots import draw_effects, draw_pareto, draw_trials
from kzoo.tuning.progress import Progress
from kzoo.tuning.results import (
    COSTS,
    Trial,
    best_first,
    describe,
    pareto_front,
    read_trials,
    table,
    write_fronts,
)
from kzoo.tuning.workers import WORKER, lead, role, work

OBJECTIVES = tuple(name for name in METRICS if name not in COSTS)
RESULTS = "results.csv"
# Trials of the tuners that would go on for ever.
_MAX_TRIALS = 20


class SearchFailedError(RuntimeError):
    """Not one candidate of a search could be trained."""


@dataclass(frozen=True)
class Search:
    """A search that has ended.

    Attributes:
        folder: where its files are.
        plan: what was searched.
        trials: all candidates, in the order in which they began.
        run: the best one, trained on all training data; `None` if that was not wanted.
    """

    folder: Path
    plan: Plan
    trials: tuple[Trial, ...]
    run: Run | None = None

    @property
    def objective(self) -> str:
        """The metric by which candidates are ranked."""
        return self.plan.config["objective"]

    @property
    def best(self) -> Trial:
        """The best trial."""
        return best_first(self.trials, self.objective)[0]

    def pareto_front(self, cost: str = "parameters") -> list[Trial]:
        """Return the trials of which no other is better and no costlier, the cheapest first."""
        return pareto_front(self.trials, one_of(cost, "cost", COSTS), self.objective)

    def train(self, trial: Trial | None = None, *, output=None, seed: int | None = None, say=print):
        """Train a candidate on all training data and measure it on the test split; returns its run.

        Args:
            trial: the candidate; default the best.
            output: run folder; default in the folder of the search, by the number of the trial.
            seed: instead of the search's.
            say: function that takes each line worth telling.
        """
        trial = trial or self.best
        output = self.folder / f"best-{trial.number}" if output is None else Path(output)
        start, options, conv, fields = self.plan.final(trial.values)
        data = self.plan.config["data"]
        return train(
            start.name,
            data["name"],
            recipe=fields if seed is None else fields | {"seed": seed},
            output=output,
            resume=(output / RUN_CONFIG).exists(),
            weights=start.weights,
            conv=conv,
            model_options=options,
            data_dir=data["data_dir"],
            skip_unreadable=data["skip_unreadable"],
            say=say,
        )

    def command(self, trial: Trial | None = None) -> str:
        """Return the command that trains a candidate, by default the best."""
        start, options, conv, fields = self.plan.final((trial or self.best).values)
        data = self.plan.config["data"]
        words = ["kzoo", "train", start.name, "--data", data["name"]]
        if data["data_dir"]:
            words += ["--data-dir", data["data_dir"]]
        if data["skip_unreadable"]:
            words.append("--skip-unreadable")
        if start.weights is not None:
            words += ["--weights", start.weights]
        if conv != "standard":
            words += ["--conv", conv]
        for name, value in options.items():
            words += ["--option", f"{name}={value}"]
        for name, value in fields.items():
            words += _option(name, value)
        return shlex.join(words)


def _option(name, value):
    """Return the words of a command that give a field of a recipe."""
    option = "--" + name.replace("_", "-")
    if value is None:
        return []
    if isinstance(value, bool):
        return [option if value else option.replace("--", "--no-", 1)]
    if isinstance(value, Mapping):
        value = [f"{name}={one}" for name, one in value.items()]
    if isinstance(value, (tuple, list)):
        return [option, ",".join(map(str, value))]
    return [option, str(value)]


def tune(
    models: str | Iterable[str],
    data,
    *,
    tuner: str = "hyperband",
    max_trials: int | None = None,
    search_space: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    weights: str | None = None,
    budget: Budget | None = None,
    latency: bool = False,
    objective: str = "val_accuracy",
    workers: int = 1,
    retrain: bool = True,
    output=None,
    resume: bool = False,
    data_dir=None,
    download: bool = False,
    skip_unreadable: bool = False,
    say=print,
) -> Search | None:
    """Search for the best model, convolution, size and recipe for a data set.

    The search is in a folder; started again with the same arguments, it goes on where it was. The
    candidates are compared on validation data; the test split is used once, for the best of them
    after it has been trained on all training data.

    Args:
        models, search_space, recipe, weights, budget, latency: see `ZooHyperModel`; the recipe's
            seed is also that of the search.
        data: name of a data set, a folder or a file, see `kzoo.data.load`.
        tuner: "random", "hyperband", "bayesian" or "grid", see keras-tuner.
        max_trials: how many candidates to train; default 20 for "random" and "bayesian", and for
            the others as many as there are.
        objective: "val_accuracy", "val_loss", "accuracy" or "loss".
        workers: processes on this machine that train candidates side by side.
        retrain: whether to train the best candidate on all training data in the end.
        output: folder of the search; default `runs/tune-DATA`.
        resume: refuse to begin a search: there must be one in that folder.
        data_dir, download, skip_unreadable: see `kzoo.training.train`.
        say: function that takes each line worth telling.

    Example:

    >>> search = kzoo.tuning.tune("udl_*", "mnist1d", max_trials=20)
    >>> search.best.values, search.run.results["test"]

    Returns:
        The search; `None` in a process that is a worker of a search, by keras-tuner's environment
        variables.

    Raises:
        TypeError, ValueError: an argument that cannot be; nothing has been written then.
        SearchFailedError: not one candidate could be trained.
    """
    folder = search_folder(output, data)
    data_dir = data_dir or os.environ.get("TFDS_DATA_DIR")
    one_of(tuner, "tuner", TUNERS)
    one_of(objective, "objective", OBJECTIVES)
    integer(workers, "workers")
    if len(cluster()[0]) > 1:
        raise ValueError(
            "TF_CONFIG names workers that train one model together, and those of a search train "
            "models side by side; unset TF_CONFIG, and say how many with workers."
        )
    if max_trials is None and tuner in ("random", "bayesian"):
        max_trials = _MAX_TRIALS
    if max_trials is not None:
        integer(max_trials, "max_trials")
    if resume:
        read_config(folder)
    devices.let_gpu_memory_grow()
    source = open_source(
        data, download=download, skip_unreadable=skip_unreadable, data_dir=data_dir
    )
    if source.location is not None:
        check_outside(folder, source.location)
    config = {
        "models": [models] if isinstance(models, str) else list(models),
        "data": {
            "name": os.fspath(source.location or source.spec.name),
            "data_dir": data_dir and os.path.abspath(os.path.expanduser(data_dir)),
            "skip_unreadable": skip_unreadable,
        },
        "tuner": tuner,
        "max_trials": max_trials,
        "search_space": plain_space(search_space or {}),
        "recipe": dict(recipe or {}),
        "weights": weights and os.fspath(weights),
        "budget": asdict(budget or Budget()),
        "latency": latency,
        "objective": objective,
        "versions": versions(),
    }
    plan = Plan.of(config, source)
    if role() == WORKER:
        work(folder)
        return None
    plan = _begin(plan, folder, say)
    progress = Progress(folder / RESULTS, objective, max_trials, say)
    found = lead(plan, folder, workers, progress)
    progress.close()
    return _finish(plan, folder, read_trials(found), retrain, say)


def _begin(plan, folder, say):
    """Return the plan without models that are over the budget, and write what is searched."""
    config = dict(plan.config)
    if check_folder(folder, config):
        config["affordable"] = read_config(folder)["affordable"]
    else:
        config["affordable"] = plan.affordable(say)
    write_config(folder, config)
    if config["affordable"] == [*plan.hypermodel.starts]:
        return replace(plan, config=config)
    return Plan.of(config, plan.source)


def _finish(plan, folder, trials, retrain, say):
    """Draw what came of a search, and train the best candidate."""
    objective = plan.config["objective"]
    if not best_first(trials, objective):
        reasons = Counter(trial.reason for trial in trials)
        most = f", most often because: {reasons.most_common(1)[0][0]}" if reasons else ""
        raise SearchFailedError(
            f"not one of {len(trials)} candidates could be trained{most}; {folder / RESULTS} has "
            "the reasons."
        )
    draw_trials(folder / "trials.png", trials, objective)
    draw_effects(folder / "effects.png", trials, plan.hypermodel.space, objective)
    draw_pareto(folder / "pareto.png", trials, objective)
    write_fronts(folder / "pareto.csv", trials, objective)
    search = Search(folder, plan, tuple(trials))
    say(f"the best of {len(trials)} trials:")
    say(table(trials, objective))
    say("and of those with as many parameters or fewer:")
    say(table(trials, objective, search.pareto_front()))
    if not retrain:
        return search
    say(f"training the best candidate on all training data: {describe(search.best)}")
    return replace(search, run=search.train(say=say))
