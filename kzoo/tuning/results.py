"""What came of the trials of a search: rows, tables and the Pareto front."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kzoo.training.files import replacing
from kzoo.tuning.hypermodel import METRICS
from kzoo.tuning.space import MODEL
from kzoo.tuning.tuners import read_outcome

COSTS = ("parameters", "multiply_adds", "latency")
COMPLETED, FAILED = "completed", "failed"


@dataclass(frozen=True)
class Trial:
    """One candidate.

    Attributes:
        number: in the order in which they began, from 1.
        status: "completed", "failed" or "running".
        metrics: by name, of the best epoch; empty where it has not completed.
        epochs: of training, with those of the trial it goes on from; `None` is the recipe's.
        values: hyperparameters by name; "model" is the model.
        seconds: how long it took.
        reason: why it failed.
    """

    number: int
    status: str
    metrics: dict[str, float] = field(default_factory=dict)
    epochs: int | None = None
    values: dict[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    reason: str | None = None

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.values[MODEL]


def read_trials(tuner) -> list[Trial]:
    """Return the trials of a keras-tuner tuner, in the order in which they began."""
    trials = [tuner.oracle.trials[name] for name in tuner.oracle.start_order]
    return [_trial(tuner, number, trial) for number, trial in enumerate(trials, start=1)]


def _trial(tuner, number, trial):
    outcome = read_outcome(tuner, trial.trial_id)
    values = {
        name: value
        for name, value in trial.hyperparameters.values.items()
        if not name.startswith("tuner/")
    }
    status = trial.status.lower()
    metrics = {}
    if status == COMPLETED:
        names = [name for name in METRICS if trial.metrics.exists(name)]
        metrics = {name: float(trial.metrics.get_last_value(name)) for name in names}
    return Trial(
        number=number,
        status=status if status in (COMPLETED, FAILED) else "running",
        metrics=metrics,
        epochs=trial.hyperparameters.values.get("tuner/epochs"),
        values=tuner.hypermodel.space.active(values),
        seconds=outcome.get("seconds"),
        reason=outcome.get("reason") if status == FAILED else None,
    )


def best_first(trials: Sequence[Trial], objective: str) -> list[Trial]:
    """Return the completed trials, the best first; of equals, the smaller network first.

    Of several trials of one candidate, such as Hyperband has, only the best is there.
    """
    sign = -1 if METRICS[objective] == "max" else 1
    completed = [trial for trial in trials if trial.status == COMPLETED]
    completed.sort(key=lambda t: (sign * t.metrics[objective], t.metrics["parameters"]))
    found: dict[str, Trial] = {}
    for trial in completed:
        found.setdefault(repr(trial.values), trial)
    return list(found.values())


def pareto_front(trials: Sequence[Trial], cost: str, objective: str) -> list[Trial]:
    """Return the trials of which no other is both better and no costlier, the cheapest first.

    Args:
        trials: any; those without the cost are left out.
        cost: "parameters", "multiply_adds" or "latency".
        objective: what is to be good.
    """
    better = (lambda a, b: a > b) if METRICS[objective] == "max" else (lambda a, b: a < b)
    front: list[Trial] = []
    ranked = best_first([trial for trial in trials if cost in trial.metrics], objective)
    for trial in sorted(ranked, key=lambda t: t.metrics[cost]):
        if not front or better(trial.metrics[objective], front[-1].metrics[objective]):
            front.append(trial)
    return front


def write_results(path: Path, trials: Sequence[Trial]):
    """Write a line of CSV for each trial; what does not apply is empty."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.values))
    # A hyperparameter may be called as a metric is: the recipe's loss.
    headings = {name: f"recipe.{name}" if name in METRICS else name for name in names}
    columns = ["trial", "status", *METRICS, "epochs", "seconds", *headings.values(), "reason"]
    with replacing(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for trial in trials:
            row: dict[str, Any] = {
                "trial": trial.number,
                "status": trial.status,
                "reason": trial.reason,
            }
            row |= {"epochs": trial.epochs, "seconds": trial.seconds and round(trial.seconds, 2)}
            values = {headings[name]: value for name, value in trial.values.items()}
            writer.writerow(row | trial.metrics | values)


def write_fronts(path: Path, trials: Sequence[Trial], objective: str):
    """Write the Pareto front for each cost as CSV, the cheapest candidate first."""
    with replacing(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["cost", "value", objective, "trial", "candidate"])
        for cost in COSTS:
            for trial in pareto_front(trials, cost, objective):
                metrics = trial.metrics
                row = [cost, metrics[cost], metrics[objective], trial.number, describe(trial)]
                writer.writerow(row)


def table(trials: Sequence[Trial], objective: str, shown: Sequence[Trial] | None = None) -> str:
    """Return trials as a table for people, without the values that all trials share.

    Args:
        trials: all of them.
        objective: the metric by which they are ranked.
        shown: those in the table; default the best five.
    """
    ranked = best_first(trials, objective)[:5] if shown is None else shown
    costs = [cost for cost in COSTS if any(cost in trial.metrics for trial in ranked)]
    shared = _shared_values(trials)
    header = [objective, *(cost.replace("_", "-") for cost in costs), "trial", "candidate"]
    rows = [
        [
            f"{trial.metrics[objective]:.4f}",
            *(_cost(trial.metrics.get(cost), cost) for cost in costs),
            str(trial.number),
            describe(trial, shared),
        ]
        for trial in ranked
    ]
    widths = [max(len(row[index]) for row in [header, *rows]) for index in range(len(header) - 1)]
    lines = [
        "  ".join([*(text.rjust(width) for text, width in zip(row, widths)), row[-1]])
        for row in [header, *rows]
    ]
    return "\n".join(lines)


def describe(trial: Trial, leave_out=()) -> str:
    """Return a candidate in a line: its model, and the values that are not left out."""
    values = (
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value or 'none'}"
        for name, value in trial.values.items()
        if name != MODEL and name not in leave_out
    )
    return " ".join([trial.model, *values])


def _shared_values(trials):
    """Return the names whose values are the same in all trials."""
    names = {name for trial in trials for name in trial.values}
    return {n for n in names if len({repr(trial.values.get(n)) for trial in trials}) == 1} - {MODEL}


def _cost(value, cost):
    if value is None:
        return "-"
    return f"{1e3 * value:.2f} ms" if cost == "latency" else f"{int(value):,}"
