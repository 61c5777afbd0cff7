"""Write the tables of models from the results of the exhaustive sweep.

Command: scripts/test -m full tests/applications --results docs/sweep.jsonl
         .venv/bin/python scripts/zoo_tables.py docs/sweep.jsonl
Cost: the sweep takes some 5 hours on two CPU cores (it goes on from `--results` where it was
stopped, and `--shard I/N` divides it among machines, whose files may all be given here); the tables
take minutes.

Writes docs/parity.md (what was measured of every model), docs/models.md (every model) and the
table of families in README.md.
"""

import argparse
import importlib.metadata
import json
import platform
import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import keras  # noqa: E402

import kzoo  # noqa: E402
from kzoo.registry import families, find_family  # noqa: E402
from tests.applications.test_models import published_parameters  # noqa: E402

PARITY = """# Parity with the published implementations

Of every model: its parameters, equal to the published number; the largest difference of its logits
from those of the model of the same name in timm {timm} or torchvision {torchvision} (PyTorch
{torch}), relative to the largest logit, at two sizes of image (of more than 200 million parameters,
at a small one); and how many convolutions each `conv=` replaced. kzoo on Keras {keras}, {backend},
Python {python}, CPU. The peer has random weights with BatchNorm statistics of random images; they
go through a safetensors file, its names in random order, and kzoo's ordinary loader.

"Contract" is what every model is held to: output shape, finite gradient of every weight, save and
load, one and five input channels, no top, unknown input size. "Not run" and "-" mark what the sweep
has not come to yet, or what has no peer.

Written by `scripts/zoo_tables.py` from a run of `scripts/test -m full tests/applications`.

{summary}

"""
MODELS = """# Every model

Parameters and multiply-adds (normalisation left out) at the default input; the published top-1
accuracy is of the family's recommended weights, where it has some (`kzoo.list_weights`).
Written by `scripts/zoo_tables.py`.

"""
MARKS = ("<!-- families -->", "<!-- /families -->")


def read_results(paths):
    """Return model -> name of the measurement -> its row."""
    results = defaultdict(dict)
    for path in paths:
        for line in Path(path).read_text().splitlines():
            row = json.loads(line)
            kind = row.get("conv", "parity" if "errors" in row else "contract")
            results[row["model"]][kind] = row
    return results


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def parity_page(results):
    rows, compared, single = [], 0, []
    for name in kzoo.list_models():
        found = results.get(name, {})
        contract, parity = found.get("contract"), found.get("parity")
        errors = parity["errors"] if parity else []
        compared += bool(parity)
        if parity and parity["precision"] == "float32":
            single.append(max(error for _, error in errors))
        replaced = [found[conv]["replaced"] for conv in ("tiled", "gabor") if conv in found]
        rows.append(
            (
                f"`{name}`",
                f"{published_parameters(name):,}",
                "passed" if contract else "not run",
                parity["library"] if parity else "-",
                ", ".join(f"{error:.0e} at {size}" for size, error in errors) or "-",
                parity["precision"] if parity else "-",
                replaced[0] if replaced else "-",
                found.get("locally_connected", {}).get("replaced", "-"),
            )
        )
    header = ("model", "parameters", "contract", "peer", "difference of logits", "in")
    header += ("replaced by tiled, gabor", "by locally connected")
    names = ("timm", "torchvision", "torch")
    text = PARITY.format(
        keras=keras.__version__,
        backend=keras.backend.backend(),
        python=platform.python_version(),
        summary=f"{len(rows)} models in {len(families())} families; {compared} compared with a "
        f"peer, {len(single)} in float32 ({sum(e <= 1e-5 for e in single)} within 1e-5, all "
        f"within {max(single):.1e}), the others, whose random weights amplify rounding beyond "
        "1e-4, in float64 (limit 1e-6).",
        **{name: importlib.metadata.version(name) for name in names},
    )
    return text + table(header, rows)


def recommended_accuracy(name):
    """Return the published top-1 of the recommended weights, or `None`."""
    weights = kzoo.list_weights(name)
    return weights[0].top1 if weights and weights[0].recommended else None


def models_page(results):
    rows = []
    for name in kzoo.list_models():
        counts = results.get(name, {}).get("contract", {})
        accuracy = recommended_accuracy(name)
        rows.append(
            (
                f"`{name}`",
                find_family(name).name,
                " x ".join(map(str, find_family(name).shape_of(name))),
                f"{published_parameters(name):,}",
                f"{counts['multiply_adds']:,}" if counts else "-",
                accuracy or "-",
                len(kzoo.list_weights(name)) or "-",
            )
        )
    header = ("model", "family", "input", "parameters", "multiply-adds", "top-1, %", "weights")
    return MODELS + table(header, rows)


def families_table(results):
    rows = []
    for family in sorted(families(), key=lambda family: family.name):
        counts = [results.get(name, {}).get("contract") for name in family.variants]
        accuracies = [a for a in map(recommended_accuracy, family.variants) if a]
        rows.append(
            (
                f"`{family.name}`",
                family.paper.rstrip("."),
                len(family.variants),
                _span([published_parameters(name) / 1e6 for name in family.variants]),
                _span([count["multiply_adds"] / 1e9 for count in counts]) if all(counts) else "-",
                _span(accuracies),
                sum(len(kzoo.list_weights(name)) for name in family.variants) or "-",
            )
        )
    header = ("family", "paper", "variants", "parameters, M", "multiply-adds, G", "top-1, %")
    return table((*header, "weights"), rows)


def _span(values):
    if not values:
        return "-"
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low} - {high}"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", help="files that `--results` wrote")
    results = read_results(parser.parse_args(argv).results)
    (ROOT / "docs" / "parity.md").write_text(parity_page(results))
    (ROOT / "docs" / "models.md").write_text(models_page(results))
    readme = ROOT / "README.md"
    before, after = MARKS
    readme.write_text(
        re.sub(
            f"{before}.*{after}",
            lambda _: f"{before}\n{families_table(results)}{after}",
            readme.read_text(),
            flags=re.DOTALL,
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
