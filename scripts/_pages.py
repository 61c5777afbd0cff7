"""What every page of a benchmark or study says: its command, its machine, its tables."""

import importlib.metadata
import os
import platform
import shlex
import sys
from pathlib import Path

import keras
import numpy as np

import kzoo


def command() -> str:
    """Return how this script was called, for the page that it writes."""
    return shlex.join([f"scripts/{Path(sys.argv[0]).name}", *sys.argv[1:]])


def measured_on(*packages) -> str:
    """Return the versions of Keras, kzoo, Python and the named packages, and the machine."""
    backend = keras.config.backend()
    versions = "".join(f", {name} {importlib.metadata.version(name)}" for name in packages)
    return (
        f"Keras {keras.__version__} on {backend} {importlib.metadata.version(backend)}, kzoo "
        f"{kzoo.__version__}{versions}; Python {platform.python_version()}; {processor()}"
    )


def processor() -> str:
    """Return what this machine computes with, in words: its accelerators, else its CPU."""
    if keras.config.backend() == "jax":
        import jax

        devices = [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    else:
        devices = keras.distribution.list_devices("gpu")
    if devices:
        return f"{len(devices)} x {devices[0]}"
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} CPU core{'s' * (cores > 1)} ({names[0] if names else platform.machine()})"


def spread(values, digits=2) -> str:
    """Return the mean of some values and, of several, ± their sample standard deviation."""
    text = f"{np.mean(values):.{digits}f}"
    return text if len(values) == 1 else f"{text} ± {np.std(values, ddof=1):.{digits}f}"


def table(header, rows) -> str:
    """Return a Markdown table of a tuple of titles and of tuples of cells."""
    lines = [header, ("---",) * len(header), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)
