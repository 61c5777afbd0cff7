import numpy as np
import torch
from torch.nn import functional

import kzoo


def test_maps_have_the_sizes_of_figure_1_of_the_paper():
    model = kzoo.create_model("unet_encoder", include_top=False, input_shape=(572, 572, 1))
    names = ("relu_d0c", "relu_d1c", "relu_d2c", "dropout_d3c", "dropout_d4c")
    shapes = [model.get_layer(name).output.shape[1:] for name in names]
    assert shapes == [
        (568, 568, 64), (280, 280, 128), (136, 136, 256), (64, 64, 512), (28, 28, 1024)
    ]  # fmt: skip


def test_the_last_map_is_pytorchs():
    model = kzoo.create_model(
        "unet_encoder", include_top=False, input_shape=(140, 140, 1), include_preprocessing=False
    )
    image = np.random.default_rng(0).normal(size=(1, 140, 140, 1)).astype("float32")
    x = torch.tensor(image).permute(0, 3, 1, 2)
    for level in range(5):
        if level:
            x = functional.max_pool2d(x, 2)
        for step in ("a-b", "b-c"):
            layer = model.get_layer(f"conv_d{level}{step}")
            kernel, bias = (torch.tensor(w) for w in layer.get_weights())
            x = functional.relu(functional.conv2d(x, kernel.permute(3, 2, 0, 1), bias))
    expected = x.permute(0, 2, 3, 1).numpy()
    assert expected.shape == (1, 1, 1, 1024)
    np.testing.assert_allclose(
        np.asarray(model(image)), expected, rtol=0, atol=1e-5 * np.abs(expected).max()
    )
