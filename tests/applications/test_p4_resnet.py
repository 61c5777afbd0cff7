"""Residual networks on p4m: their logits and maps under rotations and reflections."""

import keras
import numpy as np
import pytest
import torch
from torch.nn import functional

import kzoo
from tests.applications.group_models import build, flip, images, rotation

NAME = "p4m_resnet26"


@pytest.fixture(scope="module")
def exact():
    return build(NAME, downsample="equivariant", input_shape=(12, 12, 3))


def changes(model, size, *transforms):
    """Return the largest change of a logit under each transform, relative to the largest logit."""
    inputs = images(size, size, 3, batch=1)
    batch = np.concatenate([inputs, *(transform(inputs) for transform in transforms)])
    logits = np.asarray(model(batch))
    return np.abs(logits[1:] - logits[0]).max(axis=1) / np.abs(logits[0]).max()


def test_equivariant_downsampling_is_exact(exact):
    """Maps of 12, 6 and 3: even and odd ones."""
    assert max(changes(exact, 12, rotation(1), rotation(2), rotation(3), flip)) < 1e-5


def test_last_map_moves_with_the_image(exact):
    """Pooled over the group, every channel turns and flips as the image does."""
    bare = keras.Model(exact.input, exact.get_layer("last.relu").output)
    inputs = images(12, 12, 3, batch=1)
    batch = np.concatenate([inputs, rotation(1)(inputs), flip(inputs)])
    maps, turned, flipped = np.split(np.asarray(bare(batch)).mean(axis=3), 3)
    tolerance = 1e-5 * np.abs(maps).max()
    np.testing.assert_allclose(turned, rotation(1)(maps), rtol=0, atol=tolerance)
    np.testing.assert_allclose(flipped, flip(maps), rtol=0, atol=tolerance)


def test_published_network_is_not_invariant(exact):
    """With the same weights, neither its downsampling nor its readout is invariant."""
    model = build(NAME, readout="invariant", input_shape=(None, None, 3))
    model.set_weights(exact.get_weights())
    assert min(changes(model, 12, rotation(1), flip)) > 1e-3
    # Maps of 9, 5 and 3 are odd: strides sample them symmetrically.
    assert max(changes(model, 9, rotation(1), flip)) < 1e-5
    model = build(NAME, downsample="equivariant", readout="upright", input_shape=(12, 12, 3))
    model.set_weights(exact.get_weights())
    assert min(changes(model, 12, rotation(1), flip)) > 1e-3


def test_upright_readout_is_the_published_classifier():
    """A dense layer on the mean over space of all planes and channels."""
    model = build(NAME, input_shape=(8, 8, 3))
    maps = keras.Model(model.input, model.get_layer("last.relu").output)
    inputs = images(8, 8, 3)
    features = np.asarray(maps(inputs)).mean(axis=(1, 2))
    layer = model.get_layer("fc")
    expected = np.einsum("bgi,gio->bo", features, layer.get_kernel()[0, 0])
    expected += np.asarray(layer.bias)
    np.testing.assert_allclose(np.asarray(model(inputs)), expected, rtol=1e-4, atol=1e-5)


def norm_relu(x, model, name):
    gamma, beta, mean, variance = map(torch.tensor, model.get_layer(f"{name}.bn").get_weights())
    return functional.relu(functional.batch_norm(x, mean, variance, gamma, beta, eps=2e-5))


def convolve(x, model, name, strides=1):
    kernel, bias = map(torch.tensor, model.get_layer(name).get_weights())
    padding = kernel.shape[0] // 2
    return functional.conv2d(x, kernel.permute(3, 2, 0, 1), bias, strides, padding)


def test_the_planar_network_is_the_authors_with_pytorchs_layers():
    model = build("z2_resnet26", input_shape=(12, 12, 3), include_preprocessing=False)
    image = np.random.default_rng(0).normal(size=(1, 12, 12, 3)).astype("float32")
    x = convolve(torch.tensor(image).permute(0, 3, 1, 2), model, "conv1")
    for stage in (1, 2, 3):
        for block in range(4):
            name = f"layer{stage}.{block}"
            strides = 2 if stage > 1 and block == 0 else 1
            y = convolve(norm_relu(x, model, f"{name}.1"), model, f"{name}.conv1", strides)
            y = convolve(norm_relu(y, model, f"{name}.2"), model, f"{name}.conv2")
            x = y + (convolve(x, model, f"{name}.fiber_map", 2) if strides == 2 else x)
    x = norm_relu(x, model, "last").mean(dim=(2, 3)).numpy()
    kernel, bias = model.get_layer("fc").get_weights()
    expected = x @ kernel + bias
    np.testing.assert_allclose(
        np.asarray(model(image)), expected, rtol=0, atol=1e-5 * np.abs(expected).max()
    )


def test_channels_first():
    last = build("p4m_resnet26", downsample="equivariant", input_shape=(6, 6, 3))
    keras.config.set_image_data_format("channels_first")
    first = build("p4m_resnet26", downsample="equivariant", input_shape=(3, 6, 6))
    first.set_weights(last.get_weights())
    inputs = images(6, 6, 3, batch=1)
    expected = np.asarray(last(inputs))
    outputs = np.asarray(first(np.moveaxis(inputs, -1, 1)))
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (NAME, {"downsample": "blur"}, "downsample must be one of 'published', 'equivariant'"),
        (NAME, {"readout": "max"}, "readout must be one of 'upright', 'invariant', or None.*'max'"),
        (
            NAME,
            {"downsample": "equivariant", "input_shape": (None, 32, 3)},
            "needs a known input size",
        ),
        ("z2_resnet26", {"downsample": "equivariant"}, "a planar network has no group"),
        ("z2_resnet26", {"readout": "invariant"}, "a planar network has no group"),
        (NAME, {"conv": "gabor"}, "p4m_resnet26 takes no conv='gabor'"),
    ],
)
def test_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        kzoo.create_model(name, **options)
