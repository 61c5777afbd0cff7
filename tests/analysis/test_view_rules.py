"""What each layer sees, held to the pixels that change its outputs when one tries."""

import math

import keras
import numpy as np
import pytest
from keras import layers

import kzoo
from kzoo.analysis.effective_receptive_field import effective_receptive_field
from kzoo.analysis.receptive_field import receptive_field
from kzoo.layers import GroupEquivariantConv2D, GroupPooling2D, GroupSpatialPooling2D, LiftingConv2D
from kzoo.layers.blur_pooling import BlurPooling2D
from kzoo.layers.global_response_normalization import GlobalResponseNormalization
from kzoo.layers.selective_kernel import SelectiveKernel
from kzoo.layers.split_attention import SplitAttention
from kzoo.layers.squeeze_excite import SqueezeExcite
from tests.layers.backend_cases import cases


def conv(kernel, stride=1, padding="valid", name=None, **options):
    return layers.Conv2D(1, kernel, stride, padding, name=name, **options)


def model_of(build, shape=(None, None, 1)):
    inputs = keras.Input(shape)
    return keras.Model(inputs, build(inputs))


def pixels_seen(model, axis=0):
    """Try every pixel along the middle of an axis: which outputs does it change?

    Weights are positive and inputs are not negative, so that no change cancels another.

    Returns:
        Array of booleans, (position of the output along the axis, pixel).
    """
    for weight in model.weights:
        is_bias = any(word in weight.path for word in ("bias", "beta", "mean"))
        if not weight.dtype.startswith(("int", "uint")):
            weight.assign(np.zeros(weight.shape) if is_bias else np.ones(weight.shape))
    shape = model.inputs[0].shape[1:]
    images = np.zeros((shape[axis], *shape), "float32")
    # A whole line of pixels across the axis, so that strides across it do not matter.
    np.moveaxis(images, axis + 1, 1)[np.arange(shape[axis]), np.arange(shape[axis])] = 1
    outputs = np.asarray(model(images))
    others = tuple(i for i in range(1, outputs.ndim) if i != axis + 1)
    return (np.abs(outputs).sum(axis=others) > 0).T


def check_every_region(model, **options):
    """Compare the fields that lie within the image with the pixels that are seen."""
    field = receptive_field(model, **options)
    compared = 0
    for axis, along in enumerate(field.axes):
        seen = pixels_seen(model, axis)
        assert along.output_size == len(seen)
        for y, pixels in enumerate(seen):
            region = along.input_region(y)
            if region is None:
                assert not pixels.any()
            elif region[0] >= 0 and region[1] < len(pixels):
                found = np.flatnonzero(pixels)
                assert (found.min(), found.max()) == region, (y, region)
                compared += 1
    assert compared > 0


GRAPHS = {
    "strided": lambda x: conv(3, 2, "same")(conv(4, 2, "same")(x)),
    "dilated": lambda x: conv(3, padding="same", dilation_rate=3)(conv(2)(x)),
    "depthwise": lambda x: layers.DepthwiseConv2D(3, 2, "same")(x),
    "separable": lambda x: layers.SeparableConv2D(2, (3, 4), padding="same")(x),
    "max pooling": lambda x: layers.MaxPooling2D(3, 2, "same")(conv(3)(x)),
    "average pooling": lambda x: layers.AveragePooling2D((2, 3))(x),
    "padding": lambda x: conv(3)(layers.ZeroPadding2D(((2, 1), (0, 3)))(x)),
    "cropping": lambda x: conv(3)(layers.Cropping2D(((2, 1), (0, 3)))(x)),
    "operations": lambda x: keras.ops.relu(keras.ops.pad(x, ((0, 0), (1, 2), (0, 0), (0, 0))) * 2),
    "nearest": lambda x: conv(2)(layers.UpSampling2D((2, 3))(conv(3, 2)(x))),
    "bilinear": lambda x: conv(3)(layers.UpSampling2D(2, interpolation="bilinear")(x)),
    "transposed": lambda x: layers.Conv2DTranspose(1, 3, 2, "same")(conv(3, 2)(x)),
    "transposed valid": lambda x: layers.Conv2DTranspose(1, (4, 5), (2, 3))(conv(3, 2)(x)),
    "transposed with gaps": lambda x: layers.Conv2DTranspose(1, 1, 2)(conv(3)(x)),
    "pooled after gaps": lambda x: conv(3, 2)(layers.Conv2DTranspose(1, 3, 3, "same")(x)),
    "adaptive": lambda x: layers.AdaptiveAveragePooling2D((5, 4))(conv((3, 1))(x)),
    "unet": lambda x: conv(3, padding="same")(
        x + layers.UpSampling2D(2)(conv(3, padding="same")(layers.MaxPooling2D(2)(x)))
    ),
    "group": lambda x: GroupPooling2D()(
        GroupSpatialPooling2D(2, strict=None)(
            GroupEquivariantConv2D(1, 3, padding="same")(LiftingConv2D(1, 3)(x))
        )
    ),
    "tiled": lambda x: kzoo.layers.TiledConv2D(1, 3, strides=2, padding="same")(x),
    "local": lambda x: kzoo.layers.LocallyConnected2D(1, 3, padding="same")(x),
    "table": lambda x: kzoo.layers.ConnectionTableConv2D(3, ((1,),), strides=2)(x),
    "lp": lambda x: kzoo.layers.LpPooling2D(3, strides=2, padding="same")(x),
    "shortcut": lambda x: kzoo.layers.IdentityShortcut2D(2, strides=2)(conv(3)(x)),
    "argmax": lambda x: kzoo.layers.MaxPoolingWithArgmax2D(3, 2, "same")(x)[0],
    "blur": lambda x: BlurPooling2D(4, strides=2, padding_mode="zeros")(x),
    "blur valid": lambda x: BlurPooling2D(3, strides=2, padding="valid")(x),
    "constant padding": lambda x: conv(3)(kzoo.layers.ConstantPadding2D(((2, 1), (0, 3)), 0)(x)),
    "cropped": lambda x: conv(2)(kzoo.layers.CropLike2D()([conv((1, 2))(x), conv((4, 5), 2)(x)])),
    "resized": lambda x: conv(2)(kzoo.layers.NearestResizing2D()([conv(3, 2)(x), conv(4, 2)(x)])),
    "enlarged": lambda x: conv(2)(kzoo.layers.NearestResizing2D()([conv(3, 4)(x), conv(2, 1)(x)])),
    "shrunk twice": lambda x: kzoo.layers.NearestResizing2D()(
        [kzoo.layers.NearestResizing2D()([x, conv(6)(x)]), conv(3, 3)(x)]
    ),
    "shuffled": lambda x: kzoo.layers.ChannelShuffle(2)(layers.Conv2D(4, 3)(x)),
    "scaled": lambda x: kzoo.layers.ScaleNormalization()(layers.Conv2D(4, 3)(x)),
    "skip init": lambda x: kzoo.layers.SkipInit()(conv(3)(x)),
    "minimum size": lambda x: kzoo.layers.MinimumSizePooling2D(5)(conv(3)(x)),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_every_pixel_is_seen_where_it_should_be(name):
    check_every_region(model_of(GRAPHS[name], (17 if name != "unet" else 16, 20, 1)))


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
def test_signals(padding):
    inputs = keras.Input((30, 2))
    x = layers.Conv1D(2, 4, dilation_rate=2, padding=padding)(inputs)
    x = layers.MaxPooling1D(3, 2)(layers.ZeroPadding1D((1, 0))(x))
    x = layers.UpSampling1D(2)(layers.Cropping1D((1, 2))(x))
    check_every_region(keras.Model(inputs, layers.Dense(3)(x)))


@pytest.mark.parametrize(
    ("padding", "expected"), [("full", (4, 4)), (((3, 1), (0, 2)), (3, 0)), ("same", (2, 2))]
)
def test_padding_of_the_layers_here(padding, expected):
    inputs = keras.Input((12, 12, 1))
    layer = kzoo.layers.TiledConv2D(1, 5, padding=padding)
    model = keras.Model(inputs, layer(inputs))
    assert receptive_field(model).padding == expected
    check_every_region(model)


@pytest.mark.parametrize(
    ("layer", "size", "stride"),
    [
        (lambda: SqueezeExcite(), 3, 1),
        (lambda: GlobalResponseNormalization(), 3, 1),
        (lambda: SplitAttention(8, 5, strides=2), 7, 2),
        (lambda: SelectiveKernel(8, kernel_sizes=(3, 7), strides=2, keep_3x3=False), 9, 2),
    ],
)
def test_attention_over_the_whole_map(layer, size, stride):
    model = model_of(lambda x: layer()(layers.Conv2D(8, 3, padding="same")(x)), (12, 12, 1))
    field = receptive_field(model)
    assert (field.size, field.stride) == ((math.inf,) * 2, (stride,) * 2)
    field = receptive_field(model, ignore_gates=True)
    assert (field.size, field.stride) == ((size,) * 2, (stride,) * 2)
    assert field.padding == (size // 2,) * 2


def test_a_reference_counts_by_its_size_alone():
    def build(x):
        return kzoo.layers.NearestResizing2D()(
            [conv(3, 2)(x), layers.GlobalAveragePooling2D(keepdims=True)(x)]
        )

    assert receptive_field(model_of(build, (9, 9, 1))).size == (3, 3)
    with pytest.raises(ValueError, match="depends on the size; give input_size"):
        receptive_field(model_of(GRAPHS["resized"]))
    assert receptive_field(model_of(GRAPHS["cropped"])).size == (2, 3)


# What has vectors for outputs, or the indices of a pooling for an input.
NO_MAP = {"pyramid", "learned pooling", "unpooling"}


@pytest.mark.parametrize(
    "name", [name for name, (_, data) in cases().items() if name not in NO_MAP and data[0].ndim < 5]
)
def test_every_layer_of_kzoo_is_known(name):
    layer, arrays = cases()[name]
    x = keras.Input(arrays[0].shape[1:])
    second = layers.Identity()(x)
    if arrays[-1].ndim == 2:  # weights of an image
        second = layers.Dense(arrays[-1].shape[1])(layers.GlobalAveragePooling2D()(x))
    y = layer(x if len(arrays) == 1 else [x, second])
    sizes = receptive_field(keras.Model(x, keras.tree.flatten(y)[0])).size
    window = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    assert all(size >= 1 for size in sizes)
    assert window is None or all(size >= taps for size, taps in zip(sizes, window))


def test_harmonic_layers():
    def build(x):
        x = kzoo.layers.HarmonicConv2D(2, 3)(kzoo.layers.HarmonicConv2D(2, 5)(x))
        x = kzoo.layers.HarmonicActivation()(kzoo.layers.HarmonicBatchNormalization()(x))
        x = kzoo.layers.HarmonicAveragePooling2D(2, strict=None)(x)
        return kzoo.layers.HarmonicMagnitude()(x)

    field = receptive_field(model_of(build, (12, 12, 1)))
    assert (field.size, field.stride) == ((8, 8), (2, 2))


def test_unpooling_sees_the_window_of_each_maximum():
    def build(x):
        pooled = kzoo.layers.MaxPoolingWithArgmax2D(3, padding="same")(x)
        return kzoo.layers.MaxUnpooling2D(3, padding="same", output_size=(12, 13))(list(pooled))

    field = receptive_field(model_of(build, (12, 13, 1)))
    assert (field.size, field.stride) == ((3, 3), (1, 1))
    assert [field.axes[0].input_region(y) for y in range(4)] == [(0, 2), (0, 2), (0, 2), (3, 5)]
    # 13 pixels are padded with one before and one after.
    assert [field.axes[1].input_region(y) for y in range(4)] == [(-1, 1), (-1, 1), (2, 4), (2, 4)]


def random_graph(rng, size):
    """A graph of strides that stay together: every join is of paths that are aligned."""
    inputs = keras.Input((size, size, 1))
    x = inputs
    for _ in range(rng.integers(2, 5)):
        kind = rng.integers(5)
        if kind == 0:
            x = conv(2 * int(rng.integers(1, 3)) + 1, 2, "valid", use_bias=False)(x)
        elif kind == 1:
            x = conv(int(rng.integers(2, 5)), 1, "same", use_bias=False)(x)
        elif kind == 2:
            paths = [
                conv(k, padding="same", dilation_rate=d, use_bias=False)(x)
                for k, d in ((1, 1), (3, 1), (3, int(rng.integers(1, 4))))
            ]
            x = layers.Add()(paths[: rng.integers(2, 4)])
        elif kind == 3:
            x = layers.Concatenate()([x, layers.AveragePooling2D(3, 1, "same")(x)])
        else:
            inner = keras.Sequential(
                [conv(3, padding="same", use_bias=False), layers.Activation("linear")]
            )
            x = layers.Average()([inner(x), x])
    return keras.Model(inputs, x)


@pytest.mark.parametrize("seed", range(6))
def test_random_graphs_see_what_their_gradients_reach(seed):
    rng = np.random.default_rng(seed)
    model = random_graph(rng, 96)
    for weight in model.weights:
        weight.assign(np.ones(weight.shape))
    effective = effective_receptive_field(model, samples=1)
    field = receptive_field(model)
    for axis, region in enumerate(field.input_region(effective.position)):
        along = np.flatnonzero(effective.map.any(axis=1 - axis))
        assert (along.min(), along.max()) == region
        assert field.axes[axis].size == region[1] - region[0] + 1


def test_channel_shuffle_keeps_places():
    def shuffle(x):
        x = layers.Reshape((8, 8, 2, 2))(layers.Conv2D(4, 3, padding="same")(x))
        return conv(3)(layers.Reshape((8, 8, 4))(layers.Permute((1, 2, 4, 3))(x)))

    assert receptive_field(model_of(shuffle, (8, 8, 1))).size == (5, 5)


def test_selection_of_channels():
    model = model_of(lambda x: conv(3)(layers.Conv2D(4, 3)(x)[..., :2]), (8, 8, 1))
    assert receptive_field(model).size == (5, 5)
    with pytest.raises(ValueError, match="part of the positions"):
        receptive_field(model_of(lambda x: x[:, 2:], (8, 8, 1)))
