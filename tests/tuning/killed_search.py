"""Run `kzoo` with the arguments given, and kill it in the first epoch of trial N of a search."""

import os
import signal
import sys

from kzoo.cli import main
from kzoo.tuning import tuners


def kill_in(number):
    """Have the process killed in a trial, counted from zero."""
    on_epoch_begin = tuners._ZooTuner.on_epoch_begin

    def kill(self, trial, model, epoch, logs=None):
        on_epoch_begin(self, trial, model, epoch, logs)
        if int(trial.trial_id) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    tuners._ZooTuner.on_epoch_begin = kill


if __name__ == "__main__":
    kill_in(int(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
