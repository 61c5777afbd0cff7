"""What is ConvNeXt's own: dense layers on channels-last maps, 1x1 convolutions on others."""

import keras
import numpy as np
import pytest

import kzoo
from tests.peers import build_counterpart, randomise, torch_logits, write_state_dict


@pytest.fixture
def channels_first():
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


def test_channels_first_takes_the_same_weights(channels_first, tmp_path):
    peer = randomise(build_counterpart("convnext_tiny", 7))
    model = kzoo.create_model(
        "convnext_tiny",
        weights=write_state_dict(peer, tmp_path / "weights.safetensors"),
        classes=7,
        classifier_activation=None,
        include_preprocessing=False,
        input_shape=(3, 32, 32),
    )
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    expected = torch_logits(peer, images)
    logits = np.asarray(model(np.moveaxis(images, -1, 1)))
    assert np.abs(logits - expected).max() <= 1e-5 * np.abs(expected).max()


def test_pointwise_layers_are_dense_on_channels_last_maps():
    model = kzoo.create_model("convnext_tiny", input_shape=(32, 32, 3))
    assert isinstance(model.get_layer("stages.0.blocks.0.mlp.fc1"), keras.layers.Dense)


def test_stochastic_depth_grows_with_depth():
    model = kzoo.create_model("convnext_atto", input_shape=(32, 32, 3), drop_path_rate=0.11)
    rates = [layer.rate for layer in model.layers if layer.name.endswith("drop_path")]
    np.testing.assert_allclose(rates, np.arange(1, 12) / 100)
