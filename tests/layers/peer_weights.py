"""Weights of a PyTorch module for a layer of layers, by name, and the module's results."""

import numpy as np

from kzoo.weights.rules import entries


def copy_weights(module, layer):
    """Give a built layer the weights of a module; every name of either is one of the other."""
    arrays = {
        name: tensor.numpy()
        for name, tensor in module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    for source, variable, convert in entries(layer):
        variable.assign(convert(arrays.pop(source.removeprefix(f"{layer.name}."))))
    assert not arrays


def module_output(module, x):
    """Return what a module of planes makes of channels-last maps, channels last."""
    import torch

    with torch.no_grad():
        planes = torch.from_numpy(np.moveaxis(x, -1, 1).copy())
        return np.moveaxis(module(planes).numpy(), 1, -1)


def assert_same(ours, theirs, tolerance=1e-5):
    """Assert that two results differ by no more than a part of the largest magnitude."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * np.abs(theirs).max())
