"""PyTorch peers: importing them, giving them random weights, writing their state dicts."""

import warnings

import numpy as np
import pytest
from safetensors.numpy import save_file

import kzoo


def import_timm():
    """Import timm, also beside a CPU build of PyTorch that torchvision was not built for."""
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import timm
        except RuntimeError:
            register = torch.library.register_fake

            def skip_torchvision(name, *args, **kwargs):
                if str(name).startswith("torchvision::"):
                    return lambda function: function
                return register(name, *args, **kwargs)

            torch.library.register_fake = skip_torchvision
            try:
                import timm
            finally:
                torch.library.register_fake = register
    return timm


def randomise(module, seed=0):
    """Give a PyTorch module random weights, with BatchNorm statistics far from 0 and 1."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if name.endswith(("running_var", "bn.weight")) or (
                tensor.ndim == 1 and name.endswith("weight")
            ):
                tensor.uniform_(0.5, 1.5, generator=generator)
            elif tensor.ndim == 1:
                tensor.normal_(0, 0.2, generator=generator)
            elif tensor.ndim > 1:
                tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5, generator=generator)
    return module.eval()


def write_state_dict(module, path, seed=0):
    """Write the state dict as safetensors with its names in random order; returns the path."""
    arrays = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    names = list(arrays)
    np.random.default_rng(seed).shuffle(names)
    save_file({name: np.ascontiguousarray(arrays[name]) for name in names}, path)
    return path


def torch_logits(module, images):
    """Return the logits of channels-last images."""
    import torch

    with torch.no_grad():
        return module(torch.from_numpy(np.moveaxis(images, -1, 1).copy())).numpy()


def compare_with_timm(name, folder, sizes, classes=7):
    """Load timm's model, given random weights, by kzoo's ordinary way, and compare the logits.

    Args:
        name: model name, the same in both.
        folder: where the safetensors file is written.
        sizes: image sizes to compare at.

    Returns:
        For each size: the size, the largest difference relative to the largest logit, and the
        largest difference between the logits of two images on the same scale.
    """
    peer = randomise(import_timm().create_model(name, num_classes=classes))
    path = write_state_dict(peer, folder / f"{name}.safetensors")
    model = kzoo.create_model(
        name,
        weights=path,
        classes=classes,
        classifier_activation=None,
        include_preprocessing=False,
        input_shape=(None, None, 3),
    )
    rows = []
    for size in sizes:
        images = np.random.default_rng(size).normal(size=(2, size, size, 3)).astype("float32")
        ours, theirs = np.asarray(model(images)), torch_logits(peer, images)
        scale = np.abs(theirs).max()
        difference, spread = np.abs(ours - theirs).max(), np.abs(ours[0] - ours[1]).max()
        rows.append((size, float(difference / scale), float(spread / scale)))
    return rows
