"""Train a planar, a p4-equivariant and a harmonic network on rotated MNIST, with several seeds.

Command: .venv/bin/python scripts/equivariance_study.py [--epochs N] [--seeds N] [--networks ...]
Cost: on two CPU cores an epoch of 12,000 images takes about 8 s for z2cnn, 18 s for p4cnn and 49 s
for hnet_mnist, and the test images of each run 1 to 3 minutes; so 10 epochs and 3 seeds take about
an hour, 40 epochs 3 hours. Needs MNIST as prepared by TensorFlow Datasets in TFDS_DATA_DIR, or
--download.

Each run has its folder under --runs. One that has ended is not trained again, and one that was
stopped goes on where it was. Writes docs/equivariance_study.md after each run.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import keras  # noqa: E402
import numpy as np  # noqa: E402

from kzoo.training import Run, train  # noqa: E402
from scripts._pages import command, measured_on, spread, table  # noqa: E402

# Test error in percent, as printed in Cohen and Welling 2016 (Table 1) and Worrall et al. 2017.
PUBLISHED = {"z2cnn": 5.03, "p4cnn": 2.28, "hnet_mnist": 1.69}

HEADER = """# Equivariance on rotated MNIST

Test error after {epochs} epochs on {data} ({train:,} training and {test:,} test images), mean and
sample standard deviation over seeds. One recipe for all: AdamW with a cosine schedule from the
learning rate in the table, weight decay {weight_decay}, batch size {batch_size}, no augmentation,
no validation images, nothing chosen by looking at the test images. `z2cnn` has the dropout of 0.3
that its authors give it, which so short a training does not reward; the others have none. The
published figures come from the authors' own recipes (200 to 300 epochs) and from the original
rotated images; the images here are made anew from MNIST by the same rule.

{measured_on}. Written by
`{command}`.

"""


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=3, help="how many, counted from 0")
    parser.add_argument("--networks", nargs="+", choices=PUBLISHED, default=list(PUBLISHED))
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--data", default="rotated_mnist", help="name or folder")
    parser.add_argument("--image-size", type=int, help="default the images' own")
    parser.add_argument("--download", action="store_true", help="let TFDS fetch MNIST")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "equivariance_study")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "equivariance_study.md")
    return parser.parse_args(argv)


def run_once(network, seed, arguments):
    """Return the run of a network and a seed, trained now or before."""
    name = f"{network}-{Path(arguments.data).name}-{arguments.epochs}-epochs-seed-{seed}"
    folder = arguments.runs / name
    if folder.exists() and "test" in Run.open(folder).results:
        print(f"{folder} has ended already")
        return Run.open(folder)
    run = train(
        network,
        arguments.data,
        recipe={
            "epochs": arguments.epochs,
            "batch_size": arguments.batch_size,
            "seed": seed,
            "validation_split": 0,
            "image_size": arguments.image_size,
        },
        output=folder,
        resume=folder.exists(),
        download=arguments.download,
    )
    print(f"{network}, seed {seed}: test error {error(run):.2f} %", flush=True)
    keras.utils.clear_session()
    return run


def error(run):
    """Return the test error of a run in percent."""
    return 100 * (1 - run.results["test"]["accuracy"])


def seconds_per_epoch(run):
    """Return the median time of an epoch."""
    history = np.genfromtxt(run.folder / "history.csv", delimiter=",", names=True)
    return float(np.median(history["seconds"]))


def row(network, runs):
    """Return the row of a network in the table."""
    errors = [error(run) for run in runs]
    seconds = np.median([seconds_per_epoch(run) for run in runs])
    return (
        f"`{network}`",
        f"{runs[0].config['model']['parameters']:,}",
        f"{runs[0].recipe.learning_rate:g}",
        len(runs),
        spread(errors),
        PUBLISHED[network],
        f"{seconds:.0f}",
    )


def page(runs):
    """Return the page of all runs so far, a list for each network."""
    first = next(iter(runs.values()))[0]
    header = HEADER.format(
        epochs=first.recipe.epochs,
        data=first.data["name"],
        train=first.data["examples"]["train"],
        test=first.data["examples"]["test"],
        weight_decay=first.recipe.weight_decay,
        batch_size=first.recipe.batch_size,
        measured_on=measured_on(),
        command=command(),
    )
    columns = ["network", "parameters", "learning rate", "seeds"]
    columns += ["test error, %", "published, %", "s per epoch"]
    return header + table(columns, [row(network, found) for network, found in runs.items()])


def main(argv=None):
    arguments = parse(argv)
    runs = {}
    for seed in range(arguments.seeds):
        for network in arguments.networks:
            runs.setdefault(network, []).append(run_once(network, seed, arguments))
            arguments.page.write_text(page(runs), encoding="utf-8")
    print(page(runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
