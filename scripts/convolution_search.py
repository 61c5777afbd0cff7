"""Which convolution suits few digits, and which more: a search with `conv` in its space.

Command: .venv/bin/python scripts/convolution_search.py [--trials N --seeds N --epochs N]
Cost: about 10 minutes on two CPU cores.

For each number of training images, a random search over the convolution, the learning rate and
the dropout of one small network (two 3x3 convolutions of 16 filters) for scikit-learn's digits, a
seventh of the images held out; then the best candidate of every convolution is trained on all of
them with several seeds, and measured on the test images. Writes docs/convolution_search.md and
docs/convolution_search.png.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from _pages import command, measured_on, spread, table  # noqa: E402

MODEL = "cs231n"
# Two convolutions of 16 filters, each followed by pooling, and a dense layer.
OPTIONS = {"n": 1, "m": 2, "k": 1, "filters": 16, "units": 64, "kernel_size": 3}
CONVOLUTIONS = ("standard", "tiled=2", "tiled=3", "locally_connected", "gabor")
EXAMPLES = (200, 1400)
FIXED = {
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "schedule": "cosine",
    "batch_size": 50,
    "label_smoothing": 0.0,
    "mixup": 0.0,
    "augment": "",
    "width": 1.0,
    "depth": 1.0,
}


def subset(source, examples, path):
    """Write the first `examples` digits of a fixed order, and the test digits, to a file."""
    from kzoo.data import ArraySource, Pipeline, export

    some = Pipeline(source, f"train[:{examples}]", batch_size=examples, shuffle=False).batch(0, 0)
    test = source.read("test", np.arange(source.spec.splits["test"]))
    return export(ArraySource({"train": some, "test": test}, "digits"), path)


def search(data, folder, options):
    """Search on a part of the digits; returns the search."""
    from kzoo.tuning import Choice, Float, tune

    return tune(
        MODEL,
        data,
        tuner="random",
        max_trials=options.trials,
        search_space={
            **OPTIONS,
            **FIXED,
            "conv": Choice(CONVOLUTIONS),
            "learning_rate": Float(3e-4, 3e-2, log=True),
            "dropout_rate": Float(0.0, 0.5, step=0.1),
        },
        recipe={"epochs": options.epochs, "validation_split": 1 / 7},
        retrain=False,
        output=folder,
    )


def measure(found, trial, options):
    """Return the test accuracy of a candidate for each seed, and its number of parameters."""
    runs = [
        found.train(trial, output=found.folder / f"{trial.number}-{seed}", seed=seed)
        for seed in range(options.seeds)
    ]
    parameters = runs[0].config["model"]["parameters"]
    return [run.results["test"]["accuracy"] for run in runs], parameters


def draw(path, rows):
    """Draw the accuracies of each convolution and number of images."""
    from kzoo.training.plots import save_figure, subplots

    figure, axes = subplots(1, len(EXAMPLES), figsize=(9, 3.4), squeeze=False)
    for axis, examples in zip(axes.flat, EXAMPLES):
        for place, conv in enumerate(CONVOLUTIONS):
            accuracies, _, _ = rows[examples, conv]
            axis.plot([place] * len(accuracies), accuracies, "o", alpha=0.4, color="C0")
            axis.plot(place, np.mean(accuracies), "_", markersize=24, color="black")
        axis.set_xticks(range(len(CONVOLUTIONS)), CONVOLUTIONS, rotation=20)
        axis.set(title=f"{examples:,} training images", ylabel="test accuracy")
        axis.grid(alpha=0.3)
    save_figure(figure, path)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=30)
    options = parser.parse_args(argv)
    from kzoo.data import open_source
    from kzoo.tuning.results import best_first

    source = open_source("digits")
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for examples in EXAMPLES:
            data = subset(source, examples, Path(folder, f"digits{examples}.npz"))
            found = search(data, Path(folder, str(examples)), options)
            ranked = best_first(found.trials, "val_accuracy")
            for conv in CONVOLUTIONS:
                trial = next((trial for trial in ranked if trial.values["conv"] == conv), None)
                if trial is None:
                    raise SystemExit(
                        f"none of the {options.trials} candidates for {examples} images has "
                        f"conv={conv!r}; give more --trials."
                    )
                accuracies, parameters = measure(found, trial, options)
                rows[examples, conv] = accuracies, parameters, trial
                print(examples, conv, parameters, np.round(accuracies, 4), flush=True)
    lines = [
        [
            f"{examples:,}",
            f"`{conv}`",
            f"{parameters:,}",
            f"{trial.metrics['val_accuracy']:.3f}",
            f"{trial.values['learning_rate']:.4f}, {trial.values['dropout_rate']:.1f}",
            spread(accuracies, 4),
        ]
        for (examples, conv), (accuracies, parameters, trial) in rows.items()
    ]
    header = ["images", "convolution", "parameters", "best validation", "its rate, dropout", "test"]
    (ROOT / "docs" / "convolution_search.md").write_text(
        "# Which convolution for how many digits\n\n"
        f"Written by `{command()}`: {options.trials} random candidates for each "
        f"number of images, {options.epochs} epochs; test accuracy of the best candidate of each "
        f"convolution over {options.seeds} seeds, with their standard deviation. The network is "
        "`cs231n` with two 3x3 convolutions of 16 filters on 8 x 8 images. "
        f"{measured_on('keras-tuner')}.\n\n"
        f"{table(header, lines)}\n"
        "![Test accuracy by convolution](convolution_search.png)\n"
    )
    draw(ROOT / "docs" / "convolution_search.png", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
