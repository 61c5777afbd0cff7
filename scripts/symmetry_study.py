"""Train All-CNN-C with planar, p4 and p4m convolutions on some images of CIFAR-10, several seeds.

Command: .venv/bin/python scripts/symmetry_study.py [--networks NAME ...] [--seeds N]
Cost: about 2 hours on one CPU core. --networks divides it among processes, which add to the same
--results; the command without it then writes the page. Needs CIFAR-10 as prepared by TensorFlow
Datasets in TFDS_DATA_DIR.

The images are drawn anew for each seed, the same for all networks, and nothing is augmented, as in
the first column of Cohen and Welling's table. A study that was stopped goes on with the next
network. Writes docs/symmetry_study.md, with every setting of --count and --epochs whose trainings
are all among the --results.
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
about the same number of parameters; trained on images of CIFAR-10 without augmentation. Mean and
sample standard deviation over {seeds} seeds, which also draw the images. One recipe for all: SGD
with momentum 0.9 and a cosine schedule from {learning_rate:g}, weight decay {weight_decay:g}
(decoupled), gradients clipped to a norm of {clip:g}, batch size {batch_size}, no dropout, mixed
bfloat16; nothing was chosen by looking at the test images. The published figures are those of the
authors' training of 350 epochs on all 50,000 images, at full width, with dropout.

{note}{measured_on}. Written by
`{command}`.
"""
SETTING = """
## {images:,} images, {epochs} epochs

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


def settings_of(options):
    """Return the rows of the results by (count, epochs), of the width and the seeds asked for."""
    found: dict = {}
    if options.results.exists():
        for row in map(json.loads, options.results.read_text().splitlines()):
            if row["width"] == options.width and row["seed"] < options.seeds:
                found.setdefault((row["count"], row["epochs"]), []).append(row)
    return dict(sorted(found.items()))


def run(options):
    """Train what is not in the results yet."""
    train, test = arrays("cifar10", "train"), arrays("cifar10", "test")
    for seed in range(options.seeds):
        for network in options.networks:
            rows = settings_of(options).get((options.count, options.epochs), [])
            if (network, seed) in [(row["network"], row["seed"]) for row in rows]:
                continue
            row = train_once(network, seed, train, test, options)
            with options.results.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(row, flush=True)


def page(options):
    """Return the page of the settings whose trainings are complete."""
    recipe = recipe_for(0, options)
    text = PAGE.format(
        width=options.width,
        seeds=options.seeds,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        batch_size=recipe.batch_size,
        clip=recipe.clip,
        note=f"{options.note}\n\n" if options.note else "",
        measured_on=measured_on(),
        command=command(),
    )
    for (count, epochs), rows in settings_of(options).items():
        if len(rows) == options.seeds * len(PUBLISHED):
            text += SETTING.format(images=10 * count, epochs=epochs) + errors(rows)
    return text


def errors(rows):
    """Return the table of a setting."""
    found = {name: [row for row in rows if row["network"] == name] for name in PUBLISHED}
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
    return table(columns, lines)


def main(argv=None):
    options = parse(argv)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    run(options)
    if options.networks == list(PUBLISHED):
        options.page.write_text(page(options), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
