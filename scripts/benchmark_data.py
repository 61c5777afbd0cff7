"""Measure the input pipelines beside tf.data's own operations; write docs/benchmarks/data.md.

Command: .venv/bin/python scripts/benchmark_data.py [--repeats N] [--print]
Cost: about two minutes and 1 GB of memory on two CPU cores. Needs the extra `test` (scikit-image).
Random images of CIFAR-10's size and number, for its content does not matter, and 300 photographs
of 500 x 375 cut from those of scikit-image. With `--print` the page is left alone.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from _pages import command, measured_on, table  # noqa: E402
from _timing import ratio  # noqa: E402
from PIL import Image  # noqa: E402

from kzoo.data import ArraySource, Pipeline, open_source  # noqa: E402

PAGE = HERE.parent / "docs" / "benchmarks" / "data.md"
PHOTOS = 300


def write_photographs(folder, count=PHOTOS):
    """Write JPEGs of 500 x 375 in two classes, cut at random from scikit-image's photographs."""
    from skimage import data

    images = [Image.fromarray(image()) for image in (data.astronaut, data.coffee)]
    random = np.random.default_rng(0)
    for number in range(count):
        image = images[number % 2]
        left = random.integers(image.width - 500 + 1)
        top = random.integers(image.height - 375 + 1)
        place = Path(folder, "train", "ab"[number % 2])
        place.mkdir(parents=True, exist_ok=True)
        image.crop((left, top, left + 500, top + 375)).save(place / f"{number}.jpg", quality=90)
    return folder


def tf_crop_and_flip(images, labels):
    """Return an endless tf.data pipeline of one image at a time: tf.image's crop and flip."""

    def change(image, label):
        image = tf.pad(image, [[4, 4], [4, 4], [0, 0]])
        return tf.image.random_flip_left_right(tf.image.random_crop(image, (32, 32, 3))), label

    data = tf.data.Dataset.from_tensor_slices((images, labels)).repeat().shuffle(10_000)
    return data.map(change, tf.data.AUTOTUNE).batch(128).prefetch(tf.data.AUTOTUNE)


def tf_jpegs(files, antialias):
    """Return an endless tf.data pipeline: decode, resize, crop the centre."""

    def read(file):
        image = tf.io.decode_jpeg(tf.io.read_file(file), channels=3)
        image = tf.image.resize(image, (224, 299), antialias=antialias)
        return tf.cast(image[:, 37:261], tf.uint8)

    data = tf.data.Dataset.from_tensor_slices(files).repeat().shuffle(len(files))
    return data.map(read, tf.data.AUTOTUNE).batch(32).prefetch(tf.data.AUTOTUNE)


def seconds(dataset, count):
    """Return the time of `count` batches after the first.

    By an iterator of its own: one that waited for its turn would have filled its buffers.
    """
    iterator = iter(dataset)
    next(iterator)
    start = time.perf_counter()
    for _ in range(count):
        next(iterator)
    return time.perf_counter() - start


def rows(datasets, batch_size, count, repeats):
    """Return a table row for each pipeline; the last is the yardstick."""
    times = {name: [] for name in datasets}
    for turn in range(repeats + 1):
        for name, dataset in datasets.items():
            taken = seconds(dataset, count)
            if turn:
                times[name].append(taken)
    *_, base = times.values()
    return [
        (name, f"{batch_size * count / np.median(t):,.0f}", ratio(np.array(base), np.array(t)))
        for name, t in times.items()
    ]


def cifar(repeats, count=300):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (50_000, 32, 32, 3), np.uint8)
    labels = random.integers(0, 10, 50_000)
    source = ArraySource({"train": (images, labels)})
    timed = {
        name: Pipeline(source, batch_size=128, augment=augment).stream()
        for name, augment in {"kzoo, no augmentation": (), "kzoo": "crop=4,flip"}.items()
    }
    timed["tf.image"] = tf_crop_and_flip(images, labels)
    return rows(timed, 128, count, repeats)


def jpegs(repeats, folder, count=20):
    source = open_source(folder)
    files = [str(file) for file in Path(folder).rglob("*.jpg")]
    options = {"batch_size": 32, "image_size": 224, "cache": False}
    timed = {
        name: Pipeline(source, augment=augment, **options).stream()
        for name, augment in {
            "kzoo": (),
            "kzoo, resized_crop and flip": "resized_crop,flip",
        }.items()
    }
    timed["tf.io and tf.image, antialiased"] = tf_jpegs(files, True)
    timed["tf.io and tf.image"] = tf_jpegs(files, False)
    return rows(timed, 32, count, repeats)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--print", action="store_true", help="print the tables, write no page")
    options = parser.parse_args(argv)
    header = ("pipeline", "images/s", "times the yardstick's speed")
    with tempfile.TemporaryDirectory() as folder:
        photographs = jpegs(options.repeats, write_photographs(folder))
    page = (
        "# Speed of the input pipelines\n\n"
        f"{measured_on('numpy', 'pillow')}. Medians of {options.repeats} interleaved "
        "repeats; a ratio is the median over the repeats of the ratio within a round, with its "
        "quartiles.\n\n"
        f"Written by `{command()}`.\n\n"
        "## 32 x 32, batches of 128, crop=4 and flip\n\n"
        f"{table(header, cifar(options.repeats))}\n"
        "## JPEG files of 500 x 375 at 224 x 224, batches of 32, decoded every time\n\n"
        "kzoo resizes with antialiasing, as published evaluations do; tf.image where said.\n\n"
        f"{table(header, photographs)}"
    )
    if options.print:
        print(page)
    else:
        PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
