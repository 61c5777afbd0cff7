"""What a search costs beside training the same candidates by hand.

Command: .venv/bin/python scripts/benchmark_tuning.py [--trials N --epochs N --rounds N]
Cost: about 6 minutes on two CPU cores. Nothing else may run meanwhile.

A search over small networks for MNIST-1D, and after it the same candidates, in the same order and
process, built and trained by kzoo.training.fit alone; in rounds, so that a change of the machine
meets both alike. Prints the ratio of their times.
"""

import argparse
import importlib.metadata
import os
import platform
import statistics
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
    """Return the seconds of a search, and its trials."""
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
        output=folder,
        say=lambda line: None,
    )
    return time.perf_counter() - start, found.trials


def by_hand(trials, options):
    """Return the seconds of building and training the candidates of trials."""
    from kzoo.data import open_source
    from kzoo.training import fit
    from kzoo.training.setup import splits_of
    from kzoo.tuning import ZooHyperModel

    start = time.perf_counter()
    source = open_source(DATA)
    hypermodel = ZooHyperModel(MODELS, source.spec, SPACE, recipe={"epochs": options.epochs})
    for trial in trials:
        setup = hypermodel.setup_of(trial.values)
        training, validation = setup.pipelines(source, splits_of(source, 0.1))
        fit(setup.build(), training, setup.recipe, validation_data=validation, verbose=0)
    return time.perf_counter() - start


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args(argv)
    ratios = []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            searched, trials = search(Path(folder, "search"), options)
        alone = by_hand(trials, options)
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
