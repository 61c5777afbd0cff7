"""keras-tuner's tuners, with what a search that takes hours needs besides.

Their algorithms are as they are. Added are: candidates over the budget do not count among the
trials, every trial leaves its outcome with the reason of a failure (keras-tuner's chief does not
hear it from a worker), a search goes on in one process or in several, whichever began it, a grid
goes on where it was, a trial that ends the process again and again is given up, and a listener
hears how far the search is.
"""

import contextlib
import json
import time
import warnings
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner import oracles

from kzoo.training.files import write_json
from kzoo.tuning.hypermodel import METRICS, ZooHyperModel

OUTCOME = "outcome.json"
PROJECT = "keras_tuner"
# Where keras-tuner keeps the state of a search.
_STATE = "oracle.json"
# How often a trial may end its process (the system stops one that takes too much memory).
ATTEMPTS = 3
# Rejected trials for each of `max_trials`, and candidates drawn for one, after which it ends.
_REJECTED, _DRAWS = 20, 1000
_OVER_BUDGET = "OverBudget"
# Seconds until a worker asks for a trial again.
_IDLE = 0.5


class Listener:
    """Hears how far a search is; it does nothing."""

    def begin(self, tuner, trial):
        """A trial begins."""

    def epoch(self, tuner, trial, epoch, logs):
        """An epoch of it has ended."""

    def end(self, tuner, trial):
        """It has ended."""


class _Whole(keras_tuner.Oracle.__base__):  # type: ignore[name-defined, misc]
    """What oracles and tuners save, in files that a kill does not leave half written.

    Their common base has no public name; its `save` writes in place.
    """

    def save(self, fname):
        write_json(Path(fname), self.get_state())


class _ZooTuner(keras_tuner.Tuner, _Whole):
    """A tuner that keeps the outcome of each trial, and tells a listener."""

    listener = Listener()
    _waits = False

    def pre_create_trial(self):
        super().pre_create_trial()
        # keras-tuner asks again at once where there is no trial yet, with all of a core.
        if self._waits:
            time.sleep(_IDLE)
        self._waits = True

    def on_trial_begin(self, trial):
        super().on_trial_begin(trial)
        self._waits = False
        outcome = read_outcome(self, trial.trial_id)
        attempts = outcome.get("attempts", 0) + 1
        self._keep(trial, attempts=attempts, worker=self.tuner_id, started=time.time())
        self.listener.begin(self, trial)

    def run_trial(self, trial, *args, **kwargs):
        attempts = read_outcome(self, trial.trial_id)["attempts"]
        if attempts > ATTEMPTS:
            raise keras_tuner.errors.FailedTrialError(
                f"the process ended {ATTEMPTS} times in it; it may need more memory than there is"
            )
        try:
            with warnings.catch_warnings():
                # Hyperband goes on from weights that were saved with their optimiser's state.
                warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
                return super().run_trial(trial, *args, **kwargs)
        except KeyboardInterrupt:
            # The user ended it, not the trial.
            self._keep(trial, attempts=attempts - 1)
            raise

    def on_epoch_end(self, trial, model, epoch, logs=None):
        super().on_epoch_end(trial, model, epoch, logs)
        self.listener.epoch(self, trial, epoch, logs or {})

    def on_trial_end(self, trial):
        seconds = time.time() - read_outcome(self, trial.trial_id)["started"]
        reason, over_budget = _reason(trial.message)
        self._keep(trial, seconds=seconds, reason=reason, over_budget=over_budget)
        super().on_trial_end(trial)
        self.listener.end(self, trial)

    def _keep(self, trial, **outcome):
        path = outcome_path(self, trial.trial_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, read_outcome(self, trial.trial_id) | outcome)


class _ZooHyperband(_ZooTuner, keras_tuner.Hyperband):
    def __init__(self, oracle, **options):
        # Hyperband makes an oracle of its own; all else of it is in its methods.
        keras_tuner.Tuner.__init__(self, oracle=oracle, **options)


def _reason(message):
    """Return the last line of a traceback, without the error's name, and whether it is a budget."""
    lines = [line for line in (message or "").strip().splitlines() if line.strip()]
    if not lines:
        return None, False
    name, colon, text = lines[-1].partition(": ")
    return (text if colon else name).strip(), name.endswith(_OVER_BUDGET)


def outcome_path(tuner, trial_id) -> Path:
    """Return where the outcome of a trial is."""
    return Path(tuner.get_trial_dir(trial_id), OUTCOME)


def read_outcome(tuner, trial_id) -> dict[str, Any]:
    """Return the outcome of a trial as far as it is known."""
    with contextlib.suppress(FileNotFoundError):
        return json.loads(outcome_path(tuner, trial_id).read_text(encoding="utf-8"))
    return {}


class _Grid(oracles.GridSearchOracle):
    """A grid that goes on where it was; keras-tuner's keeps its place in memory alone.

    The whole space is known from the start, so that trials begin in the order of the grid.
    """

    _ordered_ids: Any

    def set_state(self, state):
        super().set_state(state)
        self._ordered_ids = type(self._ordered_ids)()
        for name in self.start_order:
            self._ordered_ids.insert(name)
        self._populate_next = self.start_order[-1:]


def _within_budget(oracle_class: Any):
    """Return a kind of oracle that draws candidates within the budget, the defaults first.

    Those of its algorithm that are not drawn, such as the points of a grid, are rejected in their
    trials; they do not count among `max_trials`.
    """

    class Oracle(oracle_class, _Whole):  # type: ignore[misc, valid-type]
        tuner: Any = None
        trials: Any
        max_trials: int | None
        rejected = 0

        def set_state(self, state):
            # One that began as the process was killed may be known by its own file alone.
            self.trials = {name: self.trials[name] for name in state["start_order"]}
            # keras-tuner saves a trial that ends before it leaves the ongoing ones, and would try
            # it again.
            over = {*state["end_order"], *state["retry_queue"]}
            ongoing = {
                name: trial for name, trial in state["ongoing_trials"].items() if trial not in over
            }
            super().set_state(state | {"ongoing_trials": ongoing})

        def _save_trial(self, trial):
            path = Path(self._get_trial_dir(trial.trial_id), "trial.json")
            write_json(path, trial.get_state())

        def _random_values(self):
            # keras-tuner has no public place for it, and a Hyperband whose trials fail does not go
            # on: it promotes a share of the trials that it began. tests/tuning holds it to this.
            for draw in range(_DRAWS):
                is_first = not self.trials and draw == 0
                values = dict(self.get_space().values) if is_first else super()._random_values()
                if values is None or not self.tuner.hypermodel.rejects(values):
                    return values
            return None

        @keras_tuner.synchronized
        def end_trial(self, trial):
            super().end_trial(trial)
            self.count_rejected()

        def count_rejected(self):
            """Make room for a candidate in place of each trial that was rejected."""
            if self.max_trials is None:
                return
            wanted = self.max_trials - self.rejected
            outcomes = [read_outcome(self.tuner, trial_id) for trial_id in self.trials]
            rejected = sum(bool(outcome.get("over_budget")) for outcome in outcomes)
            self.rejected = min(rejected, _REJECTED * wanted)
            self.max_trials = wanted + self.rejected

    Oracle.__name__ = Oracle.__qualname__ = oracle_class.__name__
    return Oracle


_ORACLES = {
    "random": oracles.RandomSearchOracle,
    "hyperband": oracles.HyperbandOracle,
    "bayesian": oracles.BayesianOptimizationOracle,
    "grid": _Grid,
}


def create_tuner(
    kind: str,
    hypermodel: ZooHyperModel,
    objective: str,
    folder: Path,
    *,
    max_trials: int | None,
    max_epochs: int,
    seed: int,
) -> keras_tuner.Tuner:
    """Return a tuner that searches in `folder`, or goes on with the search in it.

    It does not matter whether one process or a chief and its workers searched before.

    Args:
        kind: one of `kzoo.choices.TUNERS`.
        hypermodel: what is searched.
        objective: one of `METRICS`.
        folder: where it keeps its files.
        max_trials: trials to train; "hyperband" ends by itself, and "grid" with the grid.
        max_epochs: of "hyperband".
        seed: of the candidates.
    """
    options: dict[str, Any] = {
        "objective": keras_tuner.Objective(objective, METRICS[objective]),
        "seed": seed,
        "max_retries_per_trial": ATTEMPTS - 1,
        # A search goes on, whatever fails.
        "max_consecutive_failed_trials": 10**9,
    }
    if kind == "hyperband":
        options["max_epochs"] = max_epochs
    else:
        options["max_trials"] = max_trials
    oracle = _within_budget(_ORACLES[kind])(**options)
    oracle.max_trials = max_trials
    oracle.verbose = 0
    tuner_class = _ZooHyperband if kind == "hyperband" else _ZooTuner
    with contextlib.redirect_stdout(None):
        tuner = tuner_class(
            oracle=oracle, hypermodel=hypermodel, directory=folder, project_name=PROJECT
        )
    # keras-tuner goes on with what a process of the same name has left, and one alone has another
    # name than a chief. A worker asks the chief.
    is_worker = tuner.oracle is not oracle
    if not is_worker and not oracle.trials and Path(folder, PROJECT, _STATE).exists():
        oracle.reload()
    oracle.tuner = tuner
    oracle.count_rejected()
    return tuner
