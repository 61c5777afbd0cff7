"""`stem="small"`: what the common forms for CIFAR have, and the networks that have such a form."""

import keras
import numpy as np
import pytest

import kzoo
from kzoo.analysis import count_multiply_adds, count_parameters
from kzoo.registry import families, find_family
from tests.peers import (
    build_counterpart,
    import_timm,
    randomise,
    torch_logits,
    write_state_dict,
)

# One of each body and of each of its stems; with the others, all families that have the option.
NETWORKS = (
    *("resnet10t", "resnetblur18", "convnext_zepto_rms", "convnext_zepto_rms_ols"),
    *("mobilenetv2_035", "mobilenetv4_conv_small_035"),
)
OTHERS = (
    *("convnextv2_atto", "densenet121", "densenetblur121d", "ecaresnet26t", "efficientnet_b0"),
    *("efficientnet_es", "efficientnet_lite0", "fbnetc_100", "hardcorenas_a", "lcnet_050"),
    *("mixnet_s", "mnasnet_small", "mobilenet_edgetpu_v2_xs", "mobilenetv1_100"),
    *("mobilenetv3_small_050", "mobilenetv4_conv_aa_medium", "mobilenetv4_conv_blur_medium"),
    *("resnet18", "resnetaa34d", "resnetblur50d", "resnetrs50", "resnext50_32x4d", "seresnet18"),
    *("seresnetaa50d", "tf_efficientnetv2_b0", "tinynet_e", "wide_resnet50_2"),
)


def full(*arguments):
    return pytest.param(*arguments, marks=pytest.mark.full)


def sizes_of(model):
    features = kzoo.feature_extractor(model, ("P0", "P1", "P2", "P3"))
    return {level: tensor.shape[1:3] for level, tensor in features.output.items()}


def test_every_family_with_a_small_stem_is_tested():
    expected = {family.name for family in families() if family.has_small_stem}
    assert {find_family(name).name for name in NETWORKS + OTHERS} == expected


@pytest.mark.parametrize("name", [*NETWORKS, *map(full, OTHERS)])
def test_the_stride_is_8_at_32_pixels_and_a_quarter_of_the_size_suffices(name):
    model = kzoo.create_model(name, stem="small", include_top=False, input_shape=(32, 32, 3))
    assert sizes_of(model) == {f"P{n}": (32 >> n,) * 2 for n in range(4)}
    size = -(-find_family(name).min_size_of(name) // 4)
    smallest = kzoo.create_model(name, stem="small", input_shape=(size, size, 3), classes=5)
    assert smallest.output_shape == (None, 5)
    if size > 1:
        with pytest.raises(ValueError, match=f"{name} needs an input of at least {size} x {size};"):
            kzoo.create_model(name, stem="small", input_shape=(size - 1, size, 3))


# Parameters for 10 classes: kuangliu/pytorch-cifar's ResNets; its DenseNet-121, plus the 128 of the
# first normalisation, which it leaves out; multiply-adds and parameters of MobileNetV2, in
# millions, from the table of chenyaofo/pytorch-cifar-models.
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("resnet18", 11_173_962),
        full("resnet50", 23_520_842),
        full("densenet121", 6_956_298 + 128),
    ],
)
def test_published_parameters(name, parameters):
    assert count_parameters(kzoo.create_model(name, stem="small", classes=10)) == parameters


@pytest.mark.parametrize(
    ("name", "parameters", "multiply_adds"),
    [
        ("mobilenetv2_050", 0.70, 27.97),
        full("mobilenetv2_075", 1.37, 59.31),
        ("mobilenetv2_100", 2.24, 87.98),
        full("mobilenetv2_140", 4.33, 170.07),
    ],
)
def test_published_size_of_mobilenet_v2(name, parameters, multiply_adds):
    model = kzoo.create_model(name, stem="small", classes=10)
    assert model.input_shape == (None, 32, 32, 3)
    assert round(count_parameters(model) / 1e6, 2) == parameters
    assert round(count_multiply_adds(model) / 1e6, 2) == multiply_adds


def small_resnet(name):
    """Return timm's network as CIFAR forks of it have it."""
    import torch

    peer = build_counterpart(name, 10)
    deep = isinstance(peer.conv1, torch.nn.Sequential)
    if deep:
        peer.conv1[0].stride = (1, 1)
    else:
        peer.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
    peer.maxpool = torch.nn.Identity()
    return peer


def small_mobilenet(name):
    peer = build_counterpart(name, 10)
    peer.conv_stem.stride = (1, 1)
    stages = [block for block in peer.blocks if block[0].conv_dw.stride == (2, 2)]
    stages[0][0].conv_dw.stride = (1, 1)
    return peer


def small_densenet(name):
    import torch

    peer = build_counterpart(name, 10)
    peer.features.conv0 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
    peer.features.pool0 = torch.nn.Identity()
    return peer


def small_convnext(name):
    peer = import_timm().create_model(name, num_classes=10, patch_size=1)
    for layer in peer.stem:
        if getattr(layer, "stride", None) == (2, 2):
            layer.stride = (1, 1)
    return peer


@pytest.mark.parametrize(
    ("name", "build_peer"),
    [
        ("resnet10t", small_resnet),
        ("resnetblur18", small_resnet),
        ("mobilenetv2_050", small_mobilenet),
        ("convnext_atto", small_convnext),
        full("convnext_atto_ols", small_convnext),
        full("resnet18", small_resnet),
        full("efficientnet_b0", small_mobilenet),
        full("densenet121", small_densenet),
    ],
)
def test_outputs_are_those_of_the_peer_so_changed(name, build_peer, tmp_path):
    peer = randomise(build_peer(name))
    model = kzoo.create_model(
        name,
        stem="small",
        weights=write_state_dict(peer, tmp_path / "weights.safetensors"),
        classes=10,
        classifier_activation=None,
        include_preprocessing=False,
    )
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    expected = torch_logits(peer, images)
    assert np.abs(np.asarray(model(images)) - expected).max() <= 1e-4 * np.abs(expected).max()


def test_a_first_convolution_of_another_size_is_refused(tmp_path):
    file = write_state_dict(build_counterpart("resnet18"), tmp_path / "resnet18.safetensors")
    with pytest.raises(ValueError, match=r"conv1.weight has shape \(7, 7, 3.*model's .*\(3, 3, 3"):
        kzoo.create_model("resnet18", stem="small", weights=file)


def test_published_weights_load_where_the_kernels_have_the_same_shape(tmp_path):
    peer = build_counterpart("mobilenetv2_035")
    file = write_state_dict(peer, tmp_path / "mobilenetv2_035.safetensors")
    model = kzoo.create_model("mobilenetv2_035", stem="small")
    report = kzoo.load_weights(model, file)
    assert (report.adapted, report.reinitialised, report.unused) == ((), (), ())


@pytest.mark.parametrize(
    ("name", "stem", "error", "match"),
    [
        ("vgg11", "small", TypeError, "vgg11.* unexpected keyword argument 'stem'"),
        ("resnet20_cifar", "small", TypeError, "unexpected keyword argument 'stem'"),
        ("resnet18", "cifar", ValueError, "stem must be one of 'published', 'small'; received 'c"),
    ],
)
def test_other_networks_and_other_stems_are_refused(name, stem, error, match):
    with pytest.raises(error, match=match):
        kzoo.create_model(name, stem=stem)


def test_unknown_sizes_and_conv_go_with_it():
    model = kzoo.create_model("resnet18", stem="small", conv="tiled", input_shape=(None, None, 3))
    assert isinstance(model.get_layer("conv1"), kzoo.layers.TiledConv2D)
    bare = kzoo.create_model("resnet18", stem="small", include_top=False)
    assert bare.compute_output_shape((1, 40, 48, 3)) == (1, 5, 6, 512)
    assert isinstance(bare, keras.Model)
