"""ResNet-9 against Page's network in PyTorch."""

import numpy as np
import pytest

import kzoo
from tests.peers import randomise, torch_logits, write_state_dict
from tests.torch_resnet9 import resnet9


@pytest.mark.parametrize("width", [1, 0.5])
def test_logits(width, tmp_path):
    peer = randomise(resnet9(width))
    path = write_state_dict(peer, tmp_path / "peer.safetensors")
    model = kzoo.create_model(
        "resnet9_cifar",
        weights=path,
        width=width,
        classifier_activation=None,
        include_preprocessing=False,
    )
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    expected = torch_logits(peer, images)
    error = np.abs(np.asarray(model(images)) - expected).max() / np.abs(expected).max()
    assert error < 1e-5
    assert np.ptp(expected, axis=0).max() > 1e-3 * np.abs(expected).max()


def test_other_sizes_than_the_published():
    model = kzoo.create_model("resnet9_cifar", width=0.25, input_shape=(None, None, 3))
    for size in (8, 45):
        assert model(np.ones((2, size, size, 3), "float32")).shape == (2, 10)


def test_multiply_adds():
    counted = kzoo.analysis.count_multiply_adds(kzoo.create_model("resnet9_cifar"))
    # torchinfo prints so many millions; it counts normalisation as one for each parameter.
    assert round((counted + 4480) / 1e6, 2) == 379.27
