"""A process ends although TensorFlow still holds an iterator of ours, as after Ctrl-C."""

import subprocess
import sys

PROGRAM = """
import numpy as np
from kzoo.data import ArraySource, Pipeline
images = np.zeros((5000, 32, 32, 3), np.uint8)
source = ArraySource({"train": (images, np.zeros(5000, int))})
iterator = iter(Pipeline(source, batch_size=512, augment="flip,crop").stream())
for _ in range(5):
    next(iterator)
"""


def test_a_process_ends_with_an_iterator_in_use():
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr
