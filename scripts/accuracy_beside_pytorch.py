"""Train ResNet-20 in PyTorch as `resnet20_cifar.cifar10` is trained, and compare the accuracies.

Command: .venv/bin/python scripts/accuracy_beside_pytorch.py [--data cifar10.npz]
Cost: three seeds of 12 epochs, 37 minutes each on one CPU core. Needs the extra `parity`.

The network is He et al.'s, in PyTorch's own layers and initial values; images, augmentation,
optimiser, schedule and length are those of the recipe. Accuracies are of the test split, used once
at the end of each training; kzoo's are those of the card of its weights. Writes
docs/benchmarks/accuracy.md.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from kzoo.data import open_source  # noqa: E402
from scripts import _torch_training  # noqa: E402
from scripts._pages import command, measured_on, spread, table  # noqa: E402
from scripts._shipped_table import SHIPPED  # noqa: E402

NAME = "resnet20_cifar.cifar10"
RECORD = ROOT / "kzoo" / "weights" / "shipped" / f"{NAME}.json"


def page(found, recipe, data, record) -> str:
    """Return the page: PyTorch's accuracies beside those of kzoo's record, if there is one."""
    rows = {"PyTorch": found} | (
        {"kzoo": [seed["accuracy"] for seed in record["seeds"]]} if record else {}
    )
    lines = [
        [
            library,
            spread([100 * value for value in values]),
            ", ".join(f"{100 * value:.2f}" for value in values),
        ]
        for library, values in rows.items()
    ]
    note = f" Of the images: {record['data']['note']}." if record and record["data"]["note"] else ""
    return (
        "# Accuracy beside PyTorch\n\n"
        f"ResNet-20 on {data}, {recipe.epochs} epochs of the recipe `cifar`, test accuracy in % "
        f"over the seeds, with their sample standard deviation.{note}\n\n"
        f"PyTorch on {_torch_training.DEVICE}. {measured_on('torch')}. Written by "
        f"`{command()}`.\n\n"
        f"{table(['', 'accuracy', 'seeds'], lines)}"
    )


def main(argv=None):
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="cifar10", help="data set or file of `kzoo data export`")
    parser.add_argument("--data-dir", metavar="FOLDER", help="instead of TFDS_DATA_DIR")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--seeds", type=int, default=3, help="how many, counted from 0")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks" / "accuracy.md")
    options = parser.parse_args(argv)
    source = open_source(options.data, data_dir=options.data_dir)
    train, test = (
        source.read(split, np.arange(source.spec.splits[split])) for split in ("train", "test")
    )
    found = []
    for seed in range(options.seeds):
        recipe = SHIPPED[NAME].recipe_for(seed, options.epochs)
        model, _ = _torch_training.train(*train, recipe)
        found.append(_torch_training.accuracy(model, *test))
        print(f"seed {seed}: {100 * found[-1]:.2f} %", flush=True)
    record = json.loads(RECORD.read_text()) if RECORD.exists() else None
    text = page(found, recipe, source.spec.name, record)
    options.page.write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
