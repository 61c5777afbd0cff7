"""Time an epoch of CIFAR-10 beside PyTorch: same network, batch, augmentation and optimiser.

Command: .venv/bin/python scripts/benchmark_training.py --data cifar10
         KERAS_BACKEND=jax ... --data cifar10.npz --precision mixed_bfloat16      on a GPU
Cost: about four minutes on two CPU cores. Needs the extra `parity`; nothing else may run meanwhile.

ResNet-20 of He et al., batches of 128, flip and crop, SGD with Nesterov momentum and weight decay.
kzoo trains by `kzoo.training.fit` from a `Pipeline`, PyTorch by the loop of `_torch_training`. Each
runs in a process of its own, in turns. The first epoch, in which both compile, does not count.
Writes docs/benchmarks/training.md.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from _pages import command, measured_on, table  # noqa: E402

LIBRARIES = ("kzoo", "pytorch")
BATCH = 128  # of the recipe


def open_pipeline(options):
    """Return the training images as both libraries get them."""
    from kzoo.data import Pipeline, open_source

    return Pipeline(
        open_source(options.data),
        f"train[:{options.examples}]",
        batch_size=BATCH,
        augment=("flip", "crop=4"),
        drop_remainder=True,
        shuffle=True,
    )


def recipe_of(options):
    """Return how both train."""
    from kzoo.training import named_recipe

    return named_recipe("cifar", epochs=options.epochs, precision=options.precision)


def train_kzoo(options):
    """Return the seconds of every epoch, and the accuracy in the last."""
    import keras

    import kzoo
    from kzoo.training import fit

    keras.config.set_dtype_policy(options.precision)
    keras.utils.set_random_seed(0)
    model = kzoo.create_model("resnet20_cifar")
    history = fit(model, open_pipeline(options), recipe_of(options), verbose=0)
    return [row["seconds"] for row in history], history[-1]["accuracy"]


def train_pytorch(options):
    """Return the seconds of every epoch, and the accuracy in the last."""
    from scripts._torch_training import train

    pipeline = open_pipeline(options)
    images, labels = pipeline.source.read("train", np.arange(pipeline.examples))
    _, epochs = train(images, labels, recipe_of(options), drop_remainder=True)
    seconds, accuracies = zip(*epochs)
    return seconds, accuracies[-1]


def run(library, options):
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--measure", library]
    for name in ("data", "examples", "epochs", "precision"):
        command += [f"--{name}", str(getattr(options, name))]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def page(rounds, options):
    """Return the page: the table and the ratio."""
    medians = {
        library: np.median([s for found in rounds for s in found[library][0][1:]])
        for library in LIBRARIES
    }
    lines = [
        [
            library,
            f"{medians[library]:.1f}",
            f"{options.examples // BATCH * BATCH / medians[library]:.0f}",
            ", ".join(f"{found[library][1]:.3f}" for found in rounds),
        ]
        for library in LIBRARIES
    ]
    header = ["", "seconds an epoch", "images/s", "training accuracy of the last epoch, by round"]
    return (
        "# Speed of training\n\n"
        f"`resnet20_cifar` on {options.examples} images of {options.data}, batches of {BATCH}, "
        f"flip and crop, {options.precision}. {measured_on('torch', 'numpy')}. Medians of "
        f"{len(rounds)} rounds of {options.epochs} epochs, the first of which does not count.\n\n"
        f"Written by `{command()}`.\n\n"
        f"{table(header, lines)}\n"
        f"kzoo's time over PyTorch's: {medians['kzoo'] / medians['pytorch']:.2f}.\n"
    )


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="cifar10", help="data set or file of `kzoo data export`")
    parser.add_argument("--examples", type=int, default=6400)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--measure", choices=LIBRARIES, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.measure:
        train = {"kzoo": train_kzoo, "pytorch": train_pytorch}[options.measure]
        print(json.dumps(train(options)))
        return 0
    rounds = [
        {library: run(library, options) for library in LIBRARIES} for _ in range(options.rounds)
    ]
    text = page(rounds, options)
    (ROOT / "docs" / "benchmarks" / "training.md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
