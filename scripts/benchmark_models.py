"""Time models beside the same ones in keras.applications and timm.

Command: .venv/bin/python scripts/benchmark_models.py [--models NAME ...] [--repeats N]
         KERAS_BACKEND=jax ... --models resnet50 --precision mixed_bfloat16 --batch 256 --compile
             on a GPU
Cost: about 25 minutes on two CPU cores. Needs the extra `parity`; nothing else may run meanwhile.

Inference is `predict_on_batch`, a train step `train_on_batch` with cross-entropy and SGD, as Keras
compiles them; in PyTorch, channels-last, eager or (`--compile`) compiled, with autocast in mixed
precision. The images are on the device that computes. Each library runs in a process of its own,
the three of a model one after the other, in several rounds, so that a change of the machine meets
them alike.
Writes docs/benchmarks/models.md, or prints the page of chosen models.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import geometric_mean

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from _pages import command, measured_on, table  # noqa: E402

# kzoo's and timm's name -> keras.applications's, where it has the model.
MODELS = {
    "resnet18": None,
    "resnet50": "ResNet50",
    "mobilenetv2_100": "MobileNetV2",
    "efficientnet_b0": "EfficientNetB0",
    "convnext_tiny": "ConvNeXtTiny",
    "densenet121": "DenseNet121",
    "regnety_032": None,
    "vgg16": "VGG16",
    "mobilenetv3_large_100": "MobileNetV3Large",
    "tf_efficientnetv2_s": "EfficientNetV2S",
    "inception_v3": "InceptionV3",
    "resnext50_32x4d": None,
}
# Those by which the speed is judged: the geometric mean of their ratios, and the largest.
JUDGED = tuple(MODELS)[:7]
LIBRARIES = ("kzoo", "keras.applications", "timm")
SIZE = 224


def built(build):
    """Return what is built, and the median of the seconds that it takes."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        model = build()
        seconds.append(time.perf_counter() - start)
    return model, float(np.median(seconds))


def keras_steps(library, name, options):
    """Return the seconds that building takes, inference and train step."""
    import keras

    import kzoo

    keras.config.set_dtype_policy(options.precision)
    shape = (SIZE, SIZE, 3)
    if library == "kzoo":
        given = {"input_shape": shape, "include_preprocessing": False}
        model, seconds = built(lambda: kzoo.create_model(name, **given))
    else:
        peer = getattr(keras.applications, MODELS[name])
        model, seconds = built(lambda: peer(weights=None, input_shape=shape))
    model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    x = keras.ops.convert_to_tensor(rng.normal(size=(options.batch, *shape)), "float32")
    y = keras.ops.convert_to_tensor(rng.integers(0, 1000, options.batch))
    return seconds, lambda: model.predict_on_batch(x), lambda: model.train_on_batch(x, y)


def torch_steps(name, options):
    """Return the seconds that building takes, inference and train step."""
    import torch

    from tests.peers import build_counterpart

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, seconds = built(lambda: build_counterpart(name))
    model = model.to(device, memory_format=torch.channels_last)
    step_model = torch.compile(model) if options.compile else model
    x = torch.randn(options.batch, 3, SIZE, SIZE, device=device)
    x = x.to(memory_format=torch.channels_last)
    y = torch.randint(0, 1000, (options.batch,), device=device)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    half = options.precision == "mixed_bfloat16"
    autocast = torch.autocast(device, torch.bfloat16, enabled=half)

    def infer():
        model.eval()
        with torch.inference_mode(), autocast:
            step_model(x).cpu()

    def train():
        model.train()
        optimizer.zero_grad(set_to_none=True)
        with autocast:
            loss = torch.nn.functional.cross_entropy(step_model(x), y)
        loss.backward()
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()

    return seconds, infer, train


def measure(library, name, options):
    """Print the seconds of building, and the medians of inference and train step, as JSON."""
    if library == "timm":
        building, infer, train = torch_steps(name, options)
    else:
        building, infer, train = keras_steps(library, name, options)
    medians = []
    for function in (infer, train):
        for _ in range(2):
            function()
        times = []
        for _ in range(options.repeats):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        medians.append(float(np.median(times)))
    print(json.dumps([building, *medians]))


def run(library, name, options):
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--measure", library, "--models", name]
    command += ["--repeats", str(options.repeats), "--precision", options.precision]
    command += ["--batch", str(options.batch), *["--compile"] * options.compile]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output.splitlines()[-1])


def seconds_of_import():
    """Return what the first look-up of a model costs, which imports all families."""
    code = "import time as t, kzoo; s = t.time(); kzoo.list_models(); print(t.time() - s)"
    # A user's machine keeps the byte code.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code]
    return float(subprocess.check_output(command, cwd=ROOT, env=environment))


def page(rows, options):
    """Return the page: the table, and the geometric means of the judged models."""
    text = (
        "# Speed of the models\n\n"
        f"{measured_on('torch', 'timm', 'numpy')}; "
        f"{options.precision}; PyTorch {'compiled' if options.compile else 'eager'}; "
        f"batch {options.batch}, {SIZE} x {SIZE}; medians of {options.rounds} rounds "
        f"of {options.repeats} repeats, ms; a ratio is kzoo's time over the other's.\n\n"
        f"Written by `{command()}`.\n"
    )
    for index, what in ((1, "Inference"), (2, "Train step"), (0, "Building")):
        lines, ratios = [], {library: {} for library in LIBRARIES[1:]}
        for name, times in rows.items():
            line = [f"`{name}`", f"{1e3 * times['kzoo'][index]:.0f}"]
            for library in LIBRARIES[1:]:
                if library not in times:
                    line += ["-", "-"]
                    continue
                ratio = times["kzoo"][index] / times[library][index]
                ratios[library][name] = ratio
                line += [f"{1e3 * times[library][index]:.0f}", f"{ratio:.2f}"]
            lines.append(line)
        header = ["model", "kzoo"]
        for library in LIBRARIES[1:]:
            header += [library, "ratio"]
        text += f"\n## {what}\n\n"
        if what == "Building":
            text += (
                "Median of three in a process, in which the first look-up of a model imports all "
                f"families: {1e3 * seconds_of_import():.0f} ms.\n\n"
            )
        text += f"{table(header, lines)}\n"
        for library, found in ratios.items():
            judged = [found[name] for name in JUDGED if name in found]
            if judged:
                text += (
                    f"Against {library}, geometric mean of the {len(judged)} judged models: "
                    f"{geometric_mean(judged):.2f}, largest {max(judged):.2f}.\n"
                )
    return text + f"\nJudged: {', '.join(f'`{name}`' for name in JUDGED)}.\n"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--precision", choices=("float32", "mixed_bfloat16"), default="float32")
    parser.add_argument("--compile", action="store_true", help="compile the PyTorch networks")
    parser.add_argument("--measure", choices=LIBRARIES, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.measure:
        measure(options.measure, options.models[0], options)
        return 0
    rows = {}
    for name in options.models:
        libraries = [lib for lib in LIBRARIES if lib != "keras.applications" or MODELS[name]]
        rounds = [
            {library: run(library, name, options) for library in libraries}
            for _ in range(options.rounds)
        ]
        rows[name] = {
            library: np.median([measured[library] for measured in rounds], axis=0)
            for library in libraries
        }
        print(name, {library: np.round(1e3 * t).tolist() for library, t in rows[name].items()})
    text = page(rows, options)
    if options.models == list(MODELS):
        (ROOT / "docs" / "benchmarks" / "models.md").write_text(text)
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
