"""Reading the files that Keras writes, `.weights.h5` and `.keras`, by layer name.

Keras itself matches them by the kinds and the order of the layers. Each array is named here by the
layer it belongs to and its position among that layer's own weights, as "layer1.0.conv1/0"; those of
a layer's own layers follow its name, as "layer1.0.se/fc1/0".
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from kzoo.weights.errors import WeightsError
from kzoo.weights.rules import Entry


def read_keras_arrays(path) -> dict[str, np.ndarray]:
    """Return the arrays of a `.weights.h5` or `.keras` file by name.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: it is damaged, or no such file.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no weights file {path}.")
    arrays: dict[str, np.ndarray] = {}
    try:
        file = path if path.suffix == ".h5" else io.BytesIO(_member(path))
        with h5py.File(file, "r") as content:
            for group in content["layers"].values():
                _collect(group, "", arrays)
    except (OSError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path} is damaged or no file of Keras 3: {error}.") from error
    return arrays


def read_layers(path) -> dict[str, dict[str, Any]]:
    """Return the configurations of the layers in a `.keras` file by name; of a nested one, none.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: it is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no weights file {path}.")
    try:
        with zipfile.ZipFile(path) as archive:
            model = json.loads(archive.read("config.json"))["config"]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path} is damaged or no file of Keras 3: {error}.") from error
    layers = (layer["config"] for layer in model.get("layers", ()))
    return {layer["name"]: layer for layer in layers if "name" in layer}


def read_statistics(path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation by which the model of a `.keras` file normalises images.

    They are on a 0..1 scale; empty where it does not.
    """
    layer = read_layers(path).get("preprocessing", {})
    means, variances = layer.get("mean"), layer.get("variance")
    if not (isinstance(means, list) and isinstance(variances, list)):
        return (), ()
    mean = tuple(round(value / 255, 6) for value in means)
    return mean, tuple(round(value**0.5 / 255, 6) for value in variances)


def keras_entries(layer, prefix="") -> list[Entry]:
    """Return the variables of a layer with their names in a file of Keras."""
    parts = getattr(layer, "sublayers", ())
    inner = {id(variable) for part in parts for variable in part.weights}
    own = [variable for variable in layer.weights if id(variable) not in inner]
    name = f"{prefix}{layer.name}"
    entries = [Entry(f"{name}/{index}", variable, _same) for index, variable in enumerate(own)]
    for part in parts:
        entries += keras_entries(part, f"{name}/")
    return entries


def _member(path):
    with zipfile.ZipFile(path) as archive:
        return archive.read("model.weights.h5")


def _collect(group, prefix, arrays):
    if "vars" in group:
        values = group["vars"]
        prefix = f"{prefix}{values.attrs['name']}/"
        arrays |= {f"{prefix}{index}": _array(value) for index, value in values.items()}
    for name, child in group.items():
        # The state of a random generator is no weight.
        if name != "vars" and not name.startswith("seed_generator"):
            _collect(child, prefix, arrays)


def _array(value):
    """Return an array of a file; bfloat16, which HDF5 does not have, as float32."""
    array = np.asarray(value)
    if value.attrs.get("dtype") == "bfloat16":
        return array.view(ml_dtypes.bfloat16).astype("float32")
    return array


def _same(array):
    return array
