"""Wide ResNets for CIFAR against timm's pre-activation network, built in their shape."""

import re

import numpy as np
import pytest
from safetensors.numpy import save_file

import kzoo
from kzoo.applications.wide_resnet_cifar import VARIANTS
from tests.applications.published import PARAMETERS
from tests.peers import import_timm, randomise, torch_logits


def build_peer(blocks, widening):
    """Return timm's ResNet v2 with basic blocks, three stages and a 3x3 stem."""
    import_timm()
    import torch
    from timm.layers import BatchNormAct2d, create_conv2d
    from timm.models.resnetv2 import ResNetV2

    peer = ResNetV2(
        [blocks] * 3,
        channels=(16 * widening, 32 * widening, 64 * widening),
        num_classes=10,
        stem_chs=16,
        basic=True,
        bottle_ratio=1.0,
        norm_layer=BatchNormAct2d,
        conv_layer=create_conv2d,
    )
    peer.stem = torch.nn.Conv2d(3, 16, 3, padding=1, bias=False)
    return peer


# From timm's layer names to kzoo's, one after the other.
RENAMED = {
    r"^stem\.": "conv1.",
    r"^norm\.": "bn1.",
    r"^head\.fc\.": "fc.",
    r"^stages\.0\.blocks": "block1.layer",
    r"^stages\.1\.blocks": "block2.layer",
    r"^stages\.2\.blocks": "block3.layer",
    r"\.norm([12])\.": r".bn\1.",
    r"\.downsample\.conv\.": ".convShortcut.",
}


def write_renamed(peer, path):
    """Write the peer's weights under kzoo's names; its classifier is a 1x1 convolution."""
    arrays = {}
    for name, tensor in peer.state_dict().items():
        for theirs, ours in RENAMED.items():
            name = re.sub(theirs, ours, name)
        arrays[name] = tensor.flatten(1).numpy() if name == "fc.weight" else tensor.numpy()
    save_file(arrays, path)
    return path


@pytest.mark.parametrize("name", VARIANTS)
def test_number_of_parameters(name):
    import torch

    depth, widening = map(int, re.findall(r"\d+", name))
    with torch.device("meta"):
        peer = build_peer((depth - 4) // 6, widening)
    assert sum(parameter.numel() for parameter in peer.parameters()) == PARAMETERS[name]


def test_logits(tmp_path):
    peer = randomise(build_peer(VARIANTS["wrn16_8_cifar"].blocks, 8))
    path = write_renamed(peer, tmp_path / "peer.safetensors")
    model = kzoo.create_model(
        "wrn16_8_cifar",
        weights=path,
        classifier_activation=None,
        include_preprocessing=False,
        input_shape=(None, None, 3),
    )
    for size in (16, 19):
        images = np.random.default_rng(size).normal(size=(2, size, size, 3)).astype("float32")
        expected = torch_logits(peer, images)
        error = np.abs(np.asarray(model(images)) - expected).max() / np.abs(expected).max()
        assert error < 1e-5
        assert np.ptp(expected, axis=0).max() > 1e-3 * np.abs(expected).max()


def test_dropout_stands_between_the_convolutions_of_each_block():
    model = kzoo.create_model("wrn16_8_cifar", input_shape=(8, 8, 3), dropout_rate=0.3)
    dropped = [layer for layer in model.layers if layer.name.endswith(".drop")]
    assert [layer.rate for layer in dropped] == [0.3] * 6
