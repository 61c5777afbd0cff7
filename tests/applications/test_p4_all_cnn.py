"""All-CNN-C on groups and beside them: its size, its logits under rotations and reflections."""

import keras
import numpy as np
import pytest

import kzoo
from tests.applications.group_models import (
    build,
    change,
    flip,
    images,
    rotation,
    rotation_by_45,
)

NAMES = ("p4_all_cnn_c", "p4m_all_cnn_c")


# Counted from the authors' code; Table 2 of the paper has 1.37 M, 1.37 M and 1.22 M.
@pytest.mark.parametrize(
    ("name", "parameters", "downsample"),
    [
        ("z2_all_cnn_c", 1_372_254, "published"),
        ("p4_all_cnn_c", 1_371_006, "published"),
        ("p4_all_cnn_c", 1_371_006, "equivariant"),
        ("p4m_all_cnn_c", 1_219_678, "published"),
        ("p4m_all_cnn_c", 1_219_678, "equivariant"),
    ],
)
def test_parameters(name, parameters, downsample):
    model = kzoo.create_model(name, downsample=downsample)
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == parameters


@pytest.mark.parametrize("size", [(32, 32), (17, 17), (20, 22), (12, 15)])
@pytest.mark.parametrize("name", NAMES)
def test_equivariant_downsampling_is_exact(name, size):
    model = build(name, downsample="equivariant", input_shape=(*size, 3))
    other = build(name, downsample="equivariant", input_shape=(*size[::-1], 3))
    other.set_weights(model.get_weights())
    inputs = images(*size, 3)
    logits = np.asarray(model(inputs))
    for quarters in (1, 2, 3):
        turned = np.asarray((model if quarters == 2 else other)(rotation(quarters)(inputs)))
        assert np.abs(turned - logits).max() < 1e-5 * np.abs(logits).max()
    assert change(model, inputs, rotation_by_45) > 1e-3
    flipped = change(model, inputs, flip)
    assert flipped < 1e-5 if name.startswith("p4m") else flipped > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_published_downsampling_is_not(name):
    """On 32 x 32 inputs the logits change by a few per cent; on 33 x 33 all maps are odd."""
    model = build(name, input_shape=(None, None, 3))
    assert 1e-3 < change(model, images(32, 32, 3), rotation(1)) < 0.2
    assert change(model, images(33, 33, 3), rotation(1)) < 1e-5


def test_the_planar_network_is_that_of_one_element():
    """p4 with kernels that are zero but for the rotation that they stand at, so that none mixes."""
    planar = build("z2_all_cnn_c", width=0.5)
    group = build("p4_all_cnn_c")
    assert planar.get_layer("l1.conv").filters == group.get_layer("l1.conv").filters
    for layer in planar.layers:
        weights = layer.get_weights()
        if layer.name.endswith(".conv") and layer.name != "l1.conv":
            kernel = np.zeros(group.get_layer(layer.name).get_weights()[0].shape, "float32")
            kernel[:, :, 0] = weights[0]
            weights[0] = kernel
        if weights:
            group.get_layer(layer.name).set_weights(weights)
    upright = keras.Model(group.input, group.get_layer("l9.relu").output[..., 0, :])
    planar = keras.Model(planar.input, planar.get_layer("l9.relu").output)
    inputs = images(32, 32, 3)
    expected = np.asarray(planar(inputs))
    outputs = np.asarray(upright(inputs))
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", NAMES)
def test_both_downsamplings_halve_alike(name):
    for size in (32, 30, 31, 17, 2, 1):
        shapes = {
            kzoo.create_model(
                name, downsample=downsample, include_top=False, input_shape=(size, size, 3)
            ).output_shape
            for downsample in ("published", "equivariant")
        }
        quarter = -(-size // 4)
        assert shapes == {(None, quarter, quarter, 96 if name == "p4_all_cnn_c" else 64)}


@pytest.mark.parametrize("downsample", ["published", "equivariant"])
def test_channels_first(downsample):
    inputs = images(18, 18, 3)
    options = {"downsample": downsample}
    last = build("p4_all_cnn_c", input_shape=(18, 18, 3), **options)
    keras.config.set_image_data_format("channels_first")
    first = build("p4_all_cnn_c", input_shape=(3, 18, 18), **options)
    first.set_weights(last.get_weights())
    expected = np.asarray(last(inputs))
    outputs = np.asarray(first(np.moveaxis(inputs, -1, 1)))
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_dropout():
    def dropouts(**options):
        layers = kzoo.create_model("p4_all_cnn_c", **options).layers
        return [layer for layer in layers if isinstance(layer, keras.layers.Dropout)]

    assert [layer.rate for layer in dropouts()] == [0.2, 0.5, 0.5]
    rates = [layer.rate for layer in dropouts(dropout_rate=0.1, input_dropout_rate=0.0)]
    assert rates == [0.0, 0.1, 0.1]
    for layer in dropouts()[1:]:
        dropped = np.asarray(layer(np.ones((2, 5, 5, 4, 3)), training=True)) == 0
        np.testing.assert_array_equal(dropped, np.repeat(dropped[:, :, :, :1], 4, axis=3))
        assert 0.2 < dropped.mean() < 0.8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"downsample": "blur"}, "downsample must be one of 'published', 'equivariant'.*'blur'"),
        (
            {"downsample": "equivariant", "input_shape": (None, 32, 3)},
            r"needs a known input size.*received a map of \(None, 32\)",
        ),
        ({"conv": "gabor"}, "p4m_all_cnn_c takes no conv='gabor'"),
    ],
)
def test_refused(options, message):
    with pytest.raises(ValueError, match=message):
        kzoo.create_model("p4m_all_cnn_c", **options)


def test_equivariant_downsampling_of_the_planar_network_is_refused():
    with pytest.raises(ValueError, match="'equivariant' has no use in z2_all_cnn_c.*leave it out"):
        kzoo.create_model("z2_all_cnn_c", downsample="equivariant")
