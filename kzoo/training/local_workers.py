"""Several workers on this machine, started by one command.

The process of the user is the chief. The others run the same command, hear no Ctrl-C, write to a
temporary file, and end when the chief does, however it does.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import keras

from kzoo import replicas
from kzoo.layers._args import integer
from kzoo.training.data_parallel import divided
from kzoo.training.workers import WorkerError, cluster

# Seconds for a worker to end by itself.
_PATIENCE = 5


@contextlib.contextmanager
def started(argv: Sequence[str], count: int):
    """Have `count` workers run the `kzoo` command `argv` while the block runs, this process first.

    Under TF_CONFIG the workers are there already, and only their number is checked. On JAX, they
    are devices of this process.

    Args:
        argv: arguments of the command.
        count: number of workers; on a machine with GPUs, at most as many.

    Raises:
        ValueError: there cannot be so many workers.
        WorkerError: a worker has ended before its time.
    """
    integer(count, "workers")
    addresses, _ = cluster()
    if addresses and count not in (1, len(addresses)):
        raise ValueError(
            f"workers must be {len(addresses)}, as TF_CONFIG names so many, or left out; received "
            f"{count}."
        )
    if addresses or count == 1:
        yield
        return
    if keras.config.backend() == "jax":
        with divided(count):
            yield
        return
    _check_devices(count)
    ports = free_ports(count)
    config = {"cluster": {"worker": [f"127.0.0.1:{port}" for port in ports]}}
    with tempfile.TemporaryDirectory(prefix="kzoo-workers-") as folder:
        logs = [Path(folder, f"worker-{index}.log") for index in range(1, count)]
        others = [_start(argv, config, index, log) for index, log in enumerate(logs, 1)]
        os.environ["TF_CONFIG"] = _config(config, 0)
        ended = threading.Event()
        threading.Thread(target=_watch, args=(others, logs, ended), daemon=True).start()
        try:
            yield
            for other in others:
                other.wait()
        except WorkerError as error:
            raise _explained(error, others, logs) from error
        finally:
            ended.set()
            del os.environ["TF_CONFIG"]
            for other in others:
                other.kill()
                other.wait()


def _check_devices(count):
    backend = keras.config.backend()
    if backend != "tensorflow":
        raise ValueError(
            f"workers must be 1 with the {backend} backend; received {count}, set KERAS_BACKEND to "
            "tensorflow or jax."
        )
    import tensorflow as tf

    gpus = len(tf.config.list_physical_devices("GPU"))
    if 0 < gpus < count:
        raise ValueError(f"workers must be at most the number of GPUs ({gpus}); received {count}.")


def free_ports(count):
    """Return ports of this machine that nothing listens at."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _config(config, index):
    return json.dumps(config | {"task": {"type": "worker", "index": index}})


def _start(argv, config, index, log):
    return start_worker([__name__, *argv], {"TF_CONFIG": _config(config, index)}, log)


def start_worker(argv: Sequence[str], environment, log: Path) -> subprocess.Popen:
    """Start `python -m ARGV`, deaf to Ctrl-C, with its output in a file."""
    with open(log, "wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", *argv],
            env=os.environ | environment,
            # Its end tells the worker that the chief has gone.
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _watch(others, logs, ended):
    """End this process where another ends before all are connected, as TensorFlow would wait."""
    while replicas.count() == 1 and not ended.wait(0.2):
        for other, log in zip(others, logs):
            if other.poll() and not ended.is_set():
                print(f"kzoo: error: {end_of(other, log)}", file=sys.stderr, flush=True)
                shutil.rmtree(log.parent, ignore_errors=True)
                os._exit(1)


def _explained(error, others, logs):
    limit = time.monotonic() + _PATIENCE
    while time.monotonic() < limit:
        for other, log in zip(others, logs):
            if other.poll():
                return WorkerError(end_of(other, log))
        time.sleep(0.1)
    return error


def end_of(other, log):
    """Return in words how a process that wrote to `log` has ended."""
    name, code = log.stem.replace("-", " "), other.returncode
    if code < 0:
        return f"{name} ended by {signal.Signals(-code).name}"
    lines = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
    return f"{name} ended with exit status {code} ({lines[-1]})"


def end_with_the_chief():
    """End this process when the one that started it has gone."""
    # Not through sys.stdin, which cannot be closed while it is read, at the end of the process.
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    from kzoo.cli import main_of_a_process

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_the_chief, daemon=True).start()
    sys.exit(main_of_a_process(sys.argv[1:]))
