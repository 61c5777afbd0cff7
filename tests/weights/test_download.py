import hashlib
import json

import numpy as np
import pytest

import kzoo
from kzoo.weights import download, tags
from tests.peers import torch_logits
from tests.weights.conftest import COMMIT, MODEL, REPOSITORY, TAG, fill_cache

PLACE = f"/{REPOSITORY}/resolve/main/model.safetensors"


def logits(weights, images, **options):
    model = kzoo.create_model(
        MODEL, weights=weights, classifier_activation=None, include_preprocessing=False, **options
    )
    return np.asarray(model(images))


def test_a_tag_is_downloaded_once_and_gives_timms_logits(hub, peer, peer_file):
    hub.files[PLACE] = peer_file.read_bytes()
    size = kzoo.model_info(MODEL).input_shape[0]
    images = np.random.default_rng(0).normal(size=(2, size, size, 3)).astype("float32")
    expected = torch_logits(peer, images)
    for weights in (TAG, "imagenet", f"{MODEL}.{TAG}", f"hf-hub:{REPOSITORY}"):
        ours = logits(weights, images)
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    assert hub.requests.count(("GET", PLACE)) == 1


def test_a_revision_is_asked_for(hub, peer_file):
    place = f"/{REPOSITORY}/resolve/v2/model.safetensors"
    hub.files[place] = peer_file.read_bytes()
    assert download.fetch_from_hub(REPOSITORY, "v2").is_file()
    assert ("GET", place) in hub.requests


def test_a_cached_file_is_used_offline(hub_cache, peer_file):
    path = fill_cache(hub_cache, peer_file.read_bytes())
    assert download.fetch_from_hub(REPOSITORY, None) == path


def test_without_connection_and_cache_the_message_says_so(hub_cache):
    with pytest.raises(kzoo.weights.WeightsError, match="not in the local cache, and the hub"):
        kzoo.create_model(MODEL, weights=TAG)


def test_a_damaged_file_in_the_cache_is_deleted(hub_cache, peer_file):
    content = peer_file.read_bytes()
    name = hashlib.sha256(content).hexdigest()
    path = fill_cache(hub_cache, content[:-4] + b"\0\0\0\1", name)
    blob = path.resolve()
    with pytest.raises(ValueError, match="was damaged: its digest is not the hub's. It was del"):
        kzoo.create_model(MODEL, weights=TAG)
    assert not blob.exists()
    assert not path.is_symlink()


def test_what_the_hub_sends_is_held_to_its_digest(hub, peer_file):
    hub.files[PLACE] = peer_file.read_bytes()
    hub.digest = "0" * 64
    with pytest.raises(ValueError, match="was damaged"):
        kzoo.create_model(MODEL, weights=TAG)
    assert not list(hub.cache.rglob("blobs/0*"))


def test_a_download_cut_off_is_refused_and_not_used(hub, peer_file, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    hub.files[PLACE], hub.cut = peer_file.read_bytes(), 1000
    with pytest.raises(ValueError, match="could not be downloaded; nothing incomplete is kept"):
        kzoo.create_model(MODEL, weights=TAG)
    assert not list(hub.cache.rglob("model.safetensors"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("hf-hub:nobody/nothing", "there is no repository nobody/nothing on the hub"),
        ("hf-hub:timm/x@unknown", "timm/x has no revision 'unknown'"),
        ("hf-hub:timm/gated", "hf-hub:timm/gated asks for its terms to be accepted on the hub"),
        ("hf-hub:timm/x", "hf-hub:timm/x has no file model.safetensors"),
        ("hf-hub:x", "is hf-hub:owner/repository or hf-hub:owner/repository@revision; received"),
    ],
)
def test_sources_on_the_hub_that_are_refused(hub, source, message):
    with pytest.raises(kzoo.weights.WeightsError, match=message):
        kzoo.create_model(MODEL, weights=source)


def test_a_repository_that_kzoo_does_not_know_says_its_statistics_and_classes(hub_cache, peer_file):
    content = json.dumps(
        {"num_classes": 1000, "pretrained_cfg": {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}}
    ).encode()
    # Git's digest of a file that is not in large-file storage.
    name = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    fill_cache(hub_cache, content, name, "me/mine", "config.json")
    fill_cache(hub_cache, peer_file.read_bytes(), None, "me/mine")
    model = kzoo.create_model(MODEL, weights="hf-hub:me/mine")
    layer = model.get_layer("preprocessing")
    np.testing.assert_allclose(layer.input_mean, np.array([0.1, 0.2, 0.3]) * 255)
    np.testing.assert_allclose(layer.input_variance, (np.array([0.4, 0.5, 0.6]) * 255) ** 2)


def fetch(server, monkeypatch, tmp_path, sha256):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("KZOO_HOME", str(tmp_path / "home"))
    return download.fetch_from_address(f"{server.address}/a-{sha256}.pth", sha256)


def test_an_address_is_fetched_once_and_held_to_the_digits_in_its_name(
    server, monkeypatch, tmp_path
):
    digits = hashlib.sha256(b"weights").hexdigest()[:8]
    server.files[f"/a-{digits}.pth"] = b"weights"
    for _ in range(2):
        path = fetch(server, monkeypatch, tmp_path, digits)
    assert path == tmp_path / "home" / "weights" / f"a-{digits}.pth"
    assert path.read_bytes() == b"weights"
    assert len(server.requests) == 1
    path.write_bytes(b"weighty")
    with pytest.raises(ValueError, match=f"SHA-256 does not begin with {digits}, as published. It"):
        fetch(server, monkeypatch, tmp_path, digits)
    assert not path.exists()


def test_an_address_cut_off_leaves_nothing(server, monkeypatch, tmp_path):
    server.files["/a-00000000.pth"], server.cut = b"weights", 3
    with pytest.raises(ValueError, match="was cut off after 4 of 7 bytes; nothing was kept"):
        fetch(server, monkeypatch, tmp_path, "00000000")
    assert not list((tmp_path / "home" / "weights").iterdir())


def test_an_address_that_is_not_there_or_offline_is_refused(server, monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="could not be downloaded: HTTP Error 404"):
        fetch(server, monkeypatch, tmp_path, "00000000")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="a.pth is not in .*, and HF_HUB_OFFLINE is set"):
        download.fetch_from_address(f"{server.address}/a.pth", None)


ROW = {
    "name": "resnet20_cifar",
    "tag": "mine",
    "source": "shipped:resnet20_cifar.mine.safetensors",
    "classes": "10",
    "dataset": "CIFAR-10",
    "mean": "0.5 0.5 0.5",
    "std": "0.25 0.25 0.25",
    "interpolation": "bilinear",
    "crop": "1.0",
    "crop_mode": "center",
    "size": "32x32",
    "facts_from": "this test",
}


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A weight in half precision shipped with kzoo, with its record; returns the model it is of."""
    from safetensors.numpy import save_file

    model = kzoo.create_model("resnet20_cifar")
    arrays = {
        entry.source: np.asarray(entry.variable).astype("float16")
        for layer in model.layers
        for entry in kzoo.weights.rules.entries(layer)
    }
    for name, array in arrays.items():
        turned = np.moveaxis(array, (-1, -2), (0, 1)) if array.ndim > 1 else array
        arrays[name] = np.ascontiguousarray(turned)
    path = tmp_path / "resnet20_cifar.mine.safetensors"
    save_file(arrays, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    row = dict.fromkeys(tags.COLUMNS, "") | ROW | {"sha256": digest}
    (tmp_path / "tags.csv").write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
    monkeypatch.setattr(tags, "SHIPPED", tmp_path)
    return model


def test_a_shipped_weight_is_listed_and_loaded(shipped):
    (record,) = kzoo.list_weights("resnet20_cifar")
    assert (record.tag, record.dataset, record.top1) == ("mine", "CIFAR-10", None)
    model = kzoo.create_model("resnet20_cifar.mine")
    for new, old in zip(model.get_weights(), shipped.get_weights()):
        np.testing.assert_array_equal(new, old.astype("float16"))
    np.testing.assert_allclose(model.get_layer("preprocessing").input_mean, [127.5] * 3)
    with pytest.raises(ValueError, match="no ImageNet weights are published for resnet20_cifar"):
        kzoo.create_model("resnet20_cifar", weights="imagenet")


def test_a_damaged_shipped_weight_is_refused(shipped):
    path = tags.SHIPPED / "resnet20_cifar.mine.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(ValueError, match="as published. Install kzoo again"):
        kzoo.create_model("resnet20_cifar", weights="mine")
    assert path.exists()


def test_the_commit_of_the_cache_is_the_servers(hub, peer_file):
    hub.files[PLACE] = peer_file.read_bytes()
    assert COMMIT in str(download.fetch_from_hub(REPOSITORY, None))
