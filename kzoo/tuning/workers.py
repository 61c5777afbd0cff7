"""A search in one process, or by a chief and its workers.

keras-tuner's chief hands out trials, and its workers train them. Which of them a process is, its
environment says: KERASTUNER_TUNER_ID ("chief", or the name of a worker), KERASTUNER_ORACLE_IP and
KERASTUNER_ORACLE_PORT. On one machine, `lead` starts all of them; across machines, they share the
folder of the search.

keras-tuner's chief waits for ever for a worker that has died. Here every worker shows that it is
alive, by a file in the folder; a trial of a lost one is handed out again.
"""

import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import keras_tuner

from kzoo.training import devices
from kzoo.training.files import write_json
from kzoo.training.local_workers import end_of, free_ports, start_worker
from kzoo.training.workers import WorkerError
from kzoo.tuning.config import CONFIG, read_config
from kzoo.tuning.plan import Plan
from kzoo.tuning.results import read_trials
from kzoo.tuning.tuners import outcome_path, read_outcome

ALONE, CHIEF, WORKER = "alone", "chief", "worker"
_ID, _IP, _PORT = "KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT"
# Seconds between signs of life, and without one until a worker is lost.
_PULSE, _LOST = 2.0, 60.0
# How often a worker is started again.
_RESTARTS = 5


def role() -> str:
    """Return what this process is by its environment.

    Raises:
        ValueError: some of keras-tuner's variables are set, and others are not.
    """
    names = (_ID, _IP, _PORT)
    given = [name for name in names if os.environ.get(name)]
    if not given:
        return ALONE
    if len(given) < len(names):
        missing = ", ".join(name for name in names if name not in given)
        raise ValueError(f"{given[0]} is set and {missing} is not; set all of them, or none.")
    return CHIEF if "chief" in os.environ[_ID] else WORKER


def lead(plan: Plan, folder: Path, workers: int, progress) -> keras_tuner.Tuner:
    """Search, in this process or with others; returns the tuner that knows all trials.

    Args:
        plan: the search.
        folder: its folder, with its configuration.
        workers: processes to start on this machine; 1 is none.
        progress: what tells the user.

    Raises:
        WorkerError: workers ended so often that they are not started again.
    """
    if role() == ALONE and workers == 1:
        tuner = plan.tuner(folder)
        progress.go_on(read_trials(tuner))
        tuner.listener = progress
        tuner.search(plan.source)
        return tuner
    with _environment(role() == CHIEF):
        tuner = plan.tuner(folder)
        progress.go_on(read_trials(tuner))
        count = 0 if role() == CHIEF and workers == 1 else workers
        quiet = contextlib.redirect_stdout(_WithoutServer(sys.stdout))
        with quiet, _Crew(folder, tuner, count, progress) as crew:
            crew.wait_for(lambda: tuner.search(plan.source))
    return tuner


def _lose(tuner, name, reason):
    """Have the trial of a lost worker tried again by another, if it was not too often."""
    tuner.oracle.tuner_ids.discard(name)
    trial = tuner.oracle.ongoing_trials.get(name)
    if trial is None:
        return
    path = outcome_path(tuner, trial.trial_id)
    write_json(path, read_outcome(tuner, trial.trial_id) | {"reason": reason})
    lost = type(trial).from_state(trial.get_state())
    lost.status, lost.message = "INVALID", reason
    with contextlib.redirect_stdout(None):
        tuner.oracle.end_trial(lost)


def work(folder: Path):
    """Train the trials that a chief hands out."""
    devices.let_gpu_memory_grow()
    _wait_for_config(folder)
    plan = Plan.of(read_config(folder))
    tuner = plan.tuner(folder)
    with _alive(folder, os.environ[_ID]):
        tuner.search(plan.source)


@contextlib.contextmanager
def _environment(is_given):
    """Make this process keras-tuner's chief."""
    if is_given:
        yield
        return
    os.environ |= {_ID: CHIEF, _IP: "127.0.0.1", _PORT: str(free_ports(1)[0])}
    try:
        yield
    finally:
        for name in (_ID, _IP, _PORT):
            del os.environ[name]


class _WithoutServer(io.TextIOBase):
    """Standard output without what the threads of keras-tuner's server print, left from debugging.

    Args:
        stream: standard output.
    """

    def __init__(self, stream):
        self.stream = stream

    def write(self, text):
        if not threading.current_thread().name.startswith("ThreadPoolExecutor"):
            self.stream.write(text)
        return len(text)

    def flush(self):
        self.stream.flush()

    def isatty(self):
        return self.stream.isatty()


@contextlib.contextmanager
def _alive(folder, name):
    """Show that this worker is alive, by a file that is written again and again."""
    path = _pulse_path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    ended = threading.Event()

    def beat():
        write_json(path, {"at": time.time()})
        while not ended.wait(_PULSE):
            write_json(path, {"at": time.time()})

    threading.Thread(target=beat, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


class _Crew:
    """The workers of a chief: it starts those of this machine, and watches over all.

    Args:
        folder: of the search.
        tuner: the chief's.
        count: workers to start.
        progress: hears of the trials that end.
    """

    def __init__(self, folder: Path, tuner, count: int, progress):
        self.folder = folder
        self.tuner = tuner
        self.oracle = tuner.oracle
        self.count = count
        self.progress = progress
        self.processes: dict[str, subprocess.Popen] = {}
        self.restarts = _RESTARTS
        self.failure: str | None = None
        self._pulses: dict[str, tuple[float, float]] = {}
        self._ended = threading.Event()
        self._interrupts = False

    def __enter__(self):
        # Not SIGINT, which a process in the background may ignore.
        self._before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
        for _ in range(self.count):
            self._start()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stop_watching()
        signal.signal(signal.SIGUSR1, self._before or signal.SIG_DFL)
        for process in self.processes.values():
            process.kill()
            process.wait()

    def wait_for(self, search):
        """Call what blocks until the search has ended, and end it where it would wait in vain."""
        try:
            search()
            # Within here, as the watcher may have interrupted just now.
            self._stop_watching()
        except KeyboardInterrupt:
            if not self._interrupts:
                raise
            self._stop_watching()
        if self.failure is not None:
            raise WorkerError(self.failure)
        self.progress.update(read_trials(self.tuner))

    def _stop_watching(self):
        self._ended.set()
        self._thread.join()

    def _start(self):
        logs = self.folder / "workers"
        logs.mkdir(exist_ok=True)
        name = f"worker-{len(list(logs.glob('*.log'))) + 1}"
        # keras-tuner's chief ends when it knows of no worker, so it must know of this one now.
        self.oracle.tuner_ids.add(name)
        self.processes[name] = start_worker(
            [__package__, os.fspath(self.folder)],
            # JAX would take most of a GPU, which the workers share.
            {_ID: name, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
            logs / f"{name}.log",
        )

    def _watch(self):
        try:
            self._look_after_workers()
        except Exception as error:  # without a watcher the chief might wait for ever
            self.failure = f"watching the workers failed: {' '.join(str(error).split())}"
            self._interrupt()

    def _look_after_workers(self):
        told = 0
        while not self._ended.wait(0.5):
            for name, process in list(self.processes.items()):
                if process.poll() is not None:
                    self._ended_process(name, process)
            for name in self._silent():
                reason = f"the worker {name} has given no sign of life for {_LOST:.0f} s"
                _lose(self.tuner, name, reason)
            if len(self.oracle.end_order) != told:
                told = len(self.oracle.end_order)
                self.progress.update(read_trials(self.tuner))
            is_over = not (self.processes or self.oracle.ongoing_trials or self.oracle.tuner_ids)
            if self.count and (self.failure or is_over):
                self._interrupt()
                return

    def _ended_process(self, name, process):
        del self.processes[name]
        if process.returncode == 0:
            self.oracle.tuner_ids.discard(name)
            return
        reason = end_of(process, self.folder / "workers" / f"{name}.log")
        if self.restarts:
            self.restarts -= 1
            self._start()
        elif not self.processes:
            self.failure = f"{reason}, and all others before it; start the same search to go on."
        _lose(self.tuner, name, reason)

    def _silent(self):
        """Return the names of workers elsewhere that have given no sign of life for too long."""
        now = time.monotonic()
        silent = []
        for name in {*self.oracle.tuner_ids, *self.oracle.ongoing_trials} - {*self.processes}:
            path = _pulse_path(self.folder, name)
            written = path.stat().st_mtime if path.exists() else 0.0
            before, at = self._pulses.get(name, (None, now))
            if written != before:
                self._pulses[name] = (written, now)
            elif now - at > _LOST:
                silent.append(name)
        return silent

    def _interrupt(self):
        """End the waiting of the main thread, which sleeps for long where nothing is to come."""
        self._interrupts = True
        main = threading.main_thread().ident
        if main is not None:
            signal.pthread_kill(main, signal.SIGUSR1)


def _pulse_path(folder, name):
    return folder / "workers" / f"{name}.json"


def _wait_for_config(folder):
    """Wait for the chief to write what is searched."""
    while not (folder / CONFIG).exists():
        time.sleep(0.5)
