"""From the runs of some shipped weights to their record, and from records to cards and tables."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from kzoo.registry import find_family
from kzoo.training import Recipe, Run
from kzoo.weights.sources import written
from scripts import _pages

DATA_SETS = {
    "cifar10": "CIFAR-10",
    "mnist": "MNIST",
    "rotated_mnist": "rotated MNIST",
    "mnist1d": "MNIST-1D",
}
PAGE = """# Weights that come with kzoo

Trained by `scripts/train_shipped.py` with kzoo's own recipes, in half precision, {megabytes:.1f} MB
together; Apache-2.0. `kzoo.create_model("{first}")` gives the network
with its weights. The accuracy is that of the file on the test split; "over the seeds" is the mean
± the sample standard deviation, with the number of seeds, of which the first is shipped, whatever
it reached. The test split is used once, at the end of each training. The card behind each name has
the recipe, the command, the data, versions and hardware.

A tag brings the options that its weights need: `tiled_cifar10` builds the network with
`conv="tiled"`, and another `conv=` is refused. `p4cnn` gives the same logits for an image and for
the image turned: on MNIST, where digits stand upright, it takes some 6s for 9s, and
`upright_mnist`, with `readout="upright"`, does not.

All-CNN-C comes as published, without batch normalisation, and with it planar (`z2`), p4 and p4m;
all are at half width, of about the same number of parameters, and trained for 8 epochs, the three
with batch normalisation alike. These three come out above the published one, and p4 above the
planar one. Cohen and Welling, in 350 epochs, found p4m above p4; here it fits even the training
images less in so few epochs. At a quarter of the width and without augmentation p4m has the lowest
error here too, by three points on 8,000 images and, in 16 epochs, by less than the spread of the
seeds on all 50,000; p4 is not above the planar network there:
[symmetry_study.md](symmetry_study.md).

`kzoo.weights.write_half_precision(model, "mine.npz")` writes a file of the same kind, and
`weights="mine.npz"` reads it.

"""
CARD = """# {name}

```python
model = kzoo.create_model("{name}")
```

{rows}
What was trained, with kzoo's defaults for all that is not named:

```
{recipe}
```

Trained again by

```
{command}
```

Written by `scripts/train_shipped.py` from [{name}.json]({name}.json).
"""


def make_record(row, runs: list[Run], **facts) -> dict[str, Any]:
    """Return what is known of some weights as plain data, without their file.

    Args:
        row: what is shipped, from `_shipped_table`.
        runs: the runs of the seeds, the shipped one first.
        **facts: what the run folders do not say: command, hardware and note.
    """
    config = runs[0].config
    data, network = config["data"], config["model"]
    shape = list(network["options"]["input_shape"])
    return {
        "name": row.name,
        "model": row.model,
        "tag": row.tag,
        "licence": "Apache-2.0",
        "options": {**row.options, **_other_shape(row, shape)},
        "parameters": network["parameters"],
        "input_shape": shape,
        "preprocessing": _preprocessing(runs[0]),
        "data": {
            "name": row.data,
            "kind": data["kind"],
            "class_names": data["class_names"],
            "examples": data["examples"],
            "splits": data["splits"],
            "note": facts["note"],
        },
        "recipe_name": row.recipe,
        "recipe": {name: value for name, value in config["recipe"].items() if name != "seed"},
        "command": facts["command"],
        "seeds": [_of_seed(run) for run in runs],
        "shipped_seed": runs[0].recipe.seed,
        "versions": config["versions"],
        "hardware": facts["hardware"],
    }


def _other_shape(row, shape):
    """Return the input shape as an option, where it is not the model's default."""
    return (
        {} if shape == list(find_family(row.model).shape_of(row.model)) else {"input_shape": shape}
    )


def _preprocessing(run):
    layers = [layer for layer in run.model().layers if layer.name == "preprocessing"]
    mean = [value / 255 for layer in layers for value in layer.input_mean]
    std = [value**0.5 / 255 for layer in layers for value in layer.input_variance]
    resize = run.config["data"]["resize"] or {}
    return {
        "mean": [round(float(value), 6) for value in mean],
        "std": [round(float(value), 6) for value in std],
        "interpolation": resize.get("interpolation", "bilinear"),
        "crop": resize.get("crop", 1.0),
        "crop_mode": resize.get("mode", "center"),
    }


def _of_seed(run):
    test = run.results["test"]
    history = np.genfromtxt(run.folder / "history.csv", delimiter=",", names=True)
    return {
        "seed": run.recipe.seed,
        "accuracy": test["accuracy"],
        "loss": test["loss"],
        "epochs": int(history["epoch"].size),
        "seconds": round(float(np.sum(history["seconds"]))),
    }


def read_records(folder: Path) -> list[dict[str, Any]]:
    """Return the records in a folder, by name."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def row_of_tags(record) -> dict[str, Any]:
    """Return the row of some weights in `tags.csv`."""
    inputs, shape = record["preprocessing"], record["input_shape"]
    sizes = shape[:-1] if len(shape) == 3 else (shape[0], 1)
    return {
        "name": record["model"],
        "tag": record["tag"],
        "recommended": "",
        "source": f"shipped:{record['file']}",
        "sha256": record["sha256"],
        "classes": len(record["data"]["class_names"]),
        "dataset": DATA_SETS[record["data"]["name"]],
        "licence": record["licence"].lower(),
        "top1": f"{100 * record['file_accuracy']:.2f}",
        "top5": "",
        "top1_size": shape[0],
        "megabytes": f"{record['bytes'] / 1e6:.3f}",
        "mean": " ".join(map(repr, inputs["mean"])),
        "std": " ".join(map(repr, inputs["std"])),
        "interpolation": inputs["interpolation"],
        "crop": inputs["crop"],
        "crop_mode": inputs["crop_mode"],
        "size": "x".join(map(str, sizes)),
        "test_size": "",
        "test_crop": "",
        "reference": f"{record['name']}.md",
        "facts_from": f"{record['name']}.json",
        "accuracy_from": f"{record['name']}.json",
        "options": json.dumps(record["options"]) if record["options"] else "",
    }


def card(record) -> str:
    """Return the card of some weights in Markdown."""
    data, inputs = record["data"], record["preprocessing"]
    seeds = record["seeds"]
    versions = record["versions"]
    backend, precision = versions["backend"], record["recipe"]["precision"]
    options = {name: value for name, value in record["options"].items() if name != "input_shape"}
    shown = {
        "test accuracy of this file": f"{100 * record['file_accuracy']:.2f} % of "
        f"{data['examples']['test']:,} examples, loaded by `kzoo.create_model`",
        "of the training runs": ", ".join(
            f"{100 * seed['accuracy']:.2f} % (seed {seed['seed']})" for seed in seeds
        )
        + (f", in {precision}" if precision != "float32" else ""),
        "over the seeds": f"{spread(record)} %",
        "shipped": f"the run of seed {record['shipped_seed']}, the first: chosen before any result",
        "data": f"{DATA_SETS[data['name']]} (`{data['name']}`), {_examples(data)}",
        "which examples": data["note"],
        "classes": ", ".join(data["class_names"]),
        "options of the network": f"`{written(options)}`" if options else "",
        "input": f"{_sizes(record['input_shape'])}, {_normalised(inputs)}",
        "parameters": f"{record['parameters']:,}",
        "file": f"`{record['file']}`, {record['bytes']:,} bytes; kernels in float16, vectors in "
        f"float32; SHA-256 `{record['sha256']}`",
        "time": f"{np.median([seed['seconds'] for seed in seeds]) / 60:.1f} minutes (median) for a "
        f"run of {record['recipe']['epochs']} epochs",
        "hardware": record["hardware"],
        "versions": f"kzoo {versions['kzoo']}, Keras {versions['keras']}, {backend} "
        f"{versions[backend]}, Python {versions['python']}",
        "licence": record["licence"],
    }
    rows = "".join(f"| {name} | {value} |\n" for name, value in shown.items() if value)
    recipe = Recipe.from_dict({**record["recipe"], "seed": record["shipped_seed"]})
    return CARD.format(
        name=record["name"],
        rows=f"| | |\n|---|---|\n{rows}",
        recipe=f"{'recipe':<16} {record['recipe_name']}\n{recipe}",
        command=record["command"],
    )


def spread(record) -> str:
    """Return mean and sample standard deviation of the test accuracy in percent."""
    return _pages.spread([100 * seed["accuracy"] for seed in record["seeds"]])


def table(records, cards: str) -> str:
    """Return the table of all weights in Markdown, by data set; notes on the data follow it.

    `cards` is the way to the folder of the cards.
    """
    notes = list(dict.fromkeys(record["data"]["note"] for record in records))
    marks = {note: f"<sup>{number}</sup>" for number, note in enumerate(filter(None, notes), 1)}
    lines = [
        "| weights | data | parameters | test accuracy of the file, % | over the seeds, % | MB |",
        "|---|---|---|---|---|---|",
    ]
    data_sets = list(DATA_SETS)
    for record in sorted(records, key=lambda record: data_sets.index(record["data"]["name"])):
        name, data = record["name"], record["data"]
        lines.append(
            f"| [`{name}`]({cards}/{name}.md) "
            f"| {DATA_SETS[data['name']]}{marks.get(data['note'], '')} "
            f"| {record['parameters']:,} | {100 * record['file_accuracy']:.2f} "
            f"| {spread(record)} ({len(record['seeds'])}) | {record['bytes'] / 1e6:.2f} |"
        )
    lines += [f"\n{mark} {note}" for note, mark in marks.items()]
    return "\n".join(lines) + "\n"


def page(records) -> str:
    """Return docs/weights.md."""
    megabytes = sum(record["bytes"] for record in records) / 1e6
    head = PAGE.format(megabytes=megabytes, first=records[0]["name"])
    return head + table(records, "../kzoo/weights/shipped")


def _examples(data):
    return (
        f"trained on {data['examples']['train']:,} examples (`{data['splits']['train']}`), tested "
        f"on {data['examples']['test']:,}"
    )


def _normalised(inputs):
    if not inputs["mean"]:
        return "raw values"
    return f"0..255, normalised in the graph with mean {inputs['mean']} and std {inputs['std']}"


def _sizes(shape):
    return " x ".join(map(str, shape))
