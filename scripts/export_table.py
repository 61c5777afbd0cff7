"""Export models of many families to every format, and write the table of docs/export.md.

Command: .venv/bin/python scripts/export_table.py [MODEL ...]
Cost: an hour on two CPU cores for all families; without names it takes the models that the page has
now. The first call of a model sets its batch normalisation, so that its probabilities differ.
"""

import re
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

import kzoo
from kzoo.registry import find_family
from kzoo.training.export import FORMATS, ExportError, served, write_and_compare

PAGE = Path(__file__).resolve().parent.parent / "docs" / "export.md"
START, END = "<!-- table -->\n", "<!-- /table -->"
SIZE = 64


def row(text: str) -> str:
    """Return the line of one model, which may be written `name conv=kind`."""
    name, _, conv = text.partition(" conv=")
    model, inputs = prepared(name, conv or "standard")
    kind = "image" if len(inputs.shape) == 4 else "signal"
    probabilities = np.asarray(model(inputs))
    spread = np.ptp(probabilities, axis=0).max()
    cells = [f"`{text}`", f"{spread:.2f}"]
    for format in FORMATS:
        cells.append(measured(served(model, kind), format, inputs))
    fused = served(kzoo.fuse(model), kind)
    difference = np.abs(np.asarray(fused(inputs)) - probabilities).max()
    return "| " + " | ".join([*cells, f"{difference:.0e}"]) + " |"


def prepared(name, conv):
    """Return a model with random weights, and inputs for it."""
    family = find_family(name)
    shape = family.shape_of(name)
    if not family.is_fixed_size(name):
        side = max(family.min_size_of(name), min(SIZE, shape[0]))
        shape = (*(side,) * family.rank, shape[-1])
    keras.utils.set_random_seed(0)
    model = kzoo.create_model(name, input_shape=shape, classes=10, conv=conv)
    rng = np.random.default_rng(0)
    if family.statistics is None:
        inputs = rng.normal(size=(8, *shape)).astype("float32")
    else:
        colours = rng.uniform(0, 255, (8, *(1,) * family.rank, shape[-1]))
        inputs = np.clip(colours + rng.normal(0, 60, (8, *shape)), 0, 255).astype("float32")
    normalisations = [layer for layer in model.layers if hasattr(layer, "moving_mean")]
    for layer in normalisations:
        layer.momentum = 0.0
    model(inputs, training=True)
    return model, inputs


def measured(model, format, inputs):
    """Return the largest difference of a probability, or why there is none."""
    metadata = {"class_names": [str(i) for i in range(10)]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, FORMATS[format].name)
        try:
            difference = write_and_compare(model, path, format, metadata, model, inputs)
        except ExportError as error:
            reason = re.search(r"does not have TensorFlow's ([^;]*);", str(error))
            if reason is None:
                raise
            return f"no {reason[1]}"
    return f"{difference:.0e}"


def main(texts):
    page = PAGE.read_text()
    before, rest = page.split(START)
    table, after = rest.split(END)
    lines = {re.split("`", line)[1]: line for line in table.splitlines()[2:]}
    for text in texts or list(lines):
        lines[text] = row(text)
        print(lines[text], flush=True)
        heading = table.splitlines()[:2]
        body = "\n".join([*heading, *(lines[key] for key in sorted(lines))])
        PAGE.write_text(before + START + body + "\n" + END + after)
        keras.utils.clear_session()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
