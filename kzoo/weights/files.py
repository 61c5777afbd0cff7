"""Reading weight files into named arrays."""

import pickle
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from kzoo.weights.errors import WeightsError

TORCH_SUFFIXES = (".pth", ".pt", ".bin")
KERAS_SUFFIXES = (".weights.h5", ".keras", ".npz")
SUFFIXES = (".safetensors", *TORCH_SUFFIXES, *KERAS_SUFFIXES)
# Where training scripts keep the weights in a checkpoint; averaged ones come first, as in timm.
_STATE_DICTS = ("state_dict_ema", "model_ema", "state_dict", "model")


def is_keras_file(path) -> bool:
    """Whether the arrays of a file are named by Keras's layers: Keras's own files, and `.npz`."""
    return str(path).endswith(KERAS_SUFFIXES)


def read_arrays(path) -> dict[str, np.ndarray]:
    """Return the arrays of a safetensors file or of a PyTorch state dict by name, in float32.

    Only a state dict needs PyTorch. Of a checkpoint that holds a state dict and its moving average,
    the average is read; a "module." before every name is left out.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: it is a PyTorch file, and PyTorch is not installed.
        WeightsError: it is another kind of file, or it is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no weights file {path}.")
    if path.suffix == ".safetensors":
        arrays = _read_safetensors(path)
    elif path.suffix in TORCH_SUFFIXES:
        arrays = _read_state_dict(path)
    else:
        raise WeightsError(f"weights are read from {', '.join(SUFFIXES)} files; received {path}.")
    return {name: _single_precision(array) for name, array in arrays.items()}


def _read_safetensors(path):
    try:
        with safe_open(path, framework="np") as tensors:
            return {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise WeightsError(f"{path} is damaged or no safetensors file: {error}.") from error


def _read_state_dict(path):
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"reading {path} needs PyTorch, which is not installed: install torch, or give a "
            ".safetensors file."
        ) from error
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[:1]
        raise WeightsError(
            f"{path} is damaged or holds more than PyTorch tensors: {''.join(reason)}"
        ) from error
    nested = [key for key in _STATE_DICTS if isinstance(content, dict) and key in content]
    state = content[nested[0]] if nested else content
    if not isinstance(state, dict):
        raise WeightsError(f"{path} holds no state dict but a {type(state).__name__}.")
    tensors = {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}
    prefix = "module."
    if tensors and all(name.startswith(prefix) for name in tensors):
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return {
        name: (value.float() if value.is_floating_point() else value).numpy()
        for name, value in tensors.items()
    }


def _single_precision(array):
    """Bring half precision, bfloat16 among it, which NumPy does not know, to float32."""
    return array.astype("float32") if array.dtype.itemsize == 2 else array
