"""Compare every variant that timm has with timm's own, and write docs/parity.md.

Command: .venv/bin/python scripts/parity_table.py [PATTERN]
Cost: about 10 minutes and 6 GB of memory on two CPU cores.
Needs the extras `parity` and `test`. timm's model gets random weights, with BatchNorm statistics
far from 0 and 1; they go through a safetensors file, its names in random order, and kzoo's ordinary
weight loading; the logits of two images are compared.
"""

import argparse
import platform
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import keras  # noqa: E402
import torch  # noqa: E402

import kzoo  # noqa: E402
from tests.peers import compare_with_timm, import_timm  # noqa: E402

HEADER = """# Parity with timm

Largest difference of the logits relative to the largest logit, kzoo (Keras {keras}, {backend})
against timm {timm} (PyTorch {torch}), float32, Python {python}, CPU. Random weights with
non-trivial BatchNorm statistics, loaded through `weights=` from a safetensors file whose names are
in random order. "Spread" is the difference between the logits of two images on the same scale.
Written by `scripts/parity_table.py`.

| model | parameters | size | difference | spread |
|---|---|---|---|---|
"""


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pattern", nargs="?", default="*")
    pattern = parser.parse_args(argv).pattern
    timm = import_timm()
    known = set(timm.list_models())
    text = HEADER.format(
        keras=keras.__version__,
        backend=keras.backend.backend(),
        timm=timm.__version__,
        torch=torch.__version__,
        python=platform.python_version(),
    )
    for name in [name for name in kzoo.list_models(pattern) if name in known]:
        parameters = kzoo.model_info(name).parameters
        with tempfile.TemporaryDirectory() as folder:
            for size, difference, spread in compare_with_timm(name, Path(folder), (224, 256)):
                row = f"| {name} | {parameters:,} | {size} | {difference:.1e} | {spread:.2f} |\n"
                print(row, end="", flush=True)
                text += row
        keras.utils.clear_session()
    (ROOT / "docs" / "parity.md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
