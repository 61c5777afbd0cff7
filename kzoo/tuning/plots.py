"""Pictures of a search."""

import math
from pathlib import Path

import numpy as np

from kzoo.domains import Choice, Domain
from kzoo.training.plots import save_figure, subplots
from kzoo.tuning.hypermodel import METRICS
from kzoo.tuning.results import COSTS, best_first, pareto_front

_COLUMNS = 4


def draw_trials(path: Path, trials, objective: str):
    """Draw the objective of each trial, in their order, and the best so far; failed ones below."""
    figure, axis = subplots(figsize=(8, 4))
    numbers = range(1, len(trials) + 1)
    values = np.array([trial.metrics.get(objective, math.nan) for trial in trials])
    axis.plot(numbers, values, ".", label="trial")
    best = np.fmax if METRICS[objective] == "max" else np.fmin
    axis.plot(numbers, best.accumulate(values), label="best so far")
    failed = [number for number, value in zip(numbers, values) if math.isnan(value)]
    if failed and len(failed) < len(trials):
        axis.plot(failed, [np.nanmin(values)] * len(failed), "x", color="grey", label="failed")
    axis.set(xlabel="trial", ylabel=objective)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(alpha=0.3)
    axis.legend()
    save_figure(figure, path)


def draw_effects(path: Path, trials, space, objective: str):
    """Draw the objective over the values of each hyperparameter, of the candidates that have it."""
    completed = best_first(trials, objective)
    domains: dict[str, Domain] = {}
    for dimension in space.dimensions:
        domains.setdefault(dimension.name, dimension.domain)
    names = [n for n in domains if len({repr(t.values.get(n)) for t in completed}) > 1]
    if not names:
        return
    rows = math.ceil(len(names) / _COLUMNS)
    columns = min(_COLUMNS, len(names))
    figure, axes = subplots(rows, columns, figsize=(3.4 * columns, 2.8 * rows), squeeze=False)
    for axis, name in zip(axes.flat, names):
        having = [trial for trial in completed if name in trial.values]
        scores = [trial.metrics[objective] for trial in having]
        values = [trial.values[name] for trial in having]
        domain = domains[name]
        if isinstance(domain, Choice):
            _strip(axis, values, scores)
        else:
            axis.plot(values, scores, ".")
            axis.set_xscale("log" if domain.log else "linear")
        axis.set(title=name)
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    for axis in axes[:, 0]:
        axis.set_ylabel(objective)
    save_figure(figure, path)


def _strip(axis, values, scores):
    """Draw scores by category, with the mean of each."""
    numeric = all(isinstance(value, (int, float)) for value in values)
    kinds = sorted(set(values)) if numeric else sorted(set(values), key=str)
    places = [kinds.index(value) for value in values]
    axis.plot(places, scores, ".", alpha=0.6)
    means = [
        np.mean([s for s, p in zip(scores, places) if p == place]) for place in range(len(kinds))
    ]
    axis.plot(range(len(kinds)), means, "_", markersize=18, color="black")
    labels = [str(kind) if kind != "" else "none" for kind in kinds]
    longest = max(map(len, labels))
    axis.set_xticks(range(len(kinds)), labels, rotation=30 if longest * len(kinds) > 24 else 0)
    axis.tick_params(axis="x", labelsize=8)
    axis.set_xlim(-0.5, len(kinds) - 0.5)


def draw_pareto(path: Path, trials, objective: str):
    """Draw the objective over each cost, with the Pareto front."""
    costs = [cost for cost in COSTS if any(cost in trial.metrics for trial in trials)]
    if not costs:
        return
    figure, axes = subplots(1, len(costs), figsize=(4.6 * len(costs), 4), squeeze=False)
    for axis, cost in zip(axes.flat, costs):
        having = [trial for trial in trials if cost in trial.metrics]
        for model in sorted({trial.model for trial in having}):
            points = [(t.metrics[cost], t.metrics[objective]) for t in having if t.model == model]
            axis.plot(*zip(*points), ".", label=model)
        front = pareto_front(trials, cost, objective)
        steps = [(trial.metrics[cost], trial.metrics[objective]) for trial in front]
        axis.plot(*zip(*steps), color="black", linewidth=1, drawstyle="steps-post", label="front")
        unit = " (s)" if cost == "latency" else ""
        axis.set(xlabel=cost.replace("_", "-") + unit, ylabel=objective, xscale="log")
        axis.grid(alpha=0.3)
    if len({trial.model for trial in trials}) <= 12:
        axes[0, -1].legend(fontsize=8, loc="lower right")
    save_figure(figure, path)
