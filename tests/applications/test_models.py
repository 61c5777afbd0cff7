"""Every model, driven from the list: what the published networks have, and what every one does."""

import keras
import numpy as np
import pytest

import kzoo
from kzoo import layers
from kzoo.registry import find_family
from tests.check_application import check_application

# Trainable parameters, and where the number is printed or follows from.
PUBLISHED_PARAMETERS = {
    # torchvision's weight metadata.
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "vgg11_bn": 132_868_840,
    "vgg13_bn": 133_053_736,
    "vgg16_bn": 138_365_992,
    "vgg19_bn": 143_678_248,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    # He et al., Table 6: 0.27, 0.46, 0.66, 0.85 and 1.7 million; exact: akamaster's PyTorch code.
    "resnet20_cifar": 269_722,
    "resnet32_cifar": 464_154,
    "resnet44_cifar": 658_586,
    "resnet56_cifar": 853_018,
    "resnet110_cifar": 1_727_962,
    # The common LeNet-5: 156 + 2,416 + 48,120 + 10,164 + 850.
    "lenet5": 61_706,
    # Springenberg et al.: "about 1.3 M"; Cohen and Welling print 1.37 M.
    "all_cnn_c": 1_369_738,
    # Prince, section 10.2.6: 2,050; its rival 40-285-135-60-10.
    "udl_conv1d": 2_050,
    "udl_dense": 59_065,
    # Convolutions 1-32 (7), 32-32 and 32-32, 32-64 and 64-64 (5), 32-64 (1), BatchNorm, dense.
    "mnist1d_resnet": 224 + 2 * 5_120 + 10_240 + 20_480 + 2_048 + 2 * (3 * 32 + 3 * 64) + 650,
    # 3x3 convolutions 3-32-32, 32-64-64, 64-128-128, then dense 2048-256-256-10.
    "cs231n": 896 + 9_248 + 18_496 + 36_928 + 73_856 + 147_584 + 524_544 + 65_792 + 2_570,
    # Cohen and Welling, from their code: convolutions 21,510 and 24,560, BatchNorm 240 and 120.
    "z2cnn": 21_750,
    "p4cnn_rotation_pooling": 21_750,
    "p4cnn": 24_680,
    # Worrall et al. print 33 thousand. From their code: convolutions 33,680 (a filter has 4 rings
    # and a phase, the last ones no phase), biases 112, BatchNorm 224, classifier's bias 10.
    "hnet_mnist": 34_026,
    "p4_all_cnn_c": 1_371_006,
    "p4m_all_cnn_c": 1_219_678,
}
SMALLEST = [
    "all_cnn_c",
    "cs231n",
    "hnet_mnist",
    "lenet5",
    "p4_all_cnn_c",
    "p4cnn",
    "z2cnn",
    "resnet18",
    "resnet20_cifar",
    "mnist1d_resnet",
    "udl_conv1d",
    "udl_dense",
]


def test_every_model_has_a_published_count():
    assert sorted(PUBLISHED_PARAMETERS) == sorted(kzoo.list_models())


@pytest.mark.parametrize("name", SMALLEST)
def test_smallest_of_each_family(name):
    check_application(name, PUBLISHED_PARAMETERS[name])


def test_vgg_at_the_smallest_input():
    check_application("vgg11", PUBLISHED_PARAMETERS["vgg11"], save=False)


@pytest.mark.full
@pytest.mark.parametrize("name", [n for n in kzoo.list_models() if n not in SMALLEST])
def test_every_other_model(name):
    check_application(name, PUBLISHED_PARAMETERS[name])


# Convolutions with a kernel larger than 1, from the papers' tables.
REPLACED = {
    "all_cnn_c": 7,
    "cs231n": 6,
    "lenet5": 2,
    "mnist1d_resnet": 5,
    "resnet18": 17,
    "resnet50": 17,
    "resnet20_cifar": 19,
    "udl_conv1d": 3,
    "vgg11": 8,
    "z2cnn": 7,
}
KINDS = {
    "standard": (keras.layers.Conv1D, keras.layers.Conv2D),
    "tiled": (layers.TiledConv1D, layers.TiledConv2D),
    "locally_connected": (layers.LocallyConnected1D, layers.LocallyConnected2D),
}
SIZES = {"all_cnn_c": 9, "lenet5": 16, "udl_conv1d": 15, "vgg11": 32, "z2cnn": 28}


def build_small(name, conv):
    rank = find_family(name).rank
    shape = (SIZES.get(name, 8),) * rank + ((3,) if rank == 2 else (1,))
    return kzoo.create_model(name, conv=conv, input_shape=shape, classes=4)


@pytest.mark.parametrize("conv", ["standard", "tiled", "locally_connected", "gabor"])
@pytest.mark.parametrize("name", [name for name in REPLACED if name != "vgg11"])
def test_conv_replaces_every_larger_kernel(name, conv):
    check_conv(name, conv)


@pytest.mark.full
@pytest.mark.parametrize("conv", ["standard", "tiled", "locally_connected", "gabor"])
def test_conv_replaces_every_larger_kernel_of_vgg(conv):
    check_conv("vgg11", conv)


def check_conv(name, conv):
    model = build_small(name, conv)
    kinds = KINDS.get(conv, KINDS["standard"])
    larger = [
        layer
        for layer in model.layers
        if isinstance(layer, kinds)
        and max(layer.kernel_size) > 1
        and not layer.name.startswith("pre_logits")
    ]
    assert len(larger) == REPLACED[name]
    if conv == "gabor":
        assert all(type(layer.kernel_initializer).__name__ == "Gabor" for layer in larger)
    outputs = np.asarray(model(np.ones((2, *model.input_shape[1:]), "float32")))
    assert outputs.shape == (2, 4)
    assert np.all(np.isfinite(outputs))
