"""Drawing: what shares a box, and that every family can be drawn."""

import keras
import numpy as np
import pytest
from PIL import Image

import kzoo
from kzoo.analysis.draw import block_of, boxes_of, describe, draw_model


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("layer1.0.conv1", "layer1.0"),
        ("layer1.0.downsample.0", "layer1.0"),
        ("features.denseblock1.denselayer2.conv1", "features.denseblock1.denselayer2"),
        ("features.0", None),
        ("conv1", None),
    ],
)
def test_block_of(name, block):
    assert block_of(name) == block


def test_a_block_is_one_box_and_alike_neighbours_are_too():
    boxes = boxes_of(kzoo.create_model("resnet18"))
    assert [(box.title, box.count, box.shortcut) for box in boxes[2:7]] == [
        ("conv1", 1, False),
        ("maxpool", 1, False),
        ("layer1.0 … layer1.1", 2, True),
        ("layer2.0", 1, True),
        ("layer2.1", 1, True),
    ]
    assert boxes[5].lines == [
        "conv1: Conv2D 3×3 → 128 / 2 · norm · relu",
        "conv2: Conv2D 3×3 → 128 · norm",
        "downsample.0: Conv2D 1×1 → 128 / 2 · norm",
        "add: Add · relu",
    ]
    assert boxes[5].shape == (28, 28, 128)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (keras.layers.Dense(7), "Dense → 7"),
        (keras.layers.MaxPooling2D(3, strides=2), "MaxPooling2D 3×3"),
        (keras.layers.Dropout(0.25), "Dropout 0.25"),
        (keras.layers.Activation("tanh"), "tanh"),
        (kzoo.layers.TiledConv2D(8, 3), "TiledConv2D 3×3 → 8"),
    ],
)
def test_describe(layer, words):
    assert describe(layer) == words


@pytest.mark.parametrize("name", ["lenet5", "resnet20_cifar", "p4cnn", "udl_conv1d"])
def test_pictures_are_not_empty(tmp_path, name):
    path = draw_model(kzoo.create_model(name), tmp_path / "net.png")
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L"))
    assert 0.02 < np.mean(pixels < 250) < 0.9
    # Nothing touches the border.
    assert pixels[[0, -1]].min() == 255
    assert pixels[:, [0, -1]].min() == 255
