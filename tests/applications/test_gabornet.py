"""GaborNet beside PyTorch's layers, as the author's network has them."""

import numpy as np
import pytest
import torch
from torch.nn import functional

import kzoo


def convolve(x, layer, kernel):
    kernel = torch.tensor(kernel).permute(3, 2, 0, 1)
    return functional.leaky_relu(functional.conv2d(x, kernel, torch.tensor(np.array(layer.bias))))


def test_logits_are_pytorchs():
    model = kzoo.create_model("gabornet", classifier_activation=None, include_preprocessing=False)
    image = np.random.default_rng(0).normal(size=(2, 28, 28, 1)).astype("float32")
    x = torch.tensor(image).permute(0, 3, 1, 2)
    g0, c1, fc1, fc2 = (model.get_layer(name) for name in ("g0", "c1", "fc1", "fc2"))
    x = functional.max_pool2d(convolve(x, g0, g0.get_kernel()), 2)
    x = functional.max_pool2d(convolve(x, c1, np.array(c1.kernel)), 2)
    assert x.shape[1:] == (384, 3, 3)
    x = x.permute(0, 2, 3, 1).flatten(1).numpy() @ np.array(fc1.kernel) + np.array(fc1.bias)
    x = np.where(x > 0, x, 0.01 * x) @ np.array(fc2.kernel) + np.array(fc2.bias)
    np.testing.assert_allclose(np.asarray(model(image)), x, rtol=0, atol=1e-5 * np.abs(x).max())


def test_conv_is_refused():
    with pytest.raises(ValueError, match="takes no conv='tiled': its Gabor convolution"):
        kzoo.create_model("gabornet", conv="tiled")
