import sys
import zipfile

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file

import kzoo
from kzoo.weights.files import read_arrays
from kzoo.weights.sources import find_source
from tests.weights.conftest import MODEL

ATTENTIVE = "seresnet18" if "seresnet18" in kzoo.list_models() else MODEL


def small(**options):
    return kzoo.create_model(MODEL, **options)


def same_weights(one, other):
    for old, new in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(old), np.asarray(new))


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin"])
@pytest.mark.parametrize("form", ["plain", "nested", "averaged", "parallel", "half"])
def test_state_dicts_give_the_arrays_of_safetensors(peer, peer_file, tmp_path, suffix, form):
    import torch

    state = peer.state_dict()
    content = {
        "plain": state,
        "nested": {"state_dict": state, "epoch": 3},
        "averaged": {"state_dict": {}, "state_dict_ema": state},
        "parallel": {f"module.{name}": value for name, value in state.items()},
        "half": {
            name: value.bfloat16() if value.is_floating_point() else value
            for name, value in state.items()
        },
    }[form]
    torch.save(content, tmp_path / f"file{suffix}")
    arrays, expected = read_arrays(tmp_path / f"file{suffix}"), load_file(peer_file)
    assert set(arrays) == set(expected)
    for name, array in arrays.items():
        tolerance = 2**-8 if form == "half" else 0
        np.testing.assert_allclose(array, expected[name], rtol=tolerance)
        assert array.dtype == expected[name].dtype


def test_safetensors_need_no_pytorch_and_state_dicts_do(peer, peer_file, tmp_path, monkeypatch):
    import torch

    torch.save(peer.state_dict(), tmp_path / "file.pth")
    monkeypatch.setitem(sys.modules, "torch", None)
    small(weights=peer_file)
    with pytest.raises(ImportError, match="file.pth needs PyTorch, which is not installed: inst"):
        small(weights=tmp_path / "file.pth")


def test_bfloat16_safetensors_are_read(peer, tmp_path):
    from safetensors.torch import save_file

    state = peer.state_dict()
    save_file({name: value.bfloat16() for name, value in state.items()}, tmp_path / "b.safetensors")
    arrays = read_arrays(tmp_path / "b.safetensors")
    name = "conv_stem.weight"
    np.testing.assert_array_equal(arrays[name], state[name].bfloat16().float().numpy())


class Code:
    """What a state dict has no business to hold."""


def test_state_dicts_that_are_refused(tmp_path):
    import torch

    torch.save({"a": Code()}, tmp_path / "code.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "code.pth").read_bytes()[:100])
    (tmp_path / "empty.pth").write_bytes(b"")
    for name in ("code", "cut", "empty"):
        with pytest.raises(ValueError, match=f"{name}.pth is damaged or holds more than PyTorch"):
            small(weights=tmp_path / f"{name}.pth")
    with pytest.raises(ValueError, match="list.pth holds no state dict but a list"):
        small(weights=tmp_path / "list.pth")


def test_another_kind_of_file_is_refused(tmp_path):
    (tmp_path / "weights.csv").write_text("")
    with pytest.raises(ValueError, match="weights are read from .safetensors, .pth, .*; received"):
        small(weights=tmp_path / "weights.csv")


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_files_of_keras_are_loaded_by_layer_name(tmp_path, suffix):
    shape = {"input_shape": (64, 64, 3)}
    old = kzoo.create_model(ATTENTIVE, **shape)
    path = tmp_path / f"model{suffix}"
    (old.save_weights if suffix == ".weights.h5" else old.save)(path)
    new = kzoo.create_model(ATTENTIVE, weights=str(path), **shape)
    same_weights(old, new)
    with pytest.warns(UserWarning, match="kept the initial values of [a-z]+/0, [a-z]+/1"):
        other = kzoo.create_model(ATTENTIVE, weights=path, classes=3, **shape)
    same_weights(old.layers[5], other.layers[5])
    with pytest.warns(UserWarning, match="adapted conv.*/0 to the input's channels"):
        grey = kzoo.create_model(ATTENTIVE, weights=path, input_shape=(64, 64, 1))
    kernel = next(layer for layer in old.layers if layer.weights).kernel
    ours = next(layer for layer in grey.layers if layer.weights).kernel
    np.testing.assert_allclose(ours, np.sum(kernel, axis=2, keepdims=True), atol=1e-6)


def test_files_of_keras_in_bfloat16_are_read(tmp_path):
    keras.config.set_dtype_policy("bfloat16")
    model = kzoo.create_model("lenet5", weights=None)
    keras.config.set_dtype_policy("float32")
    model.save(tmp_path / "half.keras")
    loaded = kzoo.create_model("lenet5", weights=tmp_path / "half.keras")
    for saved, read in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(saved, "float32"), read)


def test_a_file_may_be_called_as_a_tag_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "keras_mobilenet.keras"
    assert find_source(name, "keras_mobilenet").place.startswith("keras:")
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]).save(name)
    assert find_source(name, "keras_mobilenet").place == name


def test_files_of_keras_hold_any_convolution(tmp_path):
    options = {"input_shape": (32, 32, 3), "conv": "tiled"}
    old = kzoo.create_model("resnet20_cifar", **options)
    old.save(tmp_path / "tiled.keras")
    same_weights(
        old, kzoo.create_model("resnet20_cifar", weights=tmp_path / "tiled.keras", **options)
    )
    with pytest.raises(ValueError, match="does not fit resnet20_cifar: .* shape .* other options"):
        kzoo.create_model("resnet20_cifar", weights=tmp_path / "tiled.keras")


def test_files_of_keras_tell_how_images_are_normalised(tmp_path):
    path = tmp_path / "half.keras"
    half = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
    old = kzoo.create_model("resnet20_cifar", **half)
    old.save(path)
    new = kzoo.create_model("resnet20_cifar", weights=path)
    x = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(new(x), old(x), atol=1e-6)
    with pytest.warns(UserWarning, match="normalises its input otherwise than .*half.keras exp"):
        kzoo.load_weights(kzoo.create_model("resnet20_cifar"), str(path))


def test_a_file_of_a_network_that_moves_otherwise_is_refused(tmp_path):
    path = str(tmp_path / "small.keras")
    options = {"input_shape": (32, 32, 3), "classes": 10}
    small = kzoo.create_model("mobilenetv2_035", stem="small", **options)
    small.save(path)
    with pytest.raises(ValueError, match=r"strides \[1, 1\], and the model's \[2, 2\]; build"):
        kzoo.create_model("mobilenetv2_035", weights=path, **options)
    same_weights(small, kzoo.create_model("mobilenetv2_035", stem="small", weights=path, **options))


def test_a_damaged_file_of_keras_is_refused_when_it_is_named(tmp_path):
    (tmp_path / "no.keras").write_text("nothing")
    with pytest.raises(ValueError, match="no.keras is damaged or no file of Keras 3"):
        kzoo.create_model("resnet20_cifar", weights=tmp_path / "no.keras")


def test_files_of_keras_that_are_refused(tmp_path):
    for name in ("no.weights.h5", "no.keras"):
        (tmp_path / name).write_bytes(b"nothing")
        with pytest.raises(ValueError, match=f"{name} is damaged or no file of Keras 3"):
            small(weights=tmp_path / name)
        with pytest.raises(FileNotFoundError, match="there is no weights file"):
            small(weights=f"nowhere/{name}")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(ValueError, match="empty.keras is damaged or no file of Keras 3"):
        small(weights=tmp_path / "empty.keras")
