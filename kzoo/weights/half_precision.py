"""Weights as compressed half precision, in a NumPy archive that needs nothing but NumPy to be read.

The archive is a compressed `.npz` without pickles. Its arrays bear the names of `keras_files`, such
as "layer1.0.conv1/0". Kernels are float16: a trained weight loses less than one part in a thousand.
Vectors stay float32, which costs little: a variance of batch normalisation below 6e-8 would become
zero.
"""

import zipfile
import zlib
from pathlib import Path

import keras
import numpy as np

from kzoo.weights.errors import WeightsError
from kzoo.weights.keras_files import keras_entries

FORMAT = "kzoo weights 1"
LARGEST = float(np.finfo(np.float16).max)
# What damage looks like depends on where it is; a TypeError is an array that is no archive.
_DAMAGE = (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error)


def write_half_precision(model: keras.Model, path) -> Path:
    """Write the weights of a model to a `.npz` file, which any model with the same layers loads.

    Raises:
        ValueError: the file does not end in ".npz".
        WeightsError: a weight is not finite, or a kernel has a value beyond half precision.
    """
    from kzoo.training.files import replacing

    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"half-precision weights go to a file in .npz; received {path}.")
    arrays = {"format": np.array(FORMAT)}
    for entry in (entry for layer in model.layers for entry in keras_entries(layer)):
        arrays[entry.source] = _stored(entry.source, keras.ops.convert_to_numpy(entry.variable))
    with replacing(path) as partial, open(partial, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    return path


def read_half_precision(path) -> dict[str, np.ndarray]:
    """Return the arrays that `write_half_precision` wrote by name, in float32.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: it is damaged, or another kind of file.
    """
    try:
        # np.load would leave a damaged file open if it opened it.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no weights file {path}.") from None
    except _DAMAGE as error:
        raise WeightsError(f"{path} is damaged or no NumPy archive: {error}.") from error
    found = str(arrays.pop("format", "another"))
    if found != FORMAT:
        raise WeightsError(f"{path} holds no weights: its format is {found}, and {FORMAT} is read.")
    return {name: array.astype("float32") for name, array in arrays.items()}


def _stored(name, array):
    if not np.isfinite(array).all():
        raise WeightsError(f"{name} has a value that is not finite: train again.")
    if array.ndim < 2:
        return array.astype("float32")
    largest = float(np.abs(array).max(initial=0))
    if largest > LARGEST:
        raise WeightsError(
            f"{name} has a value of {largest:g}, and half precision ends at {LARGEST:g}: keep "
            "these weights in a .keras file."
        )
    return array.astype("float16")
