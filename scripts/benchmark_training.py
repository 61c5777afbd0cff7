"""Time an epoch of CIFAR-10 beside PyTorch: same network, batch, augmentation and optimiser.

Command: .venv/bin/python scripts/benchmark_training.py --data cifar10
         KERAS_BACKEND=jax ... --data cifar10.npz --precision mixed_bfloat16      on a GPU
Cost: about 15 minutes on two CPU cores. Needs the extra `parity`; nothing else may run meanwhile.

ResNet-20 of He et al., batches of 128, flip and crop, SGD with Nesterov momentum and weight decay.
kzoo trains by `kzoo.training.fit` from a `Pipeline`; PyTorch by a plain loop over tensors in
memory, eager on a CPU and compiled on a GPU, channels-last, with flip and crop of a whole batch at
once, which is several times as fast as torchvision's transforms of one image after the other. Each
runs in a process of its own, in turns. The first epoch, in which both compile, does not count.
Writes docs/benchmarks/training.md.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from _timing import table  # noqa: E402

LIBRARIES = ("kzoo", "pytorch")
BATCH, RATE, DECAY, MOMENTUM = 128, 0.1, 5e-4, 0.9


def open_pipeline(options):
    """Return the training images as both libraries get them."""
    from kzoo.data import Pipeline, open_source

    return Pipeline(
        open_source(options.data),
        f"train[:{options.examples}]",
        batch_size=BATCH,
        augment=("flip", "crop=4"),
        drop_remainder=True,
        shuffle=True,
    )


def train_kzoo(options):
    """Return the seconds of every epoch, and the accuracy in the last."""
    import keras

    import kzoo
    from kzoo.training import Recipe, fit

    keras.config.set_dtype_policy(options.precision)
    keras.utils.set_random_seed(0)
    model = kzoo.create_model("resnet20_cifar")
    recipe = Recipe(
        epochs=options.epochs,
        batch_size=BATCH,
        optimizer="sgd",
        learning_rate=RATE,
        weight_decay=DECAY / (1 - MOMENTUM),
        momentum=MOMENTUM,
        precision=options.precision,
    )
    history = fit(model, open_pipeline(options), recipe, verbose=0)
    return [row["seconds"] for row in history], history[-1]["accuracy"]


def train_pytorch(options):
    """Return the seconds of every epoch, and the accuracy in the last."""
    import torch
    from torch.nn import functional

    from tests.torch_resnet_cifar import resnet_cifar

    device = "cuda" if torch.cuda.is_available() else "cpu"
    half = device == "cuda" and options.precision == "mixed_bfloat16"
    pipeline = open_pipeline(options)
    indices = np.arange(pipeline.examples)
    inputs, labels = pipeline.source.read("train", indices)
    x = torch.from_numpy(inputs).permute(0, 3, 1, 2).to(device)
    y = torch.from_numpy(labels).to(device)
    mean, std = (
        255 * torch.tensor(values, device=device).view(1, 3, 1, 1)
        for values in ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
    )
    torch.manual_seed(0)
    model = resnet_cifar(3).to(device, memory_format=torch.channels_last)
    step_model = torch.compile(model) if device == "cuda" else model
    optimizer = torch.optim.SGD(
        model.parameters(), RATE, MOMENTUM, weight_decay=DECAY, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, options.epochs * pipeline.steps
    )

    def augment(images):
        count = len(images)
        padded = functional.pad(images, (4, 4, 4, 4))
        windows = padded.unfold(2, 32, 1).unfold(3, 32, 1)
        rows, columns = torch.randint(0, 9, (2, count), device=device)
        cut = windows[torch.arange(count, device=device), :, rows, columns]
        mirrored = torch.rand(count, 1, 1, 1, device=device) < 0.5
        return torch.where(mirrored, cut.flip(3), cut)

    seconds, right = [], 0
    for _ in range(options.epochs):
        start, right = time.perf_counter(), 0
        order = torch.randperm(len(x), device=device)
        for step in range(pipeline.steps):
            chosen = order[step * BATCH : (step + 1) * BATCH]
            images = (augment(x[chosen]).float() - mean) / std
            images = images.contiguous(memory_format=torch.channels_last)
            with torch.autocast(device, torch.bfloat16, enabled=half):
                logits = step_model(images)
                loss = functional.cross_entropy(logits, y[chosen])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            right += (logits.argmax(1) == y[chosen]).sum()
        right = float(right) / (pipeline.steps * BATCH)
        seconds.append(time.perf_counter() - start)
    return seconds, right


def run(library, options):
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--measure", library]
    for name in ("data", "examples", "epochs", "precision"):
        command += [f"--{name}", str(getattr(options, name))]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def page(rounds, options):
    """Return the page: the table and the ratio."""
    import keras

    names = (keras.config.backend(), "torch", "numpy")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    medians = {
        library: np.median([s for found in rounds for s in found[library][0][1:]])
        for library in LIBRARIES
    }
    lines = [
        [
            library,
            f"{medians[library]:.1f}",
            f"{options.examples // BATCH * BATCH / medians[library]:.0f}",
            ", ".join(f"{found[library][1]:.3f}" for found in rounds),
        ]
        for library in LIBRARIES
    ]
    header = ["", "seconds an epoch", "images/s", "training accuracy of the last epoch, by round"]
    return (
        "# Speed of training\n\n"
        f"`resnet20_cifar` on {options.examples} images of {options.data}, batches of {BATCH}, "
        f"flip and crop, {options.precision}. Keras {keras.__version__}, {versions}; Python "
        f"{platform.python_version()}; {os.cpu_count()} cores of {platform.machine()}. Medians of "
        f"{len(rounds)} rounds of {options.epochs} epochs, the first of which does not count.\n\n"
        "Written by `scripts/benchmark_training.py`.\n\n"
        f"{table(header, lines)}\n"
        f"kzoo's time over PyTorch's: {medians['kzoo'] / medians['pytorch']:.2f}.\n"
    )


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="cifar10", help="data set or file of `kzoo data export`")
    parser.add_argument("--examples", type=int, default=12800)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--measure", choices=LIBRARIES, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.measure:
        train = {"kzoo": train_kzoo, "pytorch": train_pytorch}[options.measure]
        print(json.dumps(train(options)))
        return 0
    rounds = [
        {library: run(library, options) for library in LIBRARIES} for _ in range(options.rounds)
    ]
    text = page(rounds, options)
    (ROOT / "docs" / "benchmarks" / "training.md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
