"""Train All-CNN-C with planar, p4 and p4m convolutions on some images of CIFAR-10, several seeds.

Command: .venv/bin/python scripts/symmetry_study.py [--networks NAME ...] [--seeds N]
Cost: about 2 hours on one CPU core. --networks divides it among processes, which add to the same
--results; the command without it then writes the page. Needs CIFAR-10 as prepared by TensorFlow
Datasets in TFDS_DATA_DIR.

The images are drawn anew for each seed, the same for all networks, and nothing is augmented, as in
the first column of Cohen and Welling's table. A study that was stopped goes on with the next
network. Writes docs/symmetry_study.md.
"""

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import keras  # noqa: E402
import numpy as np  # noqa: E402

import kzoo  # noqa: E402
from kzoo.analysis import count_parameters  # noqa: E402
from kzoo.data import ArraySource, Pipeline  # noqa: E402
from kzoo.training import Recipe, fit  # noqa: E402
from scripts._pages import command, measured_on, spread, table  # noqa: E402
from scripts.finetuning_study import arrays, draw  # noqa: E402

# Test error in percent without augmentation: Cohen and Welling 2016, Table 2.
PUBLISHED = {"z2_all_cnn_c": 9.44, "p4_all_cnn_c": 8.84, "p4m_all_cnn_c": 7.59}
PRECISION = "mixed_bfloat16"

PAGE = """# Rotations and reflections on CIFAR-10

Test error of All-CNN-C with planar, p4 and p4m convolutions, at {width} of the published width, of
about the same number of parameters; trained on {images:,} images of CIFAR-10 for {epochs} epochs
without augmentation. Mean and sample standard deviation over {seeds} seeds, which also draw the
images. One recipe for all: SGD with momentum 0.9 and a cosine schedule from {learning_rate:g},
weight decay {weight_decay:g} (decoupled), gradients clipped to a norm of {clip:g}, batch size
{batch_size}, no dropout, mixed bfloat16; nothing was chosen by looking at the test images. The
published figures are those of the authors' training of 350 epochs on all 50,000 images, at full
width, with dropout.

{note}{measured_on}. Written by
`{command}`.

"""


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=PUBLISHED, default=list(PUBLISHED))
    parser.add_argument("--count", type=int, default=800, help="images of each class")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3, help="how many, counted from 0")
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--note", default="", help="which images these are, for the page")
    parser.add_argument("--results", type=Path, default=ROOT / "runs" / "symmetry_study.jsonl")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "symmetry_study.md")
    return parser.parse_args(argv)


def recipe_for(seed, options):
    """Return the recipe of a seed."""
    return Recipe(
        epochs=options.epochs,
        batch_size=64,
        optimizer="sgd",
        learning_rate=0.05,
        weight_decay=0.005,
        clip=1.0,
        precision=PRECISION,
        seed=seed,
    )


def train_once(network, seed, train, test, options):
    """Return the row of one training."""
    recipe = recipe_for(seed, options)
    keras.utils.set_random_seed(seed)
    chosen = draw(train[1], options.count, seed)
    source = ArraySource({"train": (train[0][chosen], train[1][chosen])})
    keras.config.set_dtype_policy(PRECISION)
    model = kzoo.create_model(
        network,
        classes=10,
        input_shape=train[0].shape[1:],
        width=options.width,
        dropout_rate=0.0,
        input_dropout_rate=0.0,
    )
    pipeline = Pipeline(source, batch_size=recipe.batch_size, seed=seed)
    fit(model, pipeline, recipe, verbose=0)
    error = {
        split: 100 * float(np.mean(model.predict(x, batch_size=250, verbose=0).argmax(1) != y))
        for split, (x, y) in {"train": (train[0][chosen], train[1][chosen]), "test": test}.items()
    }
    parameters = count_parameters(model)
    keras.utils.clear_session()
    setting = {"count": options.count, "epochs": options.epochs, "width": options.width}
    return setting | {
        "network": network,
        "seed": seed,
        "parameters": parameters,
        "train error": error["train"],
        "test error": error["test"],
    }


def rows_of(options):
    """Return the rows of this setting among the results."""
    if not options.results.exists():
        return []
    rows = map(json.loads, options.results.read_text().splitlines())
    setting = (options.count, options.epochs, options.width)
    return [
        row
        for row in rows
        if (row["count"], row["epochs"], row["width"]) == setting and row["seed"] < options.seeds
    ]


def run(options):
    """Train what is not in the results yet."""
    train, test = arrays("cifar10", "train"), arrays("cifar10", "test")
    for seed in range(options.seeds):
        for network in options.networks:
            if (network, seed) in [(row["network"], row["seed"]) for row in rows_of(options)]:
                continue
            row = train_once(network, seed, train, test, options)
            with options.results.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(row, flush=True)


def page(options, found):
    """Return the page of the results, a list for each network."""
    recipe = recipe_for(0, options)
    header = PAGE.format(
        width=options.width,
        images=10 * options.count,
        epochs=options.epochs,
        seeds=options.seeds,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        batch_size=recipe.batch_size,
        clip=recipe.clip,
        note=f"{options.note}\n\n" if options.note else "",
        measured_on=measured_on(),
        command=command(),
    )
    lines = [
        [
            f"`{network}`",
            f"{rows[0]['parameters']:,}",
            spread([row["test error"] for row in rows]),
            spread([row["train error"] for row in rows]),
            f"{PUBLISHED[network]}",
        ]
        for network, rows in found.items()
    ]
    columns = ["network", "parameters", "test error, %", "training error, %", "published, %"]
    return header + table(columns, lines)


def main(argv=None):
    options = parse(argv)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    run(options)
    rows = rows_of(options)
    found = {name: [row for row in rows if row["network"] == name] for name in PUBLISHED}
    if min(map(len, found.values())) == options.seeds:
        options.page.write_text(page(options, found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
