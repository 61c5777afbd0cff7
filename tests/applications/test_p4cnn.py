"""The networks for rotated MNIST: their sizes, and their logits under rotations."""

import keras
import numpy as np
import pytest

import kzoo
from kzoo.layers import GroupEquivariantConv2D, LiftingConv2D
from tests.applications.group_models import (
    build,
    change,
    flip,
    images,
    rotation,
    rotation_by_45,
)

EQUIVARIANT = ("p4cnn_rotation_pooling", "p4cnn")


# Counted from the authors' code: convolutions with biases, and gamma and beta of six norms.
@pytest.mark.parametrize(
    ("name", "convolutions", "norms"),
    [
        ("z2cnn", 21_510, 240),
        ("p4cnn_rotation_pooling", 21_510, 240),
        ("p4cnn", 24_560, 120),
    ],
)
def test_parameters(name, convolutions, norms):
    model = kzoo.create_model(name)
    count = {True: 0, False: 0}
    for layer in model.layers:
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        count[is_norm] += sum(int(np.prod(w.shape)) for w in layer.trainable_weights)
    assert count == {True: norms, False: convolutions}


@pytest.mark.parametrize(("height", "width"), [(28, 28), (30, 34)])
@pytest.mark.parametrize("name", EQUIVARIANT)
def test_logits_do_not_change_with_rotations(name, height, width):
    model = build(name, input_shape=(None, None, 1))
    inputs = images(height, width, 1)
    for quarters in (1, 2, 3):
        assert change(model, inputs, rotation(quarters)) < 1e-5
    assert change(model, inputs, rotation_by_45) > 1e-2
    assert change(model, inputs, flip) > 1e-2


def test_logits_of_the_planar_network_change():
    assert change(build("z2cnn"), images(28, 28, 1), rotation(1)) > 1e-2


@pytest.mark.parametrize("name", EQUIVARIANT)
def test_features_turn_with_the_image(name):
    model = build(name, include_top=False, input_shape=(32, 32, 1))
    inputs = images(32, 32, 1)
    features = np.asarray(model(inputs))
    assert features.shape == (2, 6, 6, 10 if name == "p4cnn" else 20)
    turned = np.asarray(model(rotation(1)(inputs)))
    np.testing.assert_allclose(turned, rotation(1)(features), rtol=0, atol=1e-5 * features.max())


@pytest.mark.parametrize("readout", ["invariant", "upright"])
@pytest.mark.parametrize("name", EQUIVARIANT)
def test_channels_first(name, readout):
    inputs = images(28, 28, 1)
    last = build(name, readout=readout)
    keras.config.set_image_data_format("channels_first")
    first = build(name, readout=readout)
    first.set_weights(last.get_weights())
    expected = np.asarray(last(inputs))
    outputs = np.asarray(first(np.moveaxis(inputs, -1, 1)))
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", EQUIVARIANT)
def test_upright_readout_tells_rotations_apart(name, tmp_path):
    """The invariant logits are the largest of the upright ones of the four rotations."""
    model, invariant = build(name, readout="upright"), build(name)
    invariant.set_weights(model.get_weights())
    inputs = images(28, 28, 1)
    upright = [np.asarray(model(rotation(quarters)(inputs))) for quarters in range(4)]
    assert np.abs(upright[1] - upright[0]).max() > 1e-2 * np.abs(upright[0]).max()
    expected = np.asarray(invariant(inputs))
    np.testing.assert_allclose(
        np.max(upright, axis=0), expected, rtol=0, atol=1e-5 * np.abs(expected).max()
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(loaded(inputs)), upright[0])


@pytest.mark.parametrize("name", EQUIVARIANT)
def test_upright_networks_take_weights_and_new_heads(name, tmp_path):
    """Between its classifier and its end is an operation that is no layer."""
    path, inputs = tmp_path / "model.keras", images(28, 28, 1)
    model = build(name, readout="upright")
    model.save(path)
    options = {"readout": "upright", "weights": path}
    loaded = kzoo.create_model(name, classifier_activation=None, **options)
    np.testing.assert_array_equal(np.asarray(loaded(inputs)), np.asarray(model(inputs)))
    with pytest.warns(UserWarning, match="initial values of top"):
        three = kzoo.create_model(name, classes=3, **options)
    assert three.output_shape == kzoo.replace_head(model, 3).output_shape == (None, 3)
    frozen = kzoo.freeze(three)
    assert {variable.path.split("/")[0] for variable in frozen.trainable_variables} == {"top"}


@pytest.mark.parametrize(
    ("name", "readout", "message"),
    [
        ("p4cnn", "max", "readout must be one of 'invariant', 'upright'; received 'max'"),
        ("z2cnn", "upright", "no use in z2cnn, which has no rotations to read"),
    ],
)
def test_refused_readouts(name, readout, message):
    with pytest.raises(ValueError, match=message):
        kzoo.create_model(name, readout=readout)


@pytest.mark.parametrize("name", EQUIVARIANT)
def test_odd_sizes_are_warned_of(name):
    with pytest.warns(UserWarning, match="logits change with rotations"):
        kzoo.create_model(name, input_shape=(29, 28, 1))
    kzoo.create_model("z2cnn", input_shape=(29, 29, 1))


def test_layers_and_norms_act_on_the_group():
    model = kzoo.create_model("p4cnn")
    kinds = [type(model.get_layer(f"l{i}.conv")) for i in range(1, 7)]
    assert kinds == [LiftingConv2D] + [GroupEquivariantConv2D] * 5
    assert model.get_layer("l1.conv").output.shape == (None, 26, 26, 4, 10)
    assert model.get_layer("l3.bn").gamma.shape == (10,)
    assert model.get_layer("top").get_kernel().shape == (4, 4, 4, 10, 10)


@pytest.mark.parametrize(("name", "rate"), [("z2cnn", 0.3), (EQUIVARIANT[0], 0), ("p4cnn", 0)])
def test_dropout(name, rate):
    def rates(**options):
        layers = kzoo.create_model(name, **options).layers
        return [layer.rate for layer in layers if isinstance(layer, keras.layers.Dropout)]

    assert rates() == [rate] * 5 * bool(rate)
    assert rates(dropout_rate=0.1) == [0.1] * 5
    assert rates(dropout_rate=0.0) == []


def test_dropout_masks_are_shared_by_the_planes():
    model = kzoo.create_model("p4cnn", dropout_rate=0.5)
    dropout = model.get_layer("l1.drop")
    dropped = np.asarray(dropout(np.ones((2, 5, 5, 4, 3)), training=True)) == 0
    np.testing.assert_array_equal(dropped, np.repeat(dropped[:, :, :, :1], 4, axis=3))
    assert 0.2 < dropped.mean() < 0.8


def test_head_is_in_single_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    for name in ("z2cnn", *EQUIVARIANT):
        model = kzoo.create_model(name)
        assert model.get_layer("l6.conv").compute_dtype == "bfloat16"
        assert model.get_layer("top").compute_dtype == "float32"
        assert model.output.dtype == "float32"


def test_a_convolution_of_the_users_own():
    made = []

    def convolution(filters, kernel_size, *, strides, padding, dilation_rate, use_bias, name):
        made.append(name)
        return keras.layers.Conv2D(
            filters, kernel_size, strides=strides, padding=padding, use_bias=use_bias, name=name
        )

    kzoo.create_model("z2cnn", conv=convolution)
    assert made == [*(f"l{i}.conv" for i in range(1, 7)), "top"]
    for name in EQUIVARIANT:
        with pytest.raises(ValueError, match=f"{name} takes no conv=.*equivariant already"):
            kzoo.create_model(name, conv="tiled")


def test_inputs_that_are_too_small_are_refused():
    with pytest.raises(ValueError, match="p4cnn needs an input of at least 28 x 28"):
        kzoo.create_model("p4cnn", input_shape=(27, 28, 1))
