"""Data sets as `tf.data` pipelines: embedded, TensorFlow Datasets, or a folder.

Images are uint8, signals float32.
"""

from kzoo.data.augment import Augmentation, parse_augment
from kzoo.data.catalog import Available, available, open_source
from kzoo.data.images import read_image
from kzoo.data.inputs import read_input
from kzoo.data.mnist1d import make_mnist1d
from kzoo.data.pipeline import MEMORY_LIMIT, Pipeline, load
from kzoo.data.spec import DataSpec, Source
from kzoo.data.splits import train_and_validation

__all__ = [
    "MEMORY_LIMIT",
    "Augmentation",
    "Available",
    "DataSpec",
    "Pipeline",
    "Source",
    "available",
    "load",
    "make_mnist1d",
    "open_source",
    "parse_augment",
    "read_image",
    "read_input",
    "train_and_validation",
]
