"""Measure the convolution layers against yardsticks and peers; write docs/benchmarks/layers.md.

Command: .venv/bin/python scripts/benchmark_layers.py [--escnn-python PATH] [--only SECTION ...]
    KERAS_BACKEND=jax .venv/bin/python scripts/benchmark_layers.py --device gpu
Cost: about ten minutes and 4 GB of memory on two CPU cores.
Needs the extras `test` (tf_keras) and `parity` (torch); escnn in an environment of its own. What is
compared runs in turn in one process, so that a machine that slows down slows all of it. With
`--only` the page is left alone and the sections are printed.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import keras  # noqa: E402
import numpy as np  # noqa: E402
from _layer_cases import (  # noqa: E402
    BARE,
    LOCAL_CASES,
    ORDERS,
    BatchedProduct,
    group_layer,
    local_layer,
    memory_cases,
    pooling_cases,
)
from _pages import command, measured_on, table  # noqa: E402
from _timing import Compiled, compiled_torch, interleaved, milliseconds, ratio  # noqa: E402

from kzoo.layers import (  # noqa: E402
    ConnectionTableConv2D,
    FFTConv2D,
    GaborConv2D,
    GroupedConv2D,
    HarmonicConv2D,
    HarmonicMagnitudeConv2D,
    LiftingConv2D,
    LocallyConnected2D,
    TiledConv1D,
    TiledConv2D,
)

PAGES = HERE.parent / "docs" / "benchmarks"
TRIED = "## What was tried\n"  # from here on the page is written by hand
# (size, channels, groups, batch): of the other layers' size, then the stages of ResNeXt-50 32x4d
GROUPED_CASES = (
    (32, 64, 8, 32),
    (56, 128, 32, 8),
    (28, 256, 32, 8),
    (14, 512, 32, 8),
    (7, 1024, 32, 8),
)


def tiled(options):
    cases = []
    for padding in ("same", "valid"):
        plain = {"conv": keras.layers.Conv2D(64, 3, padding=padding, **BARE)}
        ours = {t: TiledConv2D(64, 3, tile_size=t, padding=padding, **BARE) for t in (2, 3)}
        cases.append((f"2-D, {padding}", plain | ours, (options.batch, 32, 32, 64)))
    plain = {"conv": keras.layers.Conv1D(64, 9, **BARE)}
    ours = {t: TiledConv1D(64, 9, tile_size=t, **BARE) for t in (2, 3)}
    cases.append(("1-D, kernel 9", plain | ours, (options.batch, 256, 64)))
    rows = []
    for title, timed, shape in cases:
        compiled = {name: Compiled(layer, shape) for name, layer in timed.items()}
        rows += rows_of_ratios(title, compiled, "conv", options)
    header = ("case", "tile", "forward ms", "/ conv", "train ms", "/ conv")
    return (
        f"## Tiled convolution\n\nBatch {options.batch} on 32x32x64 -> 64 with kernel 3, and on "
        "256x64 -> 64.\n\n" + table(header, rows)
    )


def rows_of_ratios(title, compiled, base, options):
    """Return for each of `compiled` a row of its times and of their ratios to `base`."""
    passes = [
        interleaved({name: c.forward for name, c in compiled.items()}, options.repeats),
        interleaved({name: c.train for name, c in compiled.items()}, options.repeats),
    ]
    rows = []
    for name in compiled:
        cells = []
        for times in passes:
            cells += [milliseconds(times[name]), ratio(times[name], times[base])]
        rows.append((title, name, *cells))
    return rows


def locally_connected(options):
    rows = []
    for case in LOCAL_CASES:
        sizes, channels, filters, window = case
        shape = (options.batch, *sizes, channels)
        positions = int(np.prod([size - window + 1 for size in sizes]))
        taps = channels * window ** len(sizes)
        compiled = {
            "matrix product": Compiled(BatchedProduct(filters), (positions, options.batch, taps)),
            "kzoo": Compiled(local_layer(case), shape),
        }
        compiled["tf_keras"] = Compiled(local_layer(case, tf_keras_implementation=1), shape)
        title = "x".join(map(str, (*sizes, channels))) + f" -> {filters}, kernel {window}"
        rows += rows_of_ratios(title, compiled, "matrix product", options)
    header = ("case", "", "forward ms", "/ product", "train ms", "/ product")
    return (
        f"## Locally connected\n\nBatch {options.batch}, valid; tf_keras with implementation "
        "1, its fastest.\n\n" + table(header, rows)
    )


def group(options):
    rows = []
    for name, order in ORDERS.items():
        fields = 64 // order
        compiled = {
            "Conv2D": Compiled(
                keras.layers.Conv2D(64, 3, padding="same", **BARE), (options.batch, 32, 32, 64)
            ),
            "kzoo": Compiled(group_layer(name, fields), (options.batch, 32, 32, order, fields)),
        }
        rows += rows_of_ratios(f"{name}, {fields} fields", compiled, "Conv2D", options)
        rows += escnn_rows(name, fields, options)
    header = ("group", "", "forward ms", "/ conv", "train ms", "/ conv")
    text = (
        f"## Group convolution\n\nBatch {options.batch} on 32x32x64 -> 64, kernel 3, same; escnn "
        "and its yardstick in another process, right after.\n\n" + table(header, rows) + "\n"
    )
    errors = [(name, *equivariance_error(name), "kzoo") for name in ORDERS]
    if options.escnn_python:
        peers = escnn_results(options)
        errors += [(name, *peers[name]["error"], "escnn") for name in ORDERS]
    rows = [(who, name, f"{e:.1e}", f"{top:.2f}") for name, e, top, who in errors]
    return text + table(("", "group", "equivariance error", "largest output"), rows)


def equivariance_error(name):
    """Return the largest difference between rotating before and after, and the largest output."""
    order, fields = ORDERS[name], 64 // ORDERS[name]
    layer = group_layer(name, fields)
    x = np.random.default_rng(0).normal(size=(2, 33, 33, order, fields)).astype("float32")
    y = np.asarray(layer(x))
    planes = moved_planes(order)
    of_rotated = np.asarray(layer(np.rot90(x, axes=(1, 2))[..., planes, :].copy()))
    difference = np.abs(of_rotated - np.rot90(y, axes=(1, 2))[..., planes, :]).max()
    return float(difference), float(np.abs(y).max())


def moved_planes(order):
    """Return which plane comes to each place when maps on the group are rotated by 90 degrees."""
    turned = np.roll(np.arange(4), 1)
    return turned if order == 4 else np.concatenate([turned, turned + 4])


def escnn_rows(name, fields, options):
    """Return the row of escnn and that of PyTorch's convolution, timed back to back with ours."""
    if not options.escnn_python:
        return []
    rows = []
    for who, label in (("conv", "torch Conv2d"), ("escnn", "escnn")):
        cells = []
        for times in escnn_results(options)[name]["times"]:
            cells += [f"{1e3 * times[who]:.2f}", f"{times[who] / times['conv']:.2f} of torch's"]
        rows.append((f"{name}, {fields} fields", label, *cells))
    return rows


def escnn_results(options):
    if not hasattr(options, "escnn"):
        command = [options.escnn_python, str(HERE / "_escnn_rows.py")]
        command += [str(options.repeats), str(options.batch)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        options.escnn = json.loads(output.splitlines()[-1])
    return options.escnn


def grouped(options):
    import torch

    rows = []
    for size, channels, groups, batch in GROUPED_CASES:
        batch = min(batch, options.batch)
        layer = GroupedConv2D(channels, 3, groups=groups, padding="same", **BARE)
        ours = Compiled(layer, (batch, size, size, channels))
        peers = [
            compiled_torch(
                torch.nn.Conv2d(channels, channels, 3, padding=1, groups=groups, bias=False),
                (batch, channels, size, size),
                layout,
            )
            for layout in ("contiguous_format", "channels_last")
        ]
        cells = []
        for functions in zip((ours.forward, ours.train), *peers):
            times = interleaved(dict(enumerate(functions)), options.repeats)
            cells.append(milliseconds(times[0]))
            for peer in (1, 2):
                cells += [milliseconds(times[peer]), ratio(times[0], times[peer])]
        rows.append((f"{size}x{size}x{channels}", groups, batch, *cells))
    header = ["maps", "groups", "batch"]
    for what in ("forward", "train"):
        header += [f"{what} ms", "torch ms", "/ torch", "torch, channels last, ms", "/ that"]
    return (
        f"## Grouped convolution\n\nKernel 3, same; PyTorch {torch.__version__}, in its default "
        "layout of memory and in channels last.\n\n" + table(header, rows)
    )


def growth(options):
    """Cost of the train step against one size at a time."""

    def conv():
        return keras.layers.Conv2D(32, 3, padding="same", **BARE)

    rows = []

    def add(what, value, layer, shape, plain_shape, plain=None):
        compiled = {
            "conv": Compiled(plain or conv(), plain_shape),
            "kzoo": Compiled(layer, shape),
        }
        rows.append((what, value, *rows_of_ratios("", compiled, "conv", options)[1][2:]))

    def tile(t):
        return TiledConv2D(32, 3, tile_size=t, padding="same", **BARE)

    maps = (options.batch, 32, 32, 32)
    for t in (1, 2, 3, 4, 8):
        add("tile size", t, tile(t), maps, maps)
    for name, order in ORDERS.items():
        plain = keras.layers.Conv2D(order * 8, 3, padding="same", **BARE)
        shape = (*maps[:3], order, 8)
        add("group", name, group_layer(name, 8), shape, (*maps[:3], order * 8), plain)
    for batch in (1, 8, 32):
        shape = (batch, 32, 32, 32)
        add("batch (tiled, t=2)", batch, tile(2), shape, shape)
        local = LocallyConnected2D(32, 3, padding="same", **BARE)
        add("batch (locally connected)", batch, local, shape, shape)
    for size in (16, 32, 64):
        shape = (options.batch, size, size, 32)
        add("size (tiled, t=2)", size, tile(2), shape, shape)
        local = LocallyConnected2D(32, 3, padding="same", **BARE)
        add("size (locally connected)", size, local, shape, shape)
    header = ("what grows", "", "forward ms", "/ conv", "train ms", "/ conv")
    return (
        f"## Growth\n\nBatch {options.batch} on 32x32x32 -> 32 (8 fields), kernel 3, same, where "
        "not said; against `Conv2D` with as many multiply-adds.\n\n" + table(header, rows)
    )


def convolutions(options):
    """Every convolution against `Conv2D` with as many multiply-adds, the FFT's by the formula."""
    batch, dtype = options.batch, options.dtype
    maps = (batch, 32, 32, 64)
    same = {"padding": "same", **BARE}
    cases = [(f"tiled, t={t}", TiledConv2D(64, 3, t, **same), maps, 64) for t in (2, 3)]
    cases.append(("locally connected", LocallyConnected2D(64, 3, **same), maps, 64))
    cases.append(("grouped, 8 groups", GroupedConv2D(64, 3, groups=8, **same), maps, 8))
    for name, order in ORDERS.items():
        shape, fields = (batch, 32, 32, order, 64 // order), 64 // order
        cases.append((f"group, {name}", group_layer(name, fields), shape, 64))
        lifting = LiftingConv2D(fields, 3, group=name, strict=None, **same)
        cases.append((f"lifting, {name}", lifting, maps, 64))
    cases += [
        ("connection table, all links", ConnectionTableConv2D(3, np.ones((64, 64)), **same)),
        ("Gabor", GaborConv2D(64, 3, **same)),
        ("FFT", FFTConv2D(64, 3, **same)),
        ("harmonic magnitude, 1 order", HarmonicMagnitudeConv2D(32, 3, max_order=0, **same)),
    ]
    cases = [case if len(case) == 4 else (*case, maps, 64) for case in cases]
    orders = (batch, 32, 32, 2, 2, 16)
    cases.append(("harmonic, 2 orders of 16", HarmonicConv2D(16, 3, padding="same"), orders, 64))
    rows = []
    for title, layer, shape, filters in cases:
        plain = keras.layers.Conv2D(filters, 3, **same)
        compiled = {"conv": Compiled(plain, maps, dtype), "kzoo": Compiled(layer, shape, dtype)}
        rows.append((title, *rows_of_ratios("", compiled, "conv", options)[1][2:]))
    header = ("layer", "forward ms", "/ conv", "train ms", "/ conv")
    return f"## Every convolution\n\nBatch {batch} on 32x32x64 -> 64, kernel 3, same.\n\n" + table(
        header, rows
    )


def poolings(options):
    """Every pooling against Keras's of the same windows."""
    shape = (options.batch, 32, 32, 64)
    rows = []
    for title, layer, plain in pooling_cases():
        names = {"plain": plain, "kzoo": layer}
        compiled = {name: Compiled(one, shape, options.dtype) for name, one in names.items()}
        row = rows_of_ratios("", compiled, "plain", options)[1][2:]
        rows.append((title, type(plain).__name__, *row))
    header = ("layer", "yardstick", "forward ms", "/ yardstick", "train ms", "/ yardstick")
    return f"## Pooling\n\nBatch {options.batch} on 32x32x64.\n\n" + table(header, rows)


def memory(options):
    rows = []
    for name in memory_cases():
        command = [sys.executable, str(HERE / "_layer_cases.py"), name, str(options.batch)]
        # What is freed is returned at once, so that the peak is that of the tensors alive.
        environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"}
        output = subprocess.run(
            command, check=True, capture_output=True, text=True, env=environment
        ).stdout
        rows.append((name, f"{float(output.splitlines()[-1]):.0f}"))
    return (
        f"## Peak memory of a train step\n\nBatch {options.batch}, kernel 3 (5 for one channel); "
        "MB of resident memory over the same process after a step of batch 1, the input included; "
        "each in a process of its own.\n\n" + table(("layer", "MB"), rows)
    )


SECTIONS = {
    function.__name__: function
    for function in (
        tiled,
        locally_connected,
        group,
        grouped,
        convolutions,
        poolings,
        growth,
        memory,
    )
}


def header(options):
    """Return the head of the page: versions, device, precision, command."""
    peers = () if keras.config.backend() == "jax" else ("tf_keras", "torch")
    return (
        "# Speed of the layers\n\n"
        f"{measured_on(*peers, 'numpy')}; {options.dtype}; graphs without XLA on "
        f"TensorFlow. Medians of {options.repeats} interleaved repeats; a ratio is the median over "
        "the repeats of the ratio to the yardstick's time in the same round, with its quartiles. "
        "Forward is the inference graph; train is forward and the gradients of input and "
        "weights.\n\n"
        f"Written by `{command()}`.\n\n"
    )


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--only", nargs="+", choices=sorted(SECTIONS))
    parser.add_argument("--escnn-python", help="an interpreter that has torch and escnn")
    options = parser.parse_args(argv)
    options.dtype = "float32"
    names = options.only or list(SECTIONS)
    if options.device == "gpu":
        if keras.config.backend() != "jax":
            parser.error("--device gpu needs KERAS_BACKEND=jax")
        options.dtype, names = "bfloat16", options.only or ["convolutions", "poolings"]
        keras.config.set_dtype_policy("mixed_bfloat16")
    text = header(options)
    for name in names:
        section = SECTIONS[name](options)
        print(section, flush=True)
        text += section + "\n"
    if not options.only:
        page = PAGES / {"cpu": "layers.md", "gpu": "layers_gpu.md"}[options.device]
        _, mark, written_by_hand = page.read_text().partition(TRIED) if page.exists() else ("",) * 3
        page.write_text(text + mark + written_by_hand)
    return 0


if __name__ == "__main__":
    sys.exit(main())
