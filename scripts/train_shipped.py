"""Train weights that come with kzoo, and write them with their records, cards and tables.

Command: .venv/bin/python scripts/train_shipped.py NAME [NAME ...] [--seeds 3]
         KERAS_BACKEND=jax python scripts/train_shipped.py NAME --data FILE.npz   (no TensorFlow)
Cost: minutes for MNIST-1D on two CPU cores, an hour for MNIST and for the smallest network for
CIFAR-10; days for the largest, which are for a GPU.

NAME is a model with a tag, such as `resnet20_cifar.cifar10`, of those that `--list` prints; it may
have wildcards. Each seed is an ordinary run under --runs: one that has ended is not trained again,
and one that was stopped goes on where it was. Small networks use two cores better as two processes,
each with a --seed of its own; the command without it then ships what they have trained. The run of
seed 0 is shipped, whatever it reached; its file is loaded back and measured before anything else is
written. `--pages` writes the cards and tables anew from the records that are there.
"""

import argparse
import csv
import fnmatch
import hashlib
import io
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import keras  # noqa: E402
import numpy as np  # noqa: E402

import kzoo  # noqa: E402
from kzoo.data import open_source  # noqa: E402
from kzoo.training import Run, train  # noqa: E402
from kzoo.training.evaluate import predict_log_probabilities, split_pipeline  # noqa: E402
from kzoo.training.feed import epoch_of  # noqa: E402
from kzoo.training.files import write_json  # noqa: E402
from kzoo.weights.half_precision import write_half_precision  # noqa: E402
from kzoo.weights.tags import SHIPPED_COLUMNS  # noqa: E402
from scripts import _shipped_cards as cards  # noqa: E402
from scripts._pages import processor  # noqa: E402
from scripts._shipped_table import SHIPPED, Shipped  # noqa: E402

WEIGHTS = "kzoo/weights/shipped"
MARKS = ("<!-- shipped -->\n", "<!-- /shipped -->")
# Of the accuracy, between the run, in the precision that it trained in, and its file, in float32.
TOLERANCES = {"float32": 0.001, "mixed_bfloat16": 0.005}


def parse(argv):
    """Return the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="a model with a tag; wildcards")
    parser.add_argument("--list", action="store_true", help="print what there is to train")
    parser.add_argument("--pages", action="store_true", help="write cards and tables anew")
    parser.add_argument("--seeds", type=int, default=3, help="how many, counted from 0")
    parser.add_argument("--seed", type=int, help="train this one alone, and ship nothing")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--data", metavar="FILE", help="of `kzoo data export`, instead of the name")
    parser.add_argument("--data-dir", metavar="FOLDER", help="instead of TFDS_DATA_DIR")
    parser.add_argument("--note", default="", help="which images these are, for the card")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "shipped")
    parser.add_argument("--project", type=Path, default=ROOT, help="checkout that is written to")
    parser.add_argument("--verbose", type=int, default=2, help="of Keras, default a line an epoch")
    arguments = parser.parse_args(argv)
    if arguments.seeds < 1:
        parser.error(f"--seeds must be at least 1; received {arguments.seeds}")
    if not (arguments.project / WEIGHTS).is_dir():
        parser.error(f"--project must be a checkout of kzoo; {arguments.project} has no {WEIGHTS}")
    return arguments


def chosen(names) -> list[Shipped]:
    """Return the rows that the names mean, in the order of the table."""
    for name in names:
        if not fnmatch.filter(SHIPPED, name):
            raise ValueError(
                f"there is nothing called {name!r} to train: NAME is one of {', '.join(SHIPPED)}."
            )
    return [
        row
        for name, row in SHIPPED.items()
        if any(fnmatch.fnmatchcase(name, given) for given in names)
    ]


def check_data(row, arguments):
    """Refuse an exported file of another data set."""
    if arguments.data is None:
        return
    spec = open_source(arguments.data).spec
    if spec.name != row.data:
        raise ValueError(
            f"{row.name} is trained on {row.data}, and --data {arguments.data} holds {spec.name}; "
            f"give the file that `kzoo data export {row.data}` wrote."
        )


def run_seed(row, seed, arguments) -> Run:
    """Return the run of a seed, trained now or before."""
    folder = arguments.runs / row.name / f"seed-{seed}"
    if folder.exists() and "test" in Run.open(folder).results:
        run = Run.open(folder)
        if run.recipe != row.recipe_for(seed, arguments.epochs):
            raise ValueError(
                f"{folder} was trained by another recipe than {row.name} has now; remove it, or "
                "give another folder with --runs."
            )
        return run
    note_hardware(folder)
    options = dict(row.options)
    run = train(
        row.model,
        arguments.data or row.data,
        recipe=row.recipe_for(seed, arguments.epochs),
        output=folder,
        resume=folder.exists(),
        conv=options.pop("conv", "standard"),
        model_options=options,
        data_dir=arguments.data_dir,
        verbose=arguments.verbose,
    )
    print(f"{row.name}, seed {seed}: {100 * run.results['test']['accuracy']:.2f} %", flush=True)
    keras.utils.clear_session()
    return run


def note_hardware(folder):
    """Add this machine to those that a run was trained on, in a file beside its folder."""
    path = folder.with_suffix(".hardware.json")
    machines = json.loads(path.read_text()) if path.exists() else []
    if processor() not in machines:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, [*machines, processor()])


def machines_of(runs) -> str:
    """Return the machines that the runs were trained on."""
    found = []
    for run in runs:
        found += json.loads(run.folder.with_suffix(".hardware.json").read_text())
    return "; ".join(dict.fromkeys(found))


def ship(row, runs, arguments):
    """Write the weights of the first run with their record."""
    first = runs[0]
    path = arguments.project / WEIGHTS / f"{row.name}.npz"
    record = cards.make_record(
        row,
        runs,
        command=command(row, runs),
        hardware=machines_of(runs),
        note=arguments.note,
    )
    candidate = write_half_precision(first.model(), path.with_name(f".{path.name}"))
    try:
        accuracy = measure(row, first, candidate, arguments)
        check_accuracy(row, first, accuracy)
        os.replace(candidate, path)
    finally:
        candidate.unlink(missing_ok=True)
    content = path.read_bytes()
    record |= {
        "file": path.name,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "file_accuracy": accuracy,
    }
    write_json(path.with_suffix(".json"), record)


def measure(row, run, path, arguments) -> float:
    """Return the test accuracy of a file of weights, loaded into a new model.

    The data are those that are here: the run may come from another machine.
    """
    model = kzoo.create_model(
        row.model,
        weights=Path(path),
        classes=len(run.class_names),
        input_shape=run.shape,
        **row.options,
    )
    source = open_source(arguments.data or row.data, data_dir=arguments.data_dir)
    pipeline = split_pipeline(run, source, "test", 500)
    predicted = predict_log_probabilities(model, epoch_of(pipeline)).argmax(axis=1)
    return float(np.mean(predicted == pipeline.labels()))


def check_accuracy(row, run, accuracy):
    """Refuse a file that does not do what its run did."""
    expected, tolerance = run.results["test"]["accuracy"], TOLERANCES[run.recipe.precision]
    if abs(accuracy - expected) > tolerance:
        raise ValueError(
            f"the file of {row.name} has a test accuracy of {accuracy:.4f}, and its run "
            f"{expected:.4f}; more than {tolerance} is lost in half precision, it is not shipped."
        )


def command(row, runs) -> str:
    """Return the command that trains these weights again."""
    run = runs[0]
    parts = [f"python scripts/train_shipped.py {row.name} --seeds {len(runs)}"]
    if run.recipe.epochs != row.recipe_for(0).epochs:
        parts.append(f"--epochs {run.recipe.epochs}")
    if run.data["name"].endswith(".npz"):
        parts.append(f"--data {Path(run.data['name']).name}")
    backend = run.config["versions"]["backend"]
    return ("" if backend == "tensorflow" else f"KERAS_BACKEND={backend} ") + " ".join(parts)


def pages(project) -> dict[Path, str]:
    """Return every file that is written from the records, with its text."""
    folder = project / WEIGHTS
    records = cards.read_records(folder)
    readme = (project / "README.md").read_text(encoding="utf-8")
    before, rest = readme.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    table = cards.table(records, WEIGHTS)
    return {
        folder / "tags.csv": tags_of(records),
        **{folder / f"{record['name']}.md": cards.card(record) for record in records},
        project / "docs" / "weights.md": cards.page(records),
        project / "README.md": f"{before}{MARKS[0]}{table}{MARKS[1]}{after}",
    }


def tags_of(records) -> str:
    """Return the text of `tags.csv`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, SHIPPED_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(cards.row_of_tags, records))
    return text.getvalue()


def write_pages(project):
    """Write what is made from the records: `tags.csv`, the cards and the tables."""
    for path, text in pages(project).items():
        path.write_text(text, encoding="utf-8")


def main(argv=None):
    """Do what the arguments say."""
    arguments = parse(argv)
    if arguments.list:
        for name, row in SHIPPED.items():
            print(f"{name:<32} {row.data:<14} {row.recipe}")
        return 0
    try:
        rows = chosen(arguments.names)
        for row in rows:
            check_data(row, arguments)
            if arguments.seed is not None:
                run_seed(row, arguments.seed, arguments)
                continue
            runs = [run_seed(row, seed, arguments) for seed in range(arguments.seeds)]
            ship(row, runs, arguments)
            write_pages(arguments.project)
    except ValueError as error:
        print(f"train_shipped.py: {error}", file=sys.stderr)
        return 2
    if arguments.pages:
        write_pages(arguments.project)
    return 0


if __name__ == "__main__":
    sys.exit(main())
