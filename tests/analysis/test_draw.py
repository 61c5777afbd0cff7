"""Drawing: what shares a box, and that every family can be drawn."""

import keras
import numpy as np
import pytest
from PIL import Image

import kzoo
from kzoo.analysis.draw import block_of, boxes_of, describe, draw_model, text_picture


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("layer1.0.conv1", "layer1.0"),
        ("layer1.0.downsample.0", "layer1.0"),
        ("features.denseblock1.denselayer2.conv1", "features.denseblock1.denselayer2"),
        ("features.0.conv1.bn", "features.0"),
        ("stages.1.blocks.2.conv_dw", "stages.1.blocks.2"),
        ("features.0", None),
        ("conv1", None),
        ("bn1.act", None),
        ("blocks.0.bn1.act", "blocks.0"),
    ],
)
def test_block_of(name, block):
    assert block_of(name, {"bn1", "blocks.0.bn1", name}) == block


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
        "downsample.0: Conv2D 1×1 → 128 / 2 · norm",
        "conv1: Conv2D 3×3 → 128 / 2 · norm · relu",
        "conv2: Conv2D 3×3 → 128 · norm",
        "add: Add · relu",
    ]
    assert boxes[5].shape == (28, 28, 128)


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "p4m_resnet26"])
def test_activations_and_normalisations_are_in_the_box_of_their_convolution(name):
    boxes = boxes_of(kzoo.create_model(name))
    lines = [line for box in boxes for line in box.lines]
    assert not any(line.endswith((": relu", ": hard_silu")) for line in lines)
    assert any("norm · relu" in line for line in lines)
    assert len(boxes) < 25


def test_branches_say_where_they_begin():
    boxes = boxes_of(kzoo.create_model("googlenet"))
    titles = {box.title: box for box in boxes}
    branch = titles["inception3b.branch3.0"]
    assert [source.title for source in branch.sources] == ["inception3a.concat"]
    assert not branch.follows
    assert titles["inception3b.branch3.1"].follows
    assert {source.title for source in titles["inception3b.concat"].sources} == {
        "inception3b.branch1",
        "inception3b.branch2.1",
        "inception3b.branch3.1",
        "inception3b.branch4.1",
    }


def test_branches_that_are_alike_are_not_one_after_the_other():
    x = keras.Input((4, 4, 2))
    paths = [keras.layers.Conv2D(3, 1, name=f"path.{i}.conv")(x) for i in range(2)]
    boxes = boxes_of(keras.Model(x, keras.layers.Add(name="sum")(paths)))
    assert [box.title for box in boxes[1:]] == ["path.0", "path.1", "sum"]


def test_text_picture():
    text = text_picture(kzoo.create_model("resnet18", input_shape=(None, None, 3)))
    lines = text.splitlines()
    title = "layer1.0 … layer1.1   (2 times)   with a shortcut"
    start = next(i for i, line in enumerate(lines) if title in line)
    assert [line.strip("│ ") for line in lines[start : start + 4]] == [
        title,
        "conv1: Conv2D 3×3 → 64 · norm · relu",
        "conv2: Conv2D 3×3 → 64 · norm",
        "add: Add · relu",
    ]
    assert {len(line) for line in lines[start - 1 : start + 5]} == {len(title) + 4}
    assert lines[start + 5] == "  ↓ ? × ? × 64"
    assert lines[-1] == "    1000"


def test_layers_of_several_outputs_or_calls_and_nested_models():
    x = keras.Input((8, 8, 3), name="image")
    inner = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(3, 1)], name="inner")
    values, indices = kzoo.layers.MaxPoolingWithArgmax2D(2, name="pool")(inner(inner(x)))
    boxes = boxes_of(keras.Model(x, [values, indices]))
    assert [box.lines for box in boxes] == [
        ["image: input"],
        ["inner: Sequential of 1 layers"],
        ["inner: Sequential of 1 layers"],
        ["pool: MaxPoolingWithArgmax2D 2×2"],
    ]


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (keras.layers.Dense(7), "Dense → 7"),
        (keras.layers.MaxPooling2D(3, strides=2), "MaxPooling2D 3×3"),
        (keras.layers.Dropout(0.25), "Dropout 0.25"),
        (keras.layers.Activation("tanh"), "tanh"),
        (keras.layers.Activation(keras.layers.LeakyReLU(0.1)), "LeakyReLU"),
        (kzoo.layers.TiledConv2D(8, 3), "TiledConv2D 3×3 → 8"),
    ],
)
def test_describe(layer, words):
    assert describe(layer) == words


@pytest.mark.parametrize(
    "name", ["lenet5", "resnet20_cifar", "p4cnn", "udl_conv1d", "segnet_encoder"]
)
def test_pictures_are_not_empty(tmp_path, name):
    path = draw_model(kzoo.create_model(name), tmp_path / "net.png")
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L"))
    assert 0.02 < np.mean(pixels < 250) < 0.9
    # Nothing touches the border.
    assert pixels[[0, -1]].min() == 255
    assert pixels[:, [0, -1]].min() == 255
