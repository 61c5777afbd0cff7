"""PyTorch peers: importing them, giving them random weights, writing their state dicts."""

import warnings

import numpy as np
import pytest
from safetensors.numpy import save_file

import kzoo
from kzoo.registry import find_family
from tests import keras_peers


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
    """Give a PyTorch module random weights, with BatchNorm statistics far from 0 and 1.

    Beyond a hundred normalisations their weights become smaller, as a deeper network of random
    weights would amplify the rounding of its first layers until it decides the logits.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    state = module.state_dict()
    scales = [name for name in state if state[name].ndim == 1 and name.endswith(("weight", "gain"))]
    share = min(1, 100 / max(len(scales), 1))
    with torch.no_grad():
        for name, tensor in state.items():
            if name in scales:
                tensor.uniform_(0.5 * share, 1.5 * share, generator=generator)
            elif name.endswith(("running_var", "gain")):
                tensor.uniform_(0.5, 1.5, generator=generator)
            elif tensor.ndim == 1:
                tensor.normal_(0, 0.2, generator=generator)
            elif tensor.ndim > 1:
                tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5, generator=generator)
    return module.eval()


def calibrate(module, size, seed=0):
    """Set the BatchNorm statistics of a PyTorch module to those of random images.

    Under statistics that have nothing to do with the data, the maps of a deep network grow or
    vanish block by block, until rounding decides the logits.
    """
    import torch

    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.reset_running_stats()
            part.momentum = None
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        module.train()(torch.randn(4, 3, size, size, generator=generator))
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


# What torchvision's builders need beside the number of classes.
# With its weights timm gives it another epsilon than without.
TIMM_OPTIONS = {"fbnetc_100": {"bn_eps": 1e-3}}
TORCHVISION_OPTIONS = {"googlenet": {"aux_logits": False, "init_weights": False}}


def find_counterpart(name):
    """Return the library that has a model of this name, or `None`.

    It is "timm", "torchvision", or "keras.applications" for the models called after it.
    """
    if name.startswith("keras_"):
        return "keras.applications"
    if import_timm().is_model(name):
        return "timm"
    from torchvision import models

    return "torchvision" if name in models.list_models(module=models) else None


def build_counterpart(name, classes=1000):
    """Build the model of the same name in timm or, where timm has none, in torchvision."""
    if find_counterpart(name) == "timm":
        options = TIMM_OPTIONS.get(name, {})
        return import_timm().create_model(name, num_classes=classes, **options)
    from torchvision import models

    options = TORCHVISION_OPTIONS.get(name, {})
    return models.get_model(name, weights=None, num_classes=classes, **options)


def count_counterpart(name):
    """Return the counterpart's trainable parameters and its ungrouped kernels larger than 1."""
    if find_counterpart(name) == "keras.applications":
        return keras_peers.count(name)
    import torch

    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # initial values mean nothing there
        peer = build_counterpart(name)
    larger = [
        module
        for module in peer.modules()
        if isinstance(module, torch.nn.Conv2d)
        and module.groups == 1
        and max(module.kernel_size) > 1
    ]
    return sum(p.numel() for p in peer.parameters() if p.requires_grad), len(larger)


def count_counterpart_multiply_adds(name, size):
    """Return the multiply-adds that PyTorch counts in the counterpart for one image."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        peer = build_counterpart(name).eval()
        with FlopCounterMode(display=False) as counter:
            peer(torch.empty(1, 3, size, size))
    return counter.get_total_flops() // 2


def compare_with_counterpart(name, folder, sizes, classes=7, precision="float32"):
    """Load the counterpart, given random weights, by kzoo's ordinary way, and compare the logits.

    Args:
        name: model name, the same in both.
        folder: where the safetensors file is written.
        sizes: image sizes to compare at.
        classes: number of classes.
        precision: in which both compute, "float32" or "float64".

    Returns:
        For each size: the size, the largest difference relative to the largest logit, and the
        largest difference between the logits of two images on the same scale.
    """
    if find_counterpart(name) == "keras.applications":
        return keras_peers.compare(name, folder, sizes, precision)
    import torch

    family = find_family(name)
    peer = randomise(build_counterpart(name, classes))
    # Statistics of images of that size do for larger ones, which would take 16 GB in some networks.
    peer = calibrate(peer, min(max(sizes), 384))
    path = write_state_dict(peer, folder / f"{name}.safetensors")
    images = {
        size: np.random.default_rng(size).normal(size=(2, size, size, 3)).astype(precision)
        for size in sizes
    }
    peer = peer.to(getattr(torch, precision))
    theirs = {size: torch_logits(peer, images[size]) for size in sizes}
    del peer  # the largest would not fit twice
    rows, model = [], None
    with keras_peers.computing_in(precision):
        for size in sizes:
            if model is None or family.is_fixed_size(name):
                model = kzoo.create_model(
                    name,
                    weights=path,
                    classes=classes,
                    classifier_activation=None,
                    include_preprocessing=False,
                    input_shape=(size, size, 3) if family.is_fixed_size(name) else (None, None, 3),
                )
            ours = np.asarray(model(images[size]))
            scale = np.abs(theirs[size]).max()
            difference, spread = np.abs(ours - theirs[size]).max(), np.abs(ours[0] - ours[1]).max()
            rows.append((size, float(difference / scale), float(spread / scale)))
    path.unlink()
    return rows
