import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import kzoo
from tests.peers import randomise, torch_logits, write_state_dict
from tests.torch_resnet_cifar import resnet_cifar


@pytest.fixture(scope="module")
def cifar_peer(tmp_path_factory):
    peer = randomise(resnet_cifar(3))
    return peer, write_state_dict(peer, tmp_path_factory.mktemp("cifar") / "r20.safetensors")


def test_cifar_resnet_gives_the_logits_of_one_written_in_pytorch(cifar_peer):
    peer, path = cifar_peer
    model = kzoo.create_model(
        "resnet20_cifar", weights=path, classifier_activation=None, include_preprocessing=False
    )
    images = np.random.default_rng(0).normal(size=(3, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(
        np.asarray(model(images)), torch_logits(peer, images), rtol=1e-5, atol=1e-5
    )


def test_preprocessing_normalises_0_255_with_the_cifar10_statistics(cifar_peer):
    peer, path = cifar_peer
    model = kzoo.create_model("resnet20_cifar", weights=path, classifier_activation=None)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype="uint8")
    normalised = (images / 255 - [0.4914, 0.4822, 0.4465]) / [0.2470, 0.2435, 0.2616]
    np.testing.assert_allclose(
        np.asarray(model(images)),
        torch_logits(peer, normalised.astype("float32")),
        rtol=1e-4,
        atol=1e-4,
    )


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_dense_after_flatten_takes_channels_first_weights(tmp_path, data_format):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    parts = {"c1": nn.Conv2d(1, 6, 5), "c3": nn.Conv2d(6, 16, 5), "c5": nn.Linear(400, 120)}
    parts |= {"f6": nn.Linear(120, 84), "output": nn.Linear(84, 10)}

    class LeNet(nn.Module):
        def __init__(self):
            super().__init__()
            for name, part in parts.items():
                self.add_module(name, part)

        def forward(self, x):
            for name in ("c1", "c3"):
                x = nn.functional.avg_pool2d(torch.tanh(parts[name](x)), 2)
            x = torch.tanh(parts["c5"](x.flatten(1)))
            return parts["output"](torch.tanh(parts["f6"](x)))

    peer = randomise(LeNet())
    path = write_state_dict(peer, tmp_path / "lenet5.safetensors")
    keras.config.set_image_data_format(data_format)
    model = kzoo.create_model(
        "lenet5", weights=path, classifier_activation=None, include_preprocessing=False
    )
    images = np.random.default_rng(0).normal(size=(3, 32, 32, 1)).astype("float32")
    given = images if data_format == "channels_last" else np.moveaxis(images, -1, 1)
    np.testing.assert_allclose(
        np.asarray(model(given)), torch_logits(peer, images), rtol=1e-5, atol=1e-5
    )


def test_report_of_a_complete_load(cifar_peer):
    _, path = cifar_peer
    report = kzoo.load_weights(kzoo.create_model("resnet20_cifar"), path)
    arrays = {name for name in load_file(path) if not name.endswith("num_batches_tracked")}
    assert set(report.loaded) == arrays
    assert report.reinitialised == report.unused == ()
    assert str(report) == f"loaded {len(arrays)} arrays"


def test_another_number_of_classes_reinitialises_the_head_and_says_so(cifar_peer):
    _, path = cifar_peer
    model = kzoo.create_model("resnet20_cifar", classes=3)
    head = model.get_layer("fc").get_weights()
    with pytest.warns(UserWarning, match="kept the initial values of fc.weight, fc.bias"):
        report = kzoo.load_weights(model, path)
    assert report.reinitialised == ("fc.weight", "fc.bias")
    for before, after in zip(head, model.get_layer("fc").get_weights()):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(
        model.get_layer("layer3.2.bn2").gamma.numpy(), load_file(path)["layer3.2.bn2.weight"]
    )


def test_without_the_top_the_classifier_is_left_over_and_said_so(cifar_peer):
    _, path = cifar_peer
    with pytest.warns(UserWarning, match="left unused fc.bias, fc.weight"):
        kzoo.create_model("resnet20_cifar", include_top=False, weights=path)


def altered(path, tmp_path, change):
    arrays = load_file(path)
    change(arrays)
    save_file(arrays, tmp_path / "altered.safetensors")
    return tmp_path / "altered.safetensors"


def refused(match, path, **options):
    model = kzoo.create_model("resnet20_cifar", **options)
    before = model.get_weights()
    with pytest.raises(ValueError, match=match):
        kzoo.load_weights(model, path)
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, new)


def test_a_missing_array_is_refused_and_nothing_is_loaded(cifar_peer, tmp_path):
    path = altered(cifar_peer[1], tmp_path, lambda arrays: arrays.pop("layer1.0.conv1.weight"))
    refused("does not fit .*missing layer1.0.conv1.weight; unexpected nothing", path)


def test_an_array_too_many_is_refused(cifar_peer, tmp_path):
    path = altered(
        cifar_peer[1], tmp_path, lambda arrays: arrays.update(extra=np.zeros(2, "float32"))
    )
    refused("unexpected extra", path)


def test_another_depth_is_refused_with_a_short_list(cifar_peer):
    model = kzoo.create_model("resnet32_cifar")
    with pytest.raises(ValueError, match="missing layer1.3.bn1.bias, .* and .* more"):
        kzoo.load_weights(model, cifar_peer[1])


def test_without_the_top_a_deeper_network_is_refused(cifar_peer):
    with pytest.raises(ValueError, match="unexpected layer1.2.bn1.bias, .* and .* more"):
        kzoo.create_model("resnet20_cifar", include_top=False, depth=2 / 3, weights=cifar_peer[1])


def test_another_shape_is_refused(cifar_peer, tmp_path):
    path = altered(
        cifar_peer[1],
        tmp_path,
        lambda arrays: arrays.update({"layer1.0.bn1.bias": np.zeros(5, "float32")}),
    )
    refused(r"layer1.0.bn1.bias has shape \(5,\)", path)


def test_another_convolution_is_refused(cifar_peer):
    refused("TiledConv2D, which has no counterpart", cifar_peer[1], conv="tiled")


def test_a_truncated_file_is_refused(cifar_peer, tmp_path):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(cifar_peer[1].read_bytes()[:-100])
    refused("is damaged or no safetensors file", path)


def test_a_missing_file_is_refused():
    with pytest.raises(FileNotFoundError, match="there is no weights file nowhere.safetensors"):
        kzoo.create_model("resnet20_cifar", weights="nowhere.safetensors")


def test_something_else_than_a_model_is_refused():
    with pytest.raises(TypeError, match="model must be a keras.Model"):
        kzoo.load_weights("resnet18", "file.safetensors")
