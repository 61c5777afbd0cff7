"""Reading weight files into named arrays."""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open


def read_arrays(path) -> dict[str, np.ndarray]:
    """Return the arrays of a safetensors file by name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a safetensors file, or it is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no weights file {path}.")
    if path.suffix != ".safetensors":
        raise ValueError(f"weights are read from .safetensors files; received {path}.")
    try:
        with safe_open(path, framework="np") as tensors:
            return {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or no safetensors file: {error}.") from error
