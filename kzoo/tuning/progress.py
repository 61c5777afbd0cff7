"""How far a search is, for people."""

import sys
from pathlib import Path

from kzoo.tuning.results import (
    COMPLETED,
    Trial,
    best_first,
    describe,
    read_trials,
    table,
    write_results,
)
from kzoo.tuning.tuners import Listener


class Progress(Listener):
    """Says how each trial ended, and keeps a table of all.

    On a terminal it always shows the best, elsewhere when there is a better one.

    Args:
        path: the table of all trials, see `write_results`.
        objective: the metric by which they are ranked.
        max_trials: how many there will be, or `None`.
        say: function that takes each line worth telling.
        live: whether the last lines may be drawn over; `None` is on a terminal.
    """

    def __init__(
        self, path: Path, objective: str, max_trials: int | None, say, live: bool | None = None
    ):
        self.path = path
        self.objective = objective
        self.max_trials = max_trials
        self.say = say
        self.live = sys.stdout.isatty() if live is None else live
        self.told: set[int] = set()
        self._best: int | None = None
        self._drawn = 0
        self._table = ""

    def go_on(self, trials: list[Trial]):
        """Take up the trials of a search that was interrupted."""
        self.told = {trial.number for trial in trials if trial.status != "running"}
        if self.told:
            self.say(f"going on with a search of {len(self.told)} trials")
            write_results(self.path, trials)

    def begin(self, tuner, trial):
        self._draw(f"trial {int(trial.trial_id) + 1}{self._of()} begins")

    def epoch(self, tuner, trial, epoch, logs):
        score = f", {self.objective} {logs[self.objective]:.4f}" if self.objective in logs else ""
        self._draw(f"trial {int(trial.trial_id) + 1}{self._of()}, epoch {epoch + 1}{score}")

    def end(self, tuner, trial):
        self.update(read_trials(tuner))

    def update(self, trials: list[Trial]):
        """Tell what is new since the last call."""
        ended = [trial for trial in trials if trial.status != "running"]
        new = [trial for trial in ended if trial.number not in self.told]
        if not new:
            return
        write_results(self.path, trials)
        self._clear()
        for trial in new:
            self.told.add(trial.number)
            self.say(self._line(trial))
        self._table = table(trials, self.objective)
        best = best_first(trials, self.objective)
        if best and best[0].number != self._best:
            self._best = best[0].number
            if not self.live:
                self.say(self._table)
        self._draw("")

    def close(self):
        """Leave the terminal as it is without a search."""
        self._clear()

    def _of(self):
        return f" of {self.max_trials}" if self.max_trials else ""

    def _line(self, trial):
        number = f"trial {trial.number}{self._of()}"
        seconds = f" in {trial.seconds:.0f} s" if trial.seconds is not None else ""
        if trial.status == COMPLETED:
            score = trial.metrics[self.objective]
            return f"{number}: {self.objective} {score:.4f}{seconds}  {describe(trial)}"
        return f"{number}: failed: {trial.reason}  {describe(trial)}"

    def _draw(self, line):
        if not self.live:
            return
        self._clear()
        lines = [*self._table.splitlines(), line] if line else self._table.splitlines()
        if lines:
            sys.stdout.write("\n".join(lines) + "\n")
            sys.stdout.flush()
        self._drawn = len(lines)

    def _clear(self):
        if self.live and self._drawn:
            sys.stdout.write(f"\x1b[{self._drawn}F\x1b[J")
            sys.stdout.flush()
        self._drawn = 0
