import keras
import numpy as np
import pytest

import kzoo


def pictures(count, seed):
    """Return bright or dark stripes across or along the image, and which of the two."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    stripes = np.tile(np.repeat([0.0, 255.0], 4), 4)[:, None] * np.ones((32, 32))
    images = np.where(labels[:, None, None] == 1, stripes, stripes.T)[..., None]
    return np.clip(images + rng.normal(0, 20, (count, 32, 32, 3)), 0, 255), labels


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    model = kzoo.create_model("resnet20_cifar", classes=2)
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    model.fit(*pictures(128, 0), batch_size=16, epochs=2, verbose=0)
    return model


def test_the_file_agrees_with_the_model_and_is_small(model, tmp_path):
    images, _ = pictures(32, 1)
    report = kzoo.export_int8(model, tmp_path / "model.tflite", images, minimum_agreement=0.95)
    assert report.images == 32
    assert report.agreement >= 0.95
    assert report.largest_difference < 0.2
    assert report.size == report.path.stat().st_size
    assert report.size < report.model_size / 2


def test_a_fused_model_agrees_too(model, tmp_path):
    images, _ = pictures(16, 1)
    report = kzoo.export_int8(kzoo.fuse(model), tmp_path / "model.tflite", images)
    assert report.agreement >= 0.9


def test_a_disagreement_is_refused_unless_asked_for(tmp_path, monkeypatch):
    image = keras.Input((8, 8, 1))
    outputs = keras.layers.Dense(2, name="predictions")(keras.layers.Flatten()(image))
    model = keras.Model(image, outputs, name="tiny")
    # Two classes that 8 bits cannot tell apart: they differ by a thousandth of their size.
    kernel = np.ones((64, 1)) * [[1.0, 1.001]]
    model.layers[-1].set_weights([kernel, np.zeros(2)])
    images = np.random.default_rng(0).uniform(1, 255, (8, 8, 8, 1))
    path = tmp_path / "tiny.tflite"
    with pytest.raises(ValueError, match="the 8-bit tiny finds the model's class for .* nothing"):
        kzoo.export_int8(model, path, images)
    assert not path.exists()
    report = kzoo.export_int8(model, path, images, minimum_agreement=0)
    assert path.exists()
    assert report.agreement < 0.9


def test_bad_arguments_are_refused(tmp_path, monkeypatch):
    model = kzoo.create_model("lenet5")
    path, images = tmp_path / "lenet5.tflite", np.zeros((1, 28, 28, 1))
    with pytest.raises(ValueError, match="path must end in '.tflite'"):
        kzoo.export_int8(model, tmp_path / "lenet5.onnx", images)
    inputs = keras.Input((4,))
    one = keras.Model(inputs, keras.layers.Dense(1)(inputs), name="one")
    with pytest.raises(ValueError, match="one has one output, which is always the largest: give"):
        kzoo.export_int8(one, path, np.ones((2, 4), "float32"))
    with pytest.raises(ValueError, match="minimum_agreement must be in 0..1; received 90"):
        kzoo.export_int8(model, path, images, minimum_agreement=90)
    with pytest.raises(ValueError, match="images must be of shape"):
        kzoo.export_int8(model, path, images[0])
    with pytest.raises(ValueError, match="images must be of shape"):
        kzoo.export_int8(model, path, np.zeros((0, *model.input_shape[1:])))
    with pytest.raises(ValueError, match="export_int8 takes a classifier"):
        kzoo.export_int8(kzoo.create_model("resnet20_cifar", include_top=False), path, images)
    with pytest.raises(TypeError, match="model must be a keras.Model"):
        kzoo.export_int8("lenet5", path, images)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="needs the TensorFlow backend; received 'jax'"):
        kzoo.export_int8(model, path, images)


def test_pooling_that_is_padded_by_minus_infinity(tmp_path):
    image = keras.Input((9, 9, 3))
    x = kzoo.layers.ConstantPadding2D(((1, 2), (1, 2)), -np.inf)(image)
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D(3, 2)(x))
    inner = keras.Model(image, keras.layers.Dense(2)(x))
    model = keras.Model(image, inner(image), name="padded")
    # All below zero, so that padding by zeros would be seen.
    images = np.random.default_rng(0).uniform(-2, -1, (50, 9, 9, 3))
    report = kzoo.export_int8(model, tmp_path / "padded.tflite", images)
    outputs = model.predict(images, verbose=0)
    assert report.largest_difference < 0.03 * np.abs(outputs).max()
