"""Importing this module hides TensorFlow, as on a machine that does not have it.

`sys.modules["tensorflow"] = None` would not do: Keras's Normalization on JAX asks whether the name
is among the modules.
"""

import sys
from importlib.machinery import PathFinder

MISSING = ("tensorflow", "tensorflow_datasets")


class WithoutTensorFlow(PathFinder):
    """Finds what is installed but for TensorFlow."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.split(".")[0] in MISSING:
            return None
        return super().find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutTensorFlow
