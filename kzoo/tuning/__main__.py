"""A worker of a search, as its chief starts it: `python -m kzoo.tuning FOLDER`."""

import signal
import sys
import threading
from pathlib import Path

from kzoo.training.local_workers import end_with_the_chief
from kzoo.tuning.workers import work

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_the_chief, daemon=True).start()
    work(Path(sys.argv[1]))
