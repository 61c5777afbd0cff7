"""Receptive fields: published figures, and what pixels change what outputs when one tries."""

import math

import keras
import pytest
from keras import layers

import kzoo
from kzoo.analysis.receptive_field import receptive_field
from kzoo.layers import LiftingConv2D


def conv(kernel, stride=1, padding="valid", name=None, **options):
    return layers.Conv2D(1, kernel, stride, padding, name=name, **options)


def pad_first(x):
    return layers.ZeroPadding2D(((1, 0), (1, 0)))(x)


def two_paths(x, padding="valid", pooling=False, dropout=False):
    """Field 3, stride 4, padding 1: one path of a pixel, one of three of them."""
    left = conv(1, 4, padding)(x)
    right = pad_first(x) if padding == "valid" else x
    for size in (3, 1):
        right = (layers.MaxPooling2D(size, 2, padding) if pooling else conv(size, 2, padding))(
            right
        )
    if dropout:
        right = layers.Dropout(0.5)(right)
    return layers.ReLU()(left + right)


def twice_two_paths(x, padding="valid"):
    x = two_paths(x, padding)
    right = pad_first(x) if padding == "valid" else x
    return layers.ReLU()(conv(1, 2, padding)(x) + conv(3, 2, padding)(right))


def misaligned(x):
    left = conv(5, 2, name="left")(layers.ZeroPadding2D(((2, 1), (2, 1)))(x))
    return layers.ReLU()(left + conv(3, name="right")(conv(3)(x)))


def shifted(x):
    """The graph of `two_paths` with `same` padding in its window of three only."""
    right = conv(1, 2, name="right")(conv(3, 2, "same")(x))
    return layers.ReLU()(conv(1, 4, name="left")(x) + right)


def model_of(build, shape=(None, None, 1)):
    inputs = keras.Input(shape)
    return keras.Model(inputs, build(inputs))


# The graphs and results of the tests of Google's library receptive_field.
@pytest.mark.parametrize(
    ("build", "input_size", "expected"),
    [
        (two_paths, None, (3, 4, 1)),
        (lambda x: two_paths(x, pooling=True), None, (3, 4, 1)),
        (shifted, None, (3, 4, None)),
        (shifted, 9, (3, 4, 1)),
        (lambda x: two_paths(x, dropout=True), None, (3, 4, 1)),
        (twice_two_paths, None, (11, 8, 5)),
        (lambda x: twice_two_paths(x, "same"), 17, (11, 8, 5)),
    ],
)
def test_published_graphs(build, input_size, expected):
    field = receptive_field(model_of(build), input_size=input_size)
    for axis in field.axes:
        assert (axis.size, axis.stride, axis.padding) == expected


def test_published_graph_with_windows_that_are_not_square():
    field = receptive_field(model_of(lambda x: conv((3, 1), 2)(conv((3, 5), 2)(x))))
    assert field.size == (7, 5)
    assert field.stride == (4, 4)
    assert field.padding == (0, 0)


def test_misaligned_graphs_are_refused():
    with pytest.raises(ValueError, match="'left' has stride 2 and 'right' has stride 1"):
        receptive_field(model_of(misaligned))
    message = "'left' is centred at pixel 0 of axis 0, that of 'right' at 1"
    with pytest.raises(ValueError, match=message):
        receptive_field(model_of(shifted), input_size=8)
    field = receptive_field(model_of(shifted), input_size=8, allow_misaligned=True)
    assert field.input_region((0, 0)) == ((0, 2), (0, 2))


# Table of https://github.com/google-research/receptive_field; stages of networks from its users.
PUBLISHED = {
    "VGG16": {
        "block1_pool": (6, 2, 2),
        "block2_pool": (16, 4, 6),
        "block3_pool": (44, 8, 18),
        "block4_pool": (100, 16, 42),
        None: (212, 32, 90),
    },
    "ResNet50": {
        "conv2_block3_out": (35, 4, 17),
        "conv3_block4_out": (99, 8, 49),
        "conv4_block6_out": (291, 16, 145),
        None: (483, 32, 241),
    },
    "MobileNet": {
        **{
            f"conv_pw_{i}_relu": (size, None, None)
            for i, size in enumerate([7, 11, 19, 27, 43, 59, 91, 123, 155, 187, 219, 251, 315], 1)
        },
        None: (315, 32, 126),
    },
    "InceptionV3": {
        "mixed2": (127, 8, None),
        "mixed3": (159, 16, None),
        "mixed7": (927, 16, None),
        "mixed8": (1055, 32, None),
        "mixed9": (1183, 32, 554),
        None: (1311, 32, 618),
    },
    "DenseNet121": {None: (2071, 32, 1021)},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks(name):
    network = getattr(keras.applications, name)
    model = network(weights=None, include_top=False, input_shape=(224, 224, 3))
    for output, expected in PUBLISHED[name].items():
        field = receptive_field(model, output)
        for axis in field.axes:
            found = (axis.size, axis.stride, axis.padding)
            assert all(e in (None, f) for f, e in zip(found, expected)), (output, found)


@pytest.mark.full
def test_published_positions_of_inception_resnet_v2():
    model = keras.applications.InceptionResNetV2(weights=None, include_top=False)
    field = receptive_field(model)
    assert (field.size[0], field.stride[0], field.padding[0]) == (3039, 32, 1482)
    assert field.input_center((0, 2)) == (37, 101)


def test_squeeze_and_excite_sees_everything_unless_ignored():
    model = keras.applications.EfficientNetB0(weights=None, include_top=False)
    field = receptive_field(model)
    assert field.size == (math.inf, math.inf)
    assert field.stride == (32, 32)
    assert receptive_field(model, ignore_gates=True).size == (851, 851)
    assert receptive_field(model, "stem_conv").size == (3, 3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("resnet18", (435, 32, 217)), ("resnet50", (427, 32, 213)), ("resnet20_cifar", (81, 4, 40))],
)
def test_networks_of_the_zoo(name, expected):
    """The sizes that follow from the papers: 435 and 427 are those of PyTorch's networks."""
    axis = receptive_field(kzoo.create_model(name)).axes[0]
    assert (axis.size, axis.stride, axis.padding) == expected


def test_lenet_and_yu_and_koltun_and_a_unet():
    """LeNet-5 up to C5 32 / 4; the dilated context module 67; a U-Net's bottleneck 140 / 16."""
    lenet = keras.Sequential([keras.Input((32, 32, 1))])
    for size in (5, 5):
        lenet.add(conv(size))
        lenet.add(layers.AveragePooling2D(2))
    lenet.add(conv(5))
    field = receptive_field(lenet)
    assert (field.size, field.stride) == ((32, 32), (4, 4))

    context = keras.Sequential([keras.Input((None, None, 1))])
    for dilation in (1, 1, 2, 4, 8, 16, 1):
        context.add(conv(3, dilation_rate=dilation, padding="same"))
    assert receptive_field(context).size == (67, 67)

    model = model_of(unet)
    bottleneck = receptive_field(model, "bottleneck")
    assert (bottleneck.size, bottleneck.stride) == ((140, 140), (16, 16))
    assert receptive_field(model).stride == (1, 1)


def unet(x):
    skips = []
    for _ in range(4):
        x = conv(3, padding="same")(conv(3, padding="same")(x))
        skips.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = conv(3, padding="same", name="bottleneck")(conv(3, padding="same")(x))
    for skip in reversed(skips):
        up = layers.Conv2DTranspose(1, 2, strides=2)(x)
        x = layers.Concatenate()([skip, up])
        x = conv(3, padding="same")(conv(3, padding="same")(x))
    return x


def test_channels_first():
    keras.config.set_image_data_format("channels_first")
    model = model_of(
        lambda x: layers.ZeroPadding2D(((2, 0), (0, 0)))(conv((3, 5), (2, 1))(x)), (1, 20, 21)
    )
    field = receptive_field(model)
    assert (field.size, field.stride, field.padding) == ((3, 5), (2, 1), (4, 0))
    group = model_of(lambda x: LiftingConv2D(1, 3)(conv(3)(x)), (1, 20, 21))
    assert receptive_field(group).size == (5, 5)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_layers_of_three_add_two_each(n):
    model = keras.Sequential([keras.Input((None, None, 1)), *(conv(3) for _ in range(n))])
    assert receptive_field(model).size == (2 * n + 1,) * 2


def test_positions():
    model = model_of(lambda x: conv(3, 2, "same")(conv(5, 2, "valid")(x)), (33, 33, 1))
    field = receptive_field(model)
    for y in range(field.axes[0].output_size):
        assert field.feature_at(field.input_center((y, 0))) == (y, 0)
    assert field.feature_at((-50, 500)) == (0, field.axes[1].output_size - 1)
    first, last = field.axes[0].input_region(3)
    assert field.axes[0].input_center(3) == (first + last) / 2
    assert first == 3 * field.stride[0] - field.padding[0]
    assert last - first + 1 == field.size[0]


def test_layers_that_see_everything():
    model = model_of(
        lambda x: layers.Dense(2, name="d")(layers.Flatten()(conv(3, name="c")(x))), (9, 9, 1)
    )
    assert receptive_field(model).layer == "c"
    field = receptive_field(model, "d")
    assert field.size == (math.inf, math.inf)
    assert field.stride == (None, None)
    with pytest.raises(ValueError, match="a layer without positions has no centre"):
        field.input_center((0, 0))


def gated(x):
    x = conv(3, padding="same")(x)
    weights = layers.Dense(1)(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return layers.Multiply()([x, weights])


def test_gates():
    model = model_of(gated)
    field = receptive_field(model)
    assert (field.size, field.stride) == ((math.inf,) * 2, (1, 1))
    assert field.input_center((3, 4)) == (3, 4)
    with pytest.raises(ValueError, match="pass ignore_gates=True"):
        field.input_region((0, 0))
    assert receptive_field(model, ignore_gates=True).size == (3, 3)


class Unknown(layers.Layer):
    def call(self, x):
        return x


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda x: Unknown(name="u")(x), "Unknown 'u' is not known to the receptive field"),
        (lambda x: layers.Conv2DTranspose(1, 3, 2, output_padding=1)(x), "has an output_padding"),
        (lambda x: layers.UpSampling2D(2, interpolation="bicubic")(x), "interpolation='bicubic'"),
        (lambda x: layers.Concatenate(1)([x, x]), "concatenates along an axis of positions"),
        (lambda x: layers.Reshape((4, 2, 4, 2, 1))(x), "moves positions to other axes"),
        (lambda x: layers.Add()([x, layers.Permute((2, 1, 3))(x)]), "along different axes"),
        (lambda x: layers.LSTM(3)(layers.Reshape((8, 8))(x)), "LSTM .* is not known"),
    ],
)
def test_what_is_not_known_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        receptive_field(model_of(build, (8, 8, 1)), ignore_gates=True)


def test_layers_can_be_declared_pointwise():
    model = model_of(lambda x: conv(3)(Unknown(name="u")(x)))
    assert receptive_field(model, pointwise=("u",)).size == (3, 3)
    assert receptive_field(model, pointwise="u").size == (3, 3)


def test_unknown_sizes_are_refused_where_they_matter():
    model = model_of(lambda x: layers.UpSampling2D(2)(conv(3, 2, "same")(x)) + x)
    with pytest.raises(ValueError, match="depends on the input size; give input_size"):
        receptive_field(model)
    strided = receptive_field(model_of(lambda x: conv(3, 2, "same")(x)))
    assert strided.padding == (None, None)
    with pytest.raises(ValueError, match="depends on the size of the input .* pass input_size"):
        strided.input_center((0, 0))


def test_refused_arguments():
    model = model_of(lambda x: conv(3, name="c")(x), (8, 8, 1))
    with pytest.raises(TypeError, match="must be a functional or a built sequential keras.Model"):
        receptive_field(keras.Sequential([conv(3)]))
    with pytest.raises(ValueError, match="output must be a layer of .*; received 'd'"):
        receptive_field(model, "d")
    with pytest.raises(TypeError, match="output must be the name of a layer; received 3"):
        receptive_field(model, 3)
    with pytest.raises(ValueError, match=r"input_size must be that of .*, \(8, 8\); received 9"):
        receptive_field(model, input_size=9)
    with pytest.raises(ValueError, match="input_size must be a positive integer, or 2 of them"):
        receptive_field(model, input_size=(8, 8, 8))
    with pytest.raises(ValueError, match="position must have one number for each of the 2 axes"):
        receptive_field(model).input_center(3)
    pair = keras.Input((4, 4, 1)), keras.Input((4, 4, 1))
    with pytest.raises(TypeError, match="model must have one input; .* has 2"):
        receptive_field(keras.Model(pair, layers.Add()(pair)))
    dense = keras.Input((4,))
    with pytest.raises(ValueError, match="has no layer with positions"):
        receptive_field(keras.Model(dense, layers.Dense(2)(dense)))


def test_positions_that_end_within_a_nested_model():
    inner = keras.Sequential([keras.Input((8, 8, 1)), conv(3), layers.Flatten()], name="inner")
    model = model_of(lambda x: layers.Dense(2)(inner(layers.Rescaling(2.0)(x))), (8, 8, 1))
    with pytest.raises(ValueError, match="within the nested model 'inner'; analyse that model, or"):
        receptive_field(model)
    middle = keras.Sequential([keras.Input((8, 8, 1)), inner], name="middle")
    model = model_of(lambda x: layers.Dense(2)(middle(layers.Rescaling(2.0)(x))), (8, 8, 1))
    with pytest.raises(ValueError, match="within the nested model 'middle'"):
        receptive_field(model)
    # Nor are heads and gates, in which no layer has positions.
    pooled = [keras.Input((6, 6, 1)), layers.GlobalMaxPooling2D(), layers.Dense(2)]
    model = model_of(lambda x: keras.Sequential(pooled)(conv(3)(x)), (8, 8, 1))
    assert receptive_field(model).size == (3, 3)
    # One that follows where there are none is no matter.
    head = keras.Sequential([keras.Input((1,)), layers.Dense(2)], name="head")
    model = model_of(lambda x: head(layers.GlobalMaxPooling2D()(conv(3)(x))), (8, 8, 1))
    assert receptive_field(model).size == (3, 3)


def test_tokens_of_a_map_of_any_size_are_refused():
    model = model_of(lambda x: layers.Reshape((-1, 4))(layers.Conv2D(4, 3)(x)))
    with pytest.raises(ValueError, match="moves positions to other axes"):
        receptive_field(model)


def test_a_layer_that_is_called_twice_is_followed_and_not_named():
    def twice(x):
        layer = conv(3, name="shared")
        return layers.ReLU(name="end")(layer(layer(x)))

    model = model_of(twice)
    assert receptive_field(model, "end").size == (5, 5)
    with pytest.raises(ValueError, match="'shared' is called 2 times"):
        receptive_field(model, "shared")
