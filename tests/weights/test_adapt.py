import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import kzoo
from kzoo.weights.adapt import adapt_input_channels
from tests.peers import import_timm, randomise, torch_logits
from tests.weights.conftest import MODEL, TAG, fill_cache


@pytest.mark.parametrize("channels", [1, 2, 4, 5, 7])
def test_kernels_are_adapted_as_timm_does(channels):
    import_timm()
    import torch
    from timm.models import adapt_input_conv

    kernel = np.random.default_rng(0).normal(size=(5, 4, 3, 6)).astype("float32")
    theirs = adapt_input_conv(channels, torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()))
    np.testing.assert_allclose(
        adapt_input_channels(kernel, channels), theirs.numpy().transpose(2, 3, 1, 0), rtol=1e-6
    )


@pytest.mark.parametrize("channels", [1, 4])
def test_a_model_for_other_channels_gives_timms_logits(channels, peer, peer_file):
    import torch
    from timm.models import adapt_input_conv

    theirs = randomise(import_timm().create_model(MODEL, in_chans=channels))
    state = peer.state_dict()
    state["conv_stem.weight"] = adapt_input_conv(channels, state["conv_stem.weight"])
    theirs.load_state_dict(state)
    images = np.random.default_rng(0).uniform(0, 255, (2, 106, 106, channels)).astype("float32")
    mean, std = [0.4, 0.5, 0.6, 0.3][:channels], [0.2, 0.3, 0.25, 0.2][:channels]
    with pytest.warns(UserWarning, match="adapted conv_stem.weight to the input's channels"):
        model = kzoo.create_model(
            MODEL,
            weights=peer_file,
            classifier_activation=None,
            input_shape=(106, 106, channels),
            mean=mean,
            std=std,
        )
    with torch.no_grad():
        expected = torch_logits(theirs, ((images / 255 - mean) / std).astype("float32"))
    np.testing.assert_allclose(
        np.asarray(model(images)), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max()
    )


def test_the_report_says_what_was_adapted(peer_file):
    model = kzoo.create_model(MODEL, input_shape=(106, 106, 1), classes=3)
    with pytest.warns(UserWarning, match="adapted"):
        report = kzoo.load_weights(model, peer_file)
    assert report.adapted == ("conv_stem.weight",)
    assert report.reinitialised == ("classifier.weight", "classifier.bias")
    assert report.unused == ()
    counters = [name for name in load_file(peer_file) if name.endswith("num_batches_tracked")]
    assert len(report.loaded) == len(load_file(peer_file)) - len(counters) - 3


def test_a_file_for_other_channels_than_colour_is_not_adapted(peer_file, tmp_path):
    arrays = load_file(peer_file)
    arrays["conv_stem.weight"] = arrays["conv_stem.weight"][:, :2].copy()
    save_file(arrays, tmp_path / "two.safetensors")
    with pytest.raises(ValueError, match="file is for 2 input channels and the model takes 3"):
        kzoo.create_model(MODEL, weights=tmp_path / "two.safetensors")


def test_a_mismatch_within_the_network_is_not_adapted(peer_file, tmp_path):
    arrays = load_file(peer_file)
    arrays["conv_head.weight"] = arrays["conv_head.weight"][:, :3].copy()
    save_file(arrays, tmp_path / "inner.safetensors")
    with pytest.raises(ValueError, match="conv_head.weight has shape .* for 3 input channels"):
        kzoo.create_model(MODEL, weights=tmp_path / "inner.safetensors")


@pytest.mark.parametrize("conv", ["gabor", "fft"])
def test_convolutions_with_the_same_kernels_take_the_weights(conv, peer_file):
    model = kzoo.create_model(MODEL, conv=conv, weights=peer_file)
    kernel = load_file(peer_file)["conv_stem.weight"]
    np.testing.assert_array_equal(model.get_layer("conv_stem").kernel, kernel.transpose(2, 3, 1, 0))


def test_another_convolution_refuses_a_tag(hub_cache, peer_file):
    fill_cache(hub_cache, peer_file.read_bytes())
    with pytest.raises(ValueError, match="is a TiledConv2D, which has no counterpart"):
        kzoo.create_model(MODEL, conv="tiled", weights=TAG)


def record_with(monkeypatch, **changes):
    """Change the record of the tag."""
    import dataclasses

    from kzoo.weights import sources

    record = dataclasses.replace(kzoo.list_weights(MODEL)[0], **changes)
    monkeypatch.setattr(sources, "records_of", lambda name: (record,) if name == MODEL else ())
    return record


def test_the_input_is_normalised_as_the_tags_weights_expect(hub_cache, peer_file, monkeypatch):
    import dataclasses

    fill_cache(hub_cache, peer_file.read_bytes())
    inputs = kzoo.list_weights(MODEL)[0].preprocessing
    inputs = dataclasses.replace(inputs, mean=(0.1, 0.2, 0.6), std=(0.4, 0.5, 0.6))
    record_with(monkeypatch, preprocessing=inputs)
    layer = kzoo.create_model(MODEL, weights=TAG).get_layer("preprocessing")
    np.testing.assert_allclose(layer.input_mean, np.array([0.1, 0.2, 0.6]) * 255)
    np.testing.assert_allclose(np.sqrt(layer.input_variance), np.array([0.4, 0.5, 0.6]) * 255)
    with pytest.warns(UserWarning, match="adapted"):
        grey = kzoo.create_model(MODEL, weights=TAG, input_shape=(106, 106, 1))
    np.testing.assert_allclose(grey.get_layer("preprocessing").input_mean, [0.3 * 255])
    own = kzoo.create_model(MODEL, weights=TAG, mean=[0.5] * 3, std=[0.5] * 3)
    np.testing.assert_allclose(own.get_layer("preprocessing").input_mean, [127.5] * 3)
    with pytest.warns(UserWarning, match="normalises its input otherwise than in1k expects, with"):
        kzoo.load_weights(kzoo.create_model(MODEL), TAG)


def test_the_number_of_classes_is_that_of_the_tag(hub_cache, tmp_path, peer_file, monkeypatch):
    arrays = load_file(peer_file)
    for name in ("classifier.weight", "classifier.bias"):
        arrays[name] = np.concatenate([arrays[name], arrays[name][:5]])
    save_file(arrays, tmp_path / "more.safetensors")
    fill_cache(hub_cache, (tmp_path / "more.safetensors").read_bytes())
    record_with(monkeypatch, classes=1005)
    assert kzoo.create_model(MODEL, weights=TAG).output_shape == (None, 1005)
    with pytest.warns(UserWarning, match="kept the initial values of classifier.weight"):
        assert kzoo.create_model(MODEL, weights=TAG, classes=4).output_shape == (None, 4)


def test_weights_without_a_classifier_leave_a_new_one(hub_cache, tmp_path, peer_file, monkeypatch):
    arrays = load_file(peer_file)
    arrays = {name: array for name, array in arrays.items() if not name.startswith("classifier")}
    save_file(arrays, tmp_path / "less.safetensors")
    fill_cache(hub_cache, (tmp_path / "less.safetensors").read_bytes())
    record_with(monkeypatch, classes=0)
    with pytest.warns(UserWarning, match="kept the initial values of classifier.weight"):
        kzoo.create_model(MODEL, weights=TAG)
    kzoo.create_model(MODEL, weights=TAG, include_top=False)
    with pytest.raises(ValueError, match="missing classifier.bias, classifier.weight; unexp"):
        kzoo.create_model(MODEL, weights=tmp_path / "less.safetensors")
