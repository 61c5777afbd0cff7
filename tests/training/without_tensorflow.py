"""From an exported file to an evaluated run on the backend that KERAS_BACKEND names."""

import sys

import tests.hide_tensorflow  # noqa: F401

# isort: split
import numpy as np

from kzoo import data, training
from kzoo.cli import main

file, output = sys.argv[1:]
pipeline = data.Pipeline(data.open_source(file), batch_size=8, augment="flip,crop=1", seed=3)
print("batch", int(np.sum(pipeline.batch(2, 1)[0], dtype=np.int64)))
arguments = ["train", "resnet20_cifar", "--data", file, "--output", output, "--epochs", "2"]
if main([*arguments, "--batch-size", "16", "--image-size", "16", "--augment", "crop=1"]):
    sys.exit("the training failed")
measured = training.evaluate(output, "test")
print("examples", measured["examples"])
for name in ("cifar10", "digits"):
    try:
        data.open_source(name)
    except ValueError as error:
        print(error)
print("ready", [entry.spec.name for entry in data.available() if entry.ready])
