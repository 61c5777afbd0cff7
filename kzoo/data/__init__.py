"""Data sets as reproducible batches: embedded, TensorFlow Datasets, a folder, or arrays.

Images are uint8 in 0..255, signals float32. Only `Pipeline.dataset`, `Pipeline.stream`, `load`
and `serving` need TensorFlow. Sets of TensorFlow Datasets, and the embedded ones, need that
package to be opened, until `export` has written them to a file.
"""

from kzoo.data.arrays import ArraySource
from kzoo.data.augment import Augmentation, parse_augment
from kzoo.data.batches import Batches
from kzoo.data.catalog import Available, available, open_source
from kzoo.data.exported import export
from kzoo.data.images import read_image
from kzoo.data.inputs import read_input
from kzoo.data.loading import load
from kzoo.data.mnist1d import make_mnist1d
from kzoo.data.pipeline import MEMORY_LIMIT, Pipeline
from kzoo.data.resize import Resize
from kzoo.data.service import DataServiceError, ServedPipeline, serving
from kzoo.data.spec import DataSpec, Source
from kzoo.data.splits import train_and_validation

__all__ = [
    "MEMORY_LIMIT",
    "ArraySource",
    "Augmentation",
    "Available",
    "Batches",
    "DataServiceError",
    "DataSpec",
    "Pipeline",
    "Resize",
    "ServedPipeline",
    "Source",
    "available",
    "export",
    "load",
    "make_mnist1d",
    "open_source",
    "parse_augment",
    "read_image",
    "read_input",
    "serving",
    "train_and_validation",
]
