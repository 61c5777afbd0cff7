"""Measure the inference of models before and after `kzoo.fuse`; write docs/benchmarks/fuse.md.

Command: .venv/bin/python scripts/benchmark_fuse.py [--models NAME ...] [--repeats N]
Cost: about four minutes on two CPU cores; nothing else may run meanwhile.
A model and its fused form run `predict_on_batch` in turn in one process.
"""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import keras  # noqa: E402
import numpy as np  # noqa: E402
from _pages import command, measured_on, table  # noqa: E402
from _timing import interleaved, milliseconds, ratio  # noqa: E402

import kzoo  # noqa: E402

PAGE = HERE.parent / "docs" / "benchmarks" / "fuse.md"
MODELS = (
    "resnet50",
    "mobilenetv2_100",
    "efficientnet_b0",
    "regnety_032",
    "repvgg_a2",
    "mobileone_s1",
    "fastvit_t8",
)
BATCH, SIZE = 8, 224


def measure(name, repeats):
    """Return the table's row of one model."""
    model = kzoo.create_model(name, input_shape=(SIZE, SIZE, 3))
    fused = kzoo.fuse(model)
    x = np.random.default_rng(0).uniform(0, 255, (BATCH, SIZE, SIZE, 3)).astype("float32")
    functions = {
        "plain": lambda: model.predict_on_batch(x),
        "fused": lambda: fused.predict_on_batch(x),
    }
    times = interleaved(functions, repeats)
    return (
        f"`{name}`",
        f"{len(model.layers)} → {len(fused.layers)}",
        milliseconds(times["plain"]),
        milliseconds(times["fused"]),
        ratio(times["fused"], times["plain"]),
    )


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=list(MODELS), metavar="NAME")
    parser.add_argument("--repeats", type=int, default=25, metavar="N")
    options = parser.parse_args(argv)
    rows = []
    for name in options.models:
        rows.append(measure(name, options.repeats))
        print(*rows[-1])
        keras.utils.clear_session()
    header = ("model", "layers", "plain, ms", "fused, ms", "ratio of the times")
    text = (
        "# Speed of fused models\n\n"
        f"{measured_on()}; float32; "
        f"batch {BATCH}, {SIZE} x {SIZE}; medians of {options.repeats} repeats run in turn, with "
        "the quartiles of the ratio.\n\n"
        f"Written by `{command()}`.\n\n{table(header, rows)}"
    )
    if tuple(options.models) == MODELS:
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
