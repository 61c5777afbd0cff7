import keras
import numpy as np

import kzoo
from tests.peers import import_timm, randomise, torch_logits, write_state_dict

NAME = "densenet_bc_100_12_cifar"


def build_peer():
    """Return timm's DenseNet-BC with the paper's stem for CIFAR, one 3x3 convolution."""
    timm = import_timm()
    import torch

    peer = timm.models.densenet.DenseNet(
        growth_rate=12, block_config=(16, 16, 16), num_classes=10, norm_layer="batchnorm2d"
    )
    peer.features.conv0 = torch.nn.Conv2d(3, 24, 3, padding=1, bias=False)
    peer.features.norm0 = peer.features.pool0 = torch.nn.Identity()
    return randomise(peer)


def test_logits_are_those_of_timms_dense_blocks_behind_the_papers_stem(tmp_path):
    peer = build_peer()
    path = write_state_dict(peer, tmp_path / "densenet.safetensors")
    model = kzoo.create_model(
        NAME,
        weights=path,
        classifier_activation=None,
        include_preprocessing=False,
        input_shape=(None, None, 3),
    )
    for size in (32, 21):
        images = np.random.default_rng(size).normal(size=(2, size, size, 3)).astype("float32")
        expected = torch_logits(peer, images)
        tolerance = 1e-5 * np.abs(expected).max()
        np.testing.assert_allclose(np.asarray(model(images)), expected, rtol=0, atol=tolerance)


def test_dropout_follows_each_of_the_99_convolutions_but_the_first():
    model = kzoo.create_model(NAME, dropout_rate=0.2)
    drops = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert len(drops) == 98
    assert {layer.rate for layer in drops} == {0.2}
