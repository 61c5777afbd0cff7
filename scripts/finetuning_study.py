"""Compare fine-tuning a shipped CIFAR-10 weight with training from scratch, on few images.

Command: .venv/bin/python scripts/finetuning_study.py [--data digits FOLDER ...]
Cost: about 20 minutes on one CPU core for digits, and as much for MNIST or a folder of six classes.

For 10, 50 and 200 images of each class, drawn anew for each seed, the same network is trained from
random weights and from the shipped ones, each by kzoo's default recipe for its start but with
batches of 32, crops alone as augmentation, and the same number of epochs, and tested once. Results
go to --results as they come, and a study that was stopped goes on. Writes docs/finetuning_study.md
and docs/finetuning_study.png.
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
from kzoo.data import ArraySource, Pipeline, Resize, open_source  # noqa: E402
from kzoo.registry import find_family  # noqa: E402
from kzoo.training import fit  # noqa: E402
from kzoo.training.defaults import default_recipe  # noqa: E402
from scripts._pages import command, measured_on, spread, table  # noqa: E402

SIZE = 32
STARTS = {"from scratch": False, "fine-tuned": True}


def arrays(data, split):
    """Return all images, uint8 (n, 32, 32, 3), and labels of a split."""
    return Pipeline(open_source(data), split, resize=Resize(SIZE), channels=3).arrays()


def draw(labels, count, seed):
    """Return `count` indices of each class."""
    random = np.random.default_rng(seed)
    chosen = [
        random.permutation(np.flatnonzero(labels == label))[:count] for label in np.unique(labels)
    ]
    return np.sort(np.concatenate(chosen))


def accuracy(options, train, test, count, seed, has_weights):
    """Return the test accuracy of one training."""
    keras.utils.set_random_seed(seed)
    classes = int(train[1].max()) + 1
    chosen = draw(train[1], count, seed)
    source = ArraySource({"train": (train[0][chosen], train[1][chosen])})
    recipe = default_recipe(
        find_family(options.model),
        source.spec,
        has_weights,
        {"epochs": options.epochs, "batch_size": 32, "seed": seed, "augment": ("crop=4",)},
    )
    weights = options.tag if has_weights else None
    shape = (SIZE, SIZE, 3)
    model = kzoo.create_model(options.model, weights=weights, classes=classes, input_shape=shape)
    pipeline = Pipeline(source, batch_size=32, augment=recipe.augment, seed=seed)
    fit(model, pipeline, recipe, verbose=0)
    predicted = model.predict(test[0], batch_size=256, verbose=0).argmax(axis=1)
    keras.utils.clear_session()
    return float(np.mean(predicted == test[1]))


def is_wanted(row, options, setting):
    """Return whether a row of the results belongs to this study."""
    return (
        setting.items() <= row.items()
        and row["count"] in options.counts
        and row["seed"] < options.seeds
        and row["data"] in [Path(data).name for data in options.data]
    )


def run(options):
    """Run what is not in the results yet; return all rows."""
    setting = {"model": options.model, "tag": options.tag, "epochs": options.epochs}
    rows = []
    if options.results.exists():
        rows = [json.loads(line) for line in options.results.read_text().splitlines()]
        rows = [row for row in rows if is_wanted(row, options, setting)]
    done = {tuple(row[key] for key in ("data", "count", "seed", "start")) for row in rows}
    for data in options.data:
        name = Path(data).name
        train, test = arrays(data, "train"), arrays(data, "test")
        for seed in range(options.seeds):
            for count in options.counts:
                for start, has_weights in STARTS.items():
                    if (name, count, seed, start) in done:
                        continue
                    found = accuracy(options, train, test, count, seed, has_weights)
                    rows.append(
                        {"data": name, "count": count, "seed": seed, "start": start}
                        | setting
                        | {"accuracy": found}
                    )
                    with options.results.open("a") as file:
                        file.write(json.dumps(rows[-1]) + "\n")
                    print(rows[-1], flush=True)
    return rows


def accuracies(rows, data, start, count):
    """Return the accuracies of the seeds in percent."""
    return [
        100 * row["accuracy"]
        for row in rows
        if (row["data"], row["start"], row["count"]) == (data, start, count)
    ]


def page(rows, options):
    """Return the page."""
    lines = []
    for data in dict.fromkeys(row["data"] for row in rows):
        for count in options.counts:
            found = [accuracies(rows, data, start, count) for start in STARTS]
            lines.append([data, count, *(spread(values, 1) for values in found)])
    return (
        "# Fine-tuning on few images\n\n"
        f"Test accuracy in percent of `{options.model}` trained on some images of each class, from "
        f"random weights and from the shipped `{options.tag}` weights; {options.epochs} epochs in "
        "batches of 32, cropped at random after padding by 4 pixels; "
        f"mean and sample standard deviation over {options.seeds} seeds, which also draw the "
        "images (all of a class that has fewer). "
        f"Images are brought to {SIZE} x {SIZE} in colour.\n\n"
        f"{measured_on()}. Written by `{command()}`; `scripts/street_patches.py` makes the folder "
        "of street scenes.\n\n"
        "![accuracy by images per class](finetuning_study.png)\n\n"
        + table(["data", "images per class", *STARTS], lines)
    )


def draw_plot(rows, options, path):
    """Draw accuracy against images per class, a panel for each data set."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(row["data"] for row in rows))
    figure = Figure(figsize=(4.5 * len(names), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axis, data in zip(figure.subplots(1, len(names), squeeze=False)[0], names):
        for start in STARTS:
            found = [accuracies(rows, data, start, count) for count in options.counts]
            means = list(map(np.mean, found))
            deviations = [np.std(values, ddof=1) if len(values) > 1 else 0 for values in found]
            axis.errorbar(options.counts, means, deviations, marker="o", capsize=3, label=start)
        axis.set(
            title=data, xscale="log", xlabel="training images per class", ylabel="test accuracy, %"
        )
        axis.set_xticks(options.counts, map(str, options.counts))
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(path, dpi=120)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=["digits"], help="names or folders")
    parser.add_argument("--model", default="resnet20_cifar")
    parser.add_argument("--tag", default="cifar10")
    parser.add_argument("--counts", nargs="+", type=int, default=[10, 50, 200])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--results", type=Path, default=ROOT / "runs" / "finetuning_study.jsonl")
    options = parser.parse_args(argv)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    rows = run(options)
    docs = ROOT / "docs"
    draw_plot(rows, options, docs / "finetuning_study.png")
    (docs / "finetuning_study.md").write_text(page(rows, options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
