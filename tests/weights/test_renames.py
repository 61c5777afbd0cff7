"""Models of torchvision's that bear other names in timm and kzoo."""

import gc

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import kzoo
from kzoo.registry import find_family
from kzoo.weights import renames
from tests.keras_peers import computing_in
from tests.peers import import_timm, randomise, torch_logits, write_state_dict

QUICK = ("mobilenetv2_100", "mnasnet_050", "regnetx_004_tv", "efficientnet_b0", "convnext_tiny")
SAME_NAMES = (
    *("vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"),
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d"),
    *("resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"),
    *("densenet121", "densenet161", "densenet169", "densenet201", "inception_v3"),
    *("efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4"),
    *("convnext_small", "convnext_base", "convnext_large"),
)
OTHERS = sorted({*renames.TORCHVISION_TWINS, *SAME_NAMES} - {*QUICK, "regnety_1280"})


def torchvision_model(name, **options):
    import_timm()
    from torchvision import models

    if name == "inception_v3":
        options["init_weights"] = False
    twin = renames.TORCHVISION_TWINS.get(name, name)
    return randomise(models.get_model(twin, weights=None, num_classes=7, **options))


@pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(name, marks=pytest.mark.full) for name in OTHERS)]
)
@pytest.mark.filterwarnings("ignore:.*left unused AuxLogits:UserWarning")
def test_torchvisions_weights_give_torchvisions_logits(name, tmp_path):
    peer = torchvision_model(name)
    path = write_state_dict(peer, tmp_path / "torchvision.safetensors")
    size = 224 if "vgg" in name else max(find_family(name).min_size, 64)
    images = np.random.default_rng(0).normal(size=(2, size, size, 3))
    # In float32, some networks with random weights amplify rounding beyond any tolerance.
    with computing_in("float64"):
        model = kzoo.create_model(
            name,
            weights=path,
            classes=7,
            classifier_activation=None,
            include_preprocessing=False,
            input_shape=(size, size, 3),
        )
        ours = np.asarray(model(images))
    path.unlink()
    theirs = torch_logits(peer.double(), images)
    scale = np.abs(theirs).max()
    assert np.abs(ours - theirs).max() <= 1e-6 * scale
    assert np.abs(ours[0] - ours[1]).max() > 1e-3 * scale
    del peer, model
    keras.utils.clear_session()
    gc.collect()


def test_densenets_files_of_2017_are_read(tmp_path):
    peer = torchvision_model("densenet121")
    arrays = load_file(write_state_dict(peer, tmp_path / "new.safetensors"))
    old = {}
    for name, array in arrays.items():
        for part in ("norm", "conv"):
            if ".denselayer" in name:
                name = name.replace(f".{part}1.", f".{part}.1.").replace(
                    f".{part}2.", f".{part}.2."
                )
        old[name] = array
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    save_file(old, tmp_path / "old.safetensors")
    models = [
        kzoo.create_model("densenet121", classes=7, weights=tmp_path / f"{age}.safetensors")
        for age in ("new", "old")
    ]
    for one, other in zip(*(model.get_weights() for model in models)):
        np.testing.assert_array_equal(one, other)


def test_vggs_dense_layers_are_convolutions():
    table = next(table for table in renames.TABLES if "pre_logits.fc1.weight" in table.reshape)
    dense = np.arange(4096 * 2 * 49, dtype="float32").reshape(4096, 98)
    arrays = {"classifier.0.weight": dense, "classifier.3.weight": np.zeros((4096, 4096))}
    arrays["classifier.6.weight"] = np.zeros((7, 4096))
    renamed = table.apply(arrays)
    assert renamed["pre_logits.fc1.weight"][3, 1, 2, 5] == dense[3, 49 + 2 * 7 + 5]
    assert renamed["pre_logits.fc2.weight"].shape == (4096, 4096, 1, 1)
    assert "head.fc.weight" in renamed


@pytest.mark.parametrize(
    ("name", "arrays"),
    [
        (
            "efficientnet_b5",
            ("features.1.0.block.1.fc1.weight", "features.7.2.block.0.0.weight"),
        ),
        ("resnet18", ("classifier.1.weight", "classifier.6.weight")),  # AlexNet's
    ],
)
def test_files_of_another_graph_are_refused(tmp_path, name, arrays):
    path = tmp_path / "other.safetensors"
    save_file({array: np.zeros((1, 1), "float32") for array in arrays}, path)
    with pytest.raises(ValueError, match=f"does not fit {name}: missing"):
        kzoo.create_model(name, weights=path)


def test_auxiliary_classifiers_are_left_over(tmp_path):
    peer = torchvision_model("googlenet", aux_logits=True, init_weights=False)
    path = write_state_dict(peer, tmp_path / "googlenet.safetensors")
    with pytest.warns(UserWarning, match="left unused aux1.conv.bn.bias"):
        kzoo.create_model("googlenet", weights=path, classes=7)
