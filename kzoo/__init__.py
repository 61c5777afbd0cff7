"""kzoo: a Keras 3 model zoo in which any architecture takes any kind of convolution.

`layers` and `initializers` are imported here, so that their classes are registered and a saved
`.keras` file loads after `import kzoo`. `data`, `training`, `tuning`, `analysis` and `cli` are
imported on first use, because they bring TensorFlow Datasets, matplotlib and the like.
"""

import importlib

import keras

from kzoo import applications, initializers, layers
from kzoo.registry import ModelInfo, create_model, list_models, list_weights, model_info
from kzoo.surgery import (
    Int8Report,
    export_int8,
    feature_extractor,
    freeze,
    fuse,
    replace_head,
    unfreeze,
)
from kzoo.weights import LoadReport, WeightsInfo, load_weights

if keras.backend.backend() == "torch":
    from kzoo import _torch_names  # noqa: F401

__version__ = "0.1.0"

__all__ = [
    "Int8Report",
    "LoadReport",
    "ModelInfo",
    "WeightsInfo",
    "analysis",
    "applications",
    "cli",
    "create_model",
    "data",
    "export_int8",
    "feature_extractor",
    "freeze",
    "fuse",
    "initializers",
    "layers",
    "list_models",
    "list_weights",
    "load_weights",
    "model_info",
    "replace_head",
    "training",
    "tuning",
    "unfreeze",
]

_ON_FIRST_USE = {"analysis", "cli", "data", "training", "tuning"}


def __getattr__(name):
    if name in _ON_FIRST_USE:
        return importlib.import_module(f"kzoo.{name}")
    raise AttributeError(f"module 'kzoo' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
