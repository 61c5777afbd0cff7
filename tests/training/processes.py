"""Processes of a test, which end with it."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT = 120


@contextlib.contextmanager
def processes(*commands, **environment):
    """Start commands, and kill them in the end; `{name: [value, ...]}` is their environment."""
    running = []
    try:
        for index, command in enumerate(commands):
            own = {name: values[index] for name, values in environment.items()}
            running.append(
                subprocess.Popen(
                    [sys.executable, *map(str, command)],
                    cwd=ROOT,
                    env=os.environ | {"PYTHONPATH": str(ROOT)} | own,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    start_new_session=True,
                )
            )
        yield running
    finally:
        for process in running:
            process.kill()
            process.communicate()


def wait_for(found):
    limit = time.monotonic() + LIMIT
    while not found():
        assert time.monotonic() < limit, "it took too long"
        time.sleep(0.1)
