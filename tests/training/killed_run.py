"""Run `kzoo` with the arguments given, and kill it after so many batches of an epoch.

The arguments before those are the epoch, counted from zero, the batch likewise, and the seconds
between checkpoints within an epoch.
"""

import os
import signal
import sys

from kzoo.cli import main
from kzoo.training import devices, recorder


def kill_at(epoch, batch):
    """Have the process killed in the middle of `epoch` (counted from zero)."""

    class Killed(recorder.Recorder):
        def on_epoch_begin(self, number, logs=None):
            super().on_epoch_begin(number, logs)
            self.number = number

        def on_train_batch_end(self, number, logs=None):
            super().on_train_batch_end(number, logs)
            if (self.number, number) == (epoch, batch):
                os.kill(os.getpid(), signal.SIGKILL)

    return Killed


if __name__ == "__main__":
    recorder._CHECKPOINT_EVERY = 0
    devices.steps_per_call = lambda *arguments: 1
    recorder._CHECKPOINT_WITHIN_EVERY = float(sys.argv[3])
    sys.modules["kzoo.training.fit"].Recorder = kill_at(int(sys.argv[1]), int(sys.argv[2]))
    sys.exit(main(sys.argv[4:]))
