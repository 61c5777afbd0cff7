"""Measure the augmentations beside torchvision's and timm's; write docs/benchmarks/augment.md.

Command: .venv/bin/python scripts/benchmark_augment.py [--repeats N] [--sizes 32 224] [--page FILE]
Cost: about three minutes on two CPU cores.
Needs the extra `parity`. What is compared runs in turn in one process. Ours take and give a batch
of arrays; torchvision's take a list of Pillow images, one call each, and give a batch of tensors.
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import numpy as np  # noqa: E402
from _pages import command, measured_on, table  # noqa: E402
from _timing import interleaved, ratio  # noqa: E402
from PIL import Image  # noqa: E402

from kzoo.data.augment import augment, parse_augment  # noqa: E402
from kzoo.data.mixing import mix  # noqa: E402
from tests.peers import import_timm  # noqa: E402

PAGE = HERE.parent / "docs" / "benchmarks" / "augment.md"
BATCH = {32: 128, 224: 16}
CLASSES = 1000


def peers(size):
    """Return torchvision's transforms by our names, on images of that size."""
    from torchvision.transforms import InterpolationMode, v2

    bilinear = InterpolationMode.BILINEAR
    crop = v2.RandomCrop(size, padding=4)
    return {
        "flip,crop=4": (v2.RandomHorizontalFlip(), crop),
        "flip": (v2.RandomHorizontalFlip(),),
        "crop": (crop,),
        "rotation": (v2.RandomRotation(15, bilinear),),
        "colour": (v2.ColorJitter(0.4, 0.4, 0.4, 0.1),),
        "grey": (v2.RandomGrayscale(0.2),),
        "noise": (),
        "cutout": (),
        "erasing": (v2.PILToTensor(), v2.RandomErasing(0.25, value="random")),
        "randaugment": (v2.RandAugment(2, 9, interpolation=bilinear),),
        "trivialaugment": (v2.TrivialAugmentWide(),),
        "augmix": (v2.AugMix(all_ops=False),),
    }


def augmentation_rows(size, repeats):
    """Return (name, images a second of ours and theirs, ratio of the times) of every one."""
    import torch
    from torchvision.transforms import v2

    rng = np.random.default_rng(0)
    x = photographs(size, BATCH[size])
    images = [Image.fromarray(array) for array in x]
    rows = []
    for name, transforms in peers(size).items():
        augmentations = parse_augment(name)
        functions = {"ours": lambda: augment(x, augmentations, "image", rng)}  # noqa: B023
        if transforms:
            both = transforms if name == "erasing" else (*transforms, v2.PILToTensor())
            theirs = v2.Compose(both)
            functions["theirs"] = lambda: torch.stack([theirs(image) for image in images])  # noqa: B023
        rows.append((f"`{name}`", *_speeds(functions, len(x), repeats)))
    return rows


def mixing_rows(size, repeats):
    from timm.data.mixup import FastCollateMixup

    rng = np.random.default_rng(0)
    x = photographs(size, BATCH[size])
    labels = rng.integers(0, CLASSES, len(x))
    examples = list(zip(np.ascontiguousarray(x.transpose(0, 3, 1, 2)), labels.tolist()))
    rows = []
    for name, mixup, cutmix in (("mixup", 1.0, 0.0), ("cutmix", 0.0, 1.0)):
        timms = FastCollateMixup(mixup, cutmix, label_smoothing=0.0, num_classes=CLASSES)
        functions = {
            "ours": lambda: mix(x, labels, CLASSES, mixup, cutmix, rng),  # noqa: B023
            "theirs": lambda: timms(examples),  # noqa: B023
        }
        rows.append((f"`{name}`", *_speeds(functions, len(x), repeats)))
    return rows


def threaded_row(size, repeats):
    """Return the images a second of flip and crop with two threads, a batch each."""
    x = photographs(size, BATCH[size])
    augmentations = parse_augment("flip,crop=4")

    def batch(seed):
        return augment(x, augmentations, "image", np.random.default_rng(seed))

    with ThreadPoolExecutor(2) as pool:
        functions = {"ours": lambda: list(pool.map(batch, range(64)))}
        return ("`flip,crop=4`, two threads", *_speeds(functions, 64 * len(x), repeats))


def photographs(size, count):
    """Return smooth random images, uint8: what an operation costs may depend on the content."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (count, 8, 8, 3), np.uint8)
    images = [
        Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC) for image in small
    ]
    return np.stack([np.asarray(image) for image in images])


def _speeds(functions, count, repeats):
    times = interleaved(functions, repeats, warm_up=1)
    ours = f"{count / np.median(times['ours']):,.0f}"
    if "theirs" not in times:
        return ours, "-", "-"
    theirs = f"{count / np.median(times['theirs']):,.0f}"
    return ours, theirs, ratio(times["ours"], times["theirs"])


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(BATCH), choices=list(BATCH))
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(argv)
    import_timm()
    import torch

    torch.set_num_threads(1)
    parts = [
        "# Speed of the augmentations\n",
        f"{measured_on('numpy', 'pillow', 'torchvision', 'timm')}; one thread unless it says two; "
        f"medians of {options.repeats}, images a second; a ratio is kzoo's time over the "
        "other's, with its quartiles. kzoo's take and give a batch of arrays, torchvision's (v2) "
        "take Pillow images and give a batch of tensors; timm's `FastCollateMixup` is beside mixup "
        "and CutMix.\n",
        f"Written by `{command()}`.\n",
    ]
    for size in options.sizes:
        rows = [
            *augmentation_rows(size, options.repeats),
            threaded_row(size, max(options.repeats // 5, 1)),
            *mixing_rows(size, options.repeats),
        ]
        header = ("augmentation", "kzoo", "torchvision or timm", "ratio")
        parts += [f"## {size} x {size}, batches of {BATCH[size]}\n", table(header, rows)]
    options.page.write_text("\n".join(parts), "utf-8")
    print("\n".join(parts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
