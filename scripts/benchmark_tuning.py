"""What a search costs beside training the same candidates by hand.

Command: .venv/bin/python scripts/benchmark_tuning.py [--trials N --epochs N --rounds N]
Cost: about 6 minutes on two CPU cores. Nothing else may run meanwhile.

A search over small networks for MNIST-1D in one process, and the same candidates, in the same
order, built and trained by kzoo.training.fit alone in another; in rounds, so that a change of the
machine meets both alike. Prints the ratio of their times, without the start of the processes.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

MODELS = ("mnist1d_resnet", "udl_conv1d", "udl_dense")
DATA = "mnist1d"
# So that every trial has as many steps.
SPACE = {"batch_size": 100}


def search(folder, options):
    """Search in `folder`, and print the seconds that it took."""
    from kzoo.tuning import tune

    start = time.perf_counter()
    found = tune(
        MODELS,
        DATA,
        tuner="random",
        max_trials=options.trials,
        search_space=SPACE,
        recipe={"epochs": options.epochs},
        retrain=False,
        output=folder / "search",
        say=lambda line: None,
    )
    seconds = time.perf_counter() - start
    values = [trial.values for trial in found.trials]
    (folder / "candidates.json").write_text(json.dumps(values))
    print(seconds)


def by_hand(folder, options):
    """Build and train the candidates of the search in `folder`, and print the seconds it took."""
    from kzoo.data import open_source
    from kzoo.training import fit
    from kzoo.training.setup import splits_of
    from kzoo.tuning import ZooHyperModel

    candidates = json.loads((folder / "candidates.json").read_text())
    start = time.perf_counter()
    source = open_source(DATA)
    hypermodel = ZooHyperModel(MODELS, source.spec, SPACE, recipe={"epochs": options.epochs})
    for values in candidates:
        setup = hypermodel.setup_of(values)
        training, validation = setup.pipelines(source, splits_of(source, 0.1))
        fit(setup.build(), training, setup.recipe, validation_data=validation, verbose=0)
    print(time.perf_counter() - start)


MEASURES = {"search": search, "by_hand": by_hand}


def measure(name, folder, options):
    """Return the seconds of one of the two, in a process of its own."""
    command = [sys.executable, __file__, "--measure", name, "--folder", folder]
    command += ["--trials", str(options.trials), "--epochs", str(options.epochs)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(output.splitlines()[-1])


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--measure", choices=MEASURES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.measure:
        MEASURES[options.measure](options.folder, options)
        return 0
    ratios = []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            searched, alone = (measure(name, folder, options) for name in MEASURES)
        ratios.append(searched / alone)
        print(f"round {number + 1}: search {searched:.1f} s, by hand {alone:.1f} s", flush=True)
    names = ("keras-tuner", "keras", "tensorflow")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    print(
        f"{options.trials} trials of {options.epochs} epochs: a search takes "
        f"{statistics.median(ratios):.2f} of the time by hand (median of {options.rounds} rounds, "
        f"{min(ratios):.2f} to {max(ratios):.2f}); {versions}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
