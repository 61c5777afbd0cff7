"""Counting: timm's and torchvision's published figures, PyTorch's counter, and layers of ones."""

from math import prod

import keras
import numpy as np
import pytest
from keras import layers as klayers

import kzoo
from kzoo import layers
from kzoo.analysis import (
    count_activations,
    count_buffers,
    count_flops,
    count_multiply_adds,
    count_parameters,
    layer_table,
)
from tests.layers.backend_cases import cases
from tests.peers import build_counterpart, import_timm

# torchvision's weight metadata ("_ops", in G multiply-adds of convolutions and dense layers).
TORCHVISION_GIGA_MULTIPLY_ADDS = {"resnet18": 1.814, "resnet34": 3.664}


@pytest.mark.parametrize("name", TORCHVISION_GIGA_MULTIPLY_ADDS)
def test_multiply_adds_are_torchvisions(name):
    expected = TORCHVISION_GIGA_MULTIPLY_ADDS[name]
    assert kzoo.model_info(name).multiply_adds == pytest.approx(expected * 1e9, abs=6e5)


# G multiply-adds and M activations of one image, columns infer_gmacs and infer_macts of timm's
# results/benchmark-infer-amp-nchw-pt240-cu124-rtx4090.csv, which fvcore counted.
TIMM = {
    "convnext_atto": (0.55, 3.81),
    "densenet121": (2.87, 6.90),
    "dla34": (3.07, 5.02),
    "efficientnet_b0": (0.40, 6.75),
    "mixnet_s": (0.25, 6.25),
    "mobilenetv3_large_100": (0.23, 4.41),
    "regnety_032": (3.20, 11.26),
    "repvgg_a2": (5.70, 6.26),
    "resnet50": (4.11, 11.11),
    "resnetblur50": (5.16, 12.02),
    "selecsls42b": (2.98, 4.62),
    "skresnet18": (1.82, 3.24),
}
# fvcore counts these operations for each element of a normalisation.
NORMALISATION = {"BatchNormalization": 2, "LayerNormalization": 5}


@pytest.mark.parametrize("name", TIMM)
def test_figures_are_timms_to_the_digit(name):
    gigas, millions = TIMM[name]
    rows = layer_table(kzoo.create_model(name))
    normalisation = sum(
        NORMALISATION[row.kind] * prod(row.output_shape)
        for row in rows
        if row.kind in NORMALISATION
    )
    counted = sum(row.multiply_adds for row in rows) + normalisation
    assert counted / 1e9 == pytest.approx(gigas, abs=0.00501)
    assert sum(row.activations for row in rows) / 1e6 == pytest.approx(millions, abs=0.00501)


def test_flops_are_those_of_the_receptive_field_library():
    """Its 30.713 G for VGG-16 count biases, one for each activation, and poolings too."""
    model = kzoo.create_model("vgg16", include_top=False, input_shape=(224, 224, 3))
    rows = layer_table(model)
    pooling = sum(4 * prod(row.output_shape) for row in rows if row.kind == "MaxPooling2D")
    flops = count_flops(model) + count_activations(model) + pooling
    assert flops == pytest.approx(30.713e9, abs=5e5)


def model_of(layer, *shapes):
    inputs = [keras.Input(shape) for shape in shapes]
    fed = inputs if len(inputs) > 1 else inputs[0]
    return keras.Model(fed, layer(fed))


def multiplications(layer, shape):
    """Count, by its effect, the multiply-adds of a linear layer: ones in, ones as weights."""
    model = model_of(layer, shape)
    for weight in layer.weights:
        weight.assign(np.ones(weight.shape) * (0 if "bias" in weight.path else 1))
    return int(np.asarray(model(np.ones((1, *shape)))).sum()), count_multiply_adds(model)


TABLE = ((1, 0, 1), (1, 1, 0))
FIRST = {"data_format": "channels_first"}


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (klayers.Conv2D(4, 3, groups=2), (7, 8, 6)),
        (klayers.Conv1D(4, 3, strides=2), (9, 2)),
        (klayers.Conv3D(4, 2), (4, 5, 6, 2)),
        (klayers.Conv1DTranspose(4, 3, strides=2), (5, 2)),
        (klayers.Conv2DTranspose(4, 3, strides=2), (5, 6, 2)),
        (klayers.Conv2DTranspose(4, 3, strides=2, **FIRST), (2, 5, 6)),
        (klayers.Conv3DTranspose(4, 2), (3, 4, 5, 2)),
        (klayers.DepthwiseConv1D(3, depth_multiplier=2), (9, 2)),
        (klayers.DepthwiseConv2D(3, depth_multiplier=2), (7, 8, 3)),
        (klayers.Dense(5), (7,)),
        (klayers.Dense(5), (3, 7)),
        (klayers.EinsumDense("abc,cde->abde", output_shape=(None, 4, 5)), (3, 7)),
        (klayers.EinsumDense("...x,xy->...y", output_shape=5), (2, 3, 7)),
        (klayers.TimeDistributed(klayers.Conv2D(4, 3)), (2, 7, 8, 3)),
        (layers.TiledConv2D(4, 3, tile_size=2), (7, 8, 3)),
        (layers.TiledConv2D(4, 3, tile_size=2, **FIRST), (3, 7, 8)),
        (layers.TiledConv1D(4, 3, tile_size=2), (9, 2)),
        (layers.LocallyConnected2D(4, 3), (7, 8, 3)),
        (layers.LocallyConnected1D(4, 3), (9, 2)),
        (layers.ConnectionTableConv2D(3, TABLE), (6, 6, 2)),
        (layers.GroupedConv2D(6, 3, groups=3), (7, 8, 6)),
        (layers.LiftingConv2D(4, 3, group="p4"), (7, 7, 3)),
        (layers.GroupEquivariantConv2D(4, 3, group="p4m"), (7, 7, 8, 3)),
        (layers.GroupEquivariantConv2D(4, 3, group="p4", **FIRST), (4, 3, 7, 7)),
    ],
)
def test_multiply_adds_are_what_a_layer_of_ones_sums_up(layer, shape):
    summed, counted = multiplications(layer, shape)
    assert counted == summed


def test_a_separable_convolution_is_a_depthwise_and_a_pointwise_one():
    shape, parts = (9, 8, 3), [klayers.DepthwiseConv2D(3, depth_multiplier=2), klayers.Conv2D(5, 1)]
    one = model_of(klayers.SeparableConv2D(5, 3, depth_multiplier=2), shape)
    two = keras.Sequential([keras.Input(shape), *parts])
    assert count_multiply_adds(one) == count_multiply_adds(two)
    assert count_activations(one) == count_activations(two)


def counted_by_torch(module, *inputs):
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*inputs)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize(
    ("layer", "peer"),
    [
        (layers.SqueezeExcite(reduced_channels=8), lambda t: t.SqueezeExcite(32, rd_channels=8)),
        (layers.EffectiveSqueezeExcite(), lambda t: t.EffectiveSEModule(32)),
        (layers.EfficientChannelAttention(), lambda t: t.EcaModule(32)),
        (
            layers.SplitAttention(48, groups=2),
            lambda t: t.SplitAttn(32, 48, 3, padding=1, groups=2, norm_layer=_batch_norm()),
        ),
        (
            layers.SelectiveKernel(48, split_input=True),
            lambda t: t.SelectiveKernel(32, 48, split_input=True),
        ),
        (layers.BlurPooling2D(3, 2), lambda t: t.BlurPool2d(32, filt_size=3, stride=2)),
    ],
)
def test_attentions_have_the_multiply_adds_that_torch_counts(layer, peer):
    timm = import_timm()
    import torch

    expected = counted_by_torch(peer(timm.layers).eval(), torch.ones(1, 32, 9, 8))
    assert count_multiply_adds(model_of(layer, (9, 8, 32))) == expected


def _batch_norm():
    import torch

    return torch.nn.BatchNorm2d


@pytest.mark.parametrize(
    ("layer", "value_width", "key_width"),
    [
        (klayers.MultiHeadAttention(3, 8), 12, 10),
        (klayers.GroupQueryAttention(8, 3, 3), 24, 24),
    ],
)
def test_attention_of_heads_has_the_multiply_adds_that_torch_counts(layer, value_width, key_width):
    torch = pytest.importorskip("torch")
    peer = torch.nn.MultiheadAttention(24, 3, kdim=key_width, vdim=value_width, batch_first=True)
    query, value, key = (5, 24), (7, value_width), (7, key_width)
    arrays = (torch.ones(1, *shape) for shape in (query, key, value))
    inputs = [keras.Input(shape) for shape in (query, value, key)]
    model = keras.Model(inputs, layer(*inputs))
    expected = counted_by_torch(peer.train(), *arrays)
    assert count_multiply_adds(model) == expected
    query, value, key = inputs
    mask = keras.Input((5, 7), dtype="bool")
    masked = layer(query=query, value=value, key=key, attention_mask=mask)
    assert count_multiply_adds(keras.Model([*inputs, mask], masked)) == expected


@pytest.mark.parametrize(
    ("layer", "shapes", "expected"),
    [
        (klayers.Embedding(5, 2), [(7,)], 0),
        # Four gates of 5 units see 3 inputs and 5 states, 7 times.
        (klayers.LSTM(5), [(7, 3)], 7 * 4 * 5 * (3 + 5)),
        (klayers.GRU(5), [(7, 3)], 7 * 3 * 5 * (3 + 5)),
        (klayers.SimpleRNN(5), [(7, 3)], 7 * 5 * (3 + 5)),
        (klayers.Bidirectional(klayers.SimpleRNN(5)), [(7, 3)], 2 * 7 * 5 * (3 + 5)),
        # Scores of 5 queries and 7 keys of 4 numbers, and means of 7 values of 6.
        (klayers.Attention(), [(5, 4), (7, 6), (7, 4)], 5 * 7 * 4 + 5 * 6 * 7),
        (klayers.Dot(axes=(2, 1)), [(5, 4), (4, 3)], 5 * 4 * 3),
        (klayers.SpectralNormalization(klayers.Dense(5)), [(7,)], 35),
        (klayers.ReversibleEmbedding(9, 4), [(7,)], 0),
        (klayers.PReLU(), [(7, 3)], 0),
        (klayers.LayerNormalization(axis=(1, 2)), [(7, 3)], 0),
        (layers.HarmonicConv2D(4, 3, max_order=1), [(5, 5, 3)], 9 * 2 * 2 * 4 * 9 * 3),
        (layers.HarmonicMagnitudeConv2D(4, 3), [(5, 5, 3)], 9 * 2 * 2 * 4 * 9 * 3),
        (layers.HarmonicMagnitudeConv2D(4, 3), [(5, 5, 2, 2, 3)], 9 * 2 * 2 * 4 * 9 * 2 * 2 * 3),
        (layers.ComplexCell2D(4, 3), [(5, 5, 3)], 9 * 2 * 4 * 9 * 3),
        (layers.GaborConv2D(4, 3), [(5, 5, 3)], 9 * 4 * 9 * 3),
        (layers.FixedConv2D("sobel_x"), [(5, 5, 2)], 25 * 2 * 9),
        (layers.FFTConv2D(4, 3), [(5, 5, 2)], 9 * 4 * 9 * 2),
        (layers.WeightStandardizedConv2D(4, 3, groups=2), [(5, 5, 2)], 9 * 4 * 9),
        # Each of 4 x 4 positions is compared to 3 centres, by its 2 numbers.
        (layers.ClusterPooling2D(3), [(4, 4, 2)], 16 * 3 * 2),
        # Two units weigh the 9 cells of each channel.
        (layers.LearnedPooling2D(2, 3), [(6, 6, 4)], 2 * 9 * 4),
    ],
)
def test_multiply_adds_that_were_counted_by_hand(layer, shapes, expected):
    if isinstance(layer, klayers.Attention):
        inputs = [keras.Input(shape) for shape in shapes]
        model = keras.Model(inputs, layer(inputs))
    else:
        model = model_of(layer, *shapes)
    assert count_multiply_adds(model) == expected


@pytest.mark.parametrize("case", cases().values(), ids=list(cases()))
def test_every_layer_of_kzoo_can_be_counted(case):
    layer, arrays = case
    inputs = [keras.Input(array.shape[1:], dtype=str(array.dtype)) for array in arrays]
    fed = inputs if len(inputs) > 1 else inputs[0]
    rows = layer_table(keras.Model(fed, layer(fed)))
    assert [row.name for row in rows] == [layer.name]
    assert (rows[0].multiply_adds > 0) >= ("Conv" in rows[0].kind)


def test_operations_of_tensors():
    a, b = keras.Input((5, 4)), keras.Input((4, 3))
    product = keras.ops.matmul(a, b)
    model = keras.Model([a, b], keras.ops.einsum("bij,bkj->bik", product, product) + 1.0)
    assert count_multiply_adds(model) == 5 * 4 * 3 + 5 * 5 * 3
    assert count_activations(model) == 5 * 3 + 5 * 5
    kernel = keras.Input((3, 4, 2))
    with pytest.raises(ValueError, match="Tensordot .* are not known, and it is a sum of products"):
        count_multiply_adds(keras.Model([a, kernel], keras.ops.tensordot(a, kernel, 1)))


def test_parameters_and_buffers_are_pytorchs():
    torch = pytest.importorskip("torch")
    model = kzoo.create_model("resnet18")
    peer = build_counterpart("resnet18")
    buffers = [b.numel() for b in peer.buffers() if b.dtype != torch.int64]
    parameters = sum(p.numel() for p in peer.parameters())
    for trainable in (True, False):
        model.trainable = trainable
        assert count_parameters(model) == parameters
        assert count_buffers(model) == sum(buffers)


def test_what_is_a_parameter():
    norm = klayers.BatchNormalization()
    norm.build((None, 4, 4, 3))
    assert (count_parameters(norm), count_buffers(norm)) == (6, 6)
    layer = klayers.Dense(2)
    layer.build((None, 3))
    model = keras.Sequential([keras.Input((3,)), layer, klayers.Dropout(0.5), klayers.Dense(3)])
    assert (count_parameters(model), count_buffers(model)) == (8 + 9, 0)


def test_table_adds_up():
    model = kzoo.create_model("lenet5")
    rows = {row.name: row for row in layer_table(model)}
    assert rows["c3"].parameters == 2_416
    assert rows["c3"].output_shape == (10, 10, 16)
    assert rows["c3"].multiply_adds == 100 * 16 * 25 * 6
    assert rows["c3"].activations == 1_600
    assert sum(row.parameters for row in rows.values()) == count_parameters(model)


def test_a_layer_that_is_called_twice_has_its_parameters_once():
    x, layer = keras.Input((4,)), klayers.Dense(4)
    rows = layer_table(keras.Model(x, layer(layer(x))))
    assert [(row.parameters, row.multiply_adds) for row in rows] == [(20, 16), (0, 16)]


def test_nested_models_are_looked_into():
    body = keras.Sequential([keras.Input((None, None, 3)), klayers.Conv2D(4, 3), klayers.ReLU()])
    x = keras.Input((8, 9, 3))
    model = keras.Model(x, klayers.Flatten()(keras.Sequential([body])(x)))
    assert [row.kind for row in layer_table(model)] == ["Conv2D", "ReLU", "Flatten"]
    assert count_multiply_adds(model) == 6 * 7 * 4 * 27


def test_several_outputs_and_inputs():
    x, y = keras.Input((8, 8, 3)), keras.Input((None, 5))
    values, indices = layers.MaxPoolingWithArgmax2D(2)(x)
    model = keras.Model([x, y], [values, indices, klayers.Dense(2)(y)])
    rows = {row.kind: row for row in layer_table(model, input_shape=[(8, 8, 3), (7, 5)])}
    assert rows["MaxPoolingWithArgmax2D"].output_shape == ((4, 4, 3), (4, 4, 3))
    assert rows["Dense"].multiply_adds == 7 * 5 * 2
    with pytest.raises(ValueError, match=r"takes any \(\(8, 8, 3\), \(None, 5\)\)"):
        layer_table(model)


def test_an_input_of_any_size_is_given_one():
    free = kzoo.create_model("lcnet_035", input_shape=(None, None, 3))
    for size in (224, 75):
        fixed = kzoo.create_model("lcnet_035", input_shape=(size, size, 3))
        assert layer_table(free, input_shape=(size, size, 3)) == layer_table(fixed)


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "skresnet18", "p4cnn", "hnet_mnist"])
def test_channels_first_costs_the_same(name):
    last = layer_table(kzoo.create_model(name))
    keras.config.set_image_data_format("channels_first")
    height, width, channels = kzoo.registry.find_family(name).shape_of(name)
    first = layer_table(kzoo.create_model(name, input_shape=(channels, height, width)))
    assert [row[3:] for row in first if row.multiply_adds] == [
        row[3:] for row in last if row.multiply_adds
    ]


def test_a_batch_of_fixed_size_counts_once():
    x = keras.Input(batch_shape=(8, 5, 4))
    model = keras.Model(x, keras.ops.matmul(klayers.Dense(3)(x), np.ones((3, 2), "float32")))
    assert count_multiply_adds(model) == 5 * 4 * 3 + 5 * 3 * 2


@pytest.mark.parametrize(
    ("input_shape", "error", "message"),
    [
        (None, ValueError, r"model takes any \(\(None, 3\)\); pass an input_shape"),
        ((8, 4), ValueError, r"one that model takes \(\(None, 3\)\).*received \(8, 4\)"),
        ((0, 3), ValueError, r"received \(0, 3\)"),
        ((8,), ValueError, r"received \(8,\)"),
        ([(8, 3), (8, 3)], ValueError, "list of them for several inputs"),
        ((8.0, 3), TypeError, "must hold integers"),
        (8, ValueError, "received 8"),
        ([8, (8, 3)], TypeError, "must hold integers"),
    ],
)
def test_input_shapes_that_are_refused(input_shape, error, message):
    x = keras.Input((None, 3))
    model = keras.Model(x, klayers.Dense(2)(x), name="model")
    with pytest.raises(error, match=message):
        count_multiply_adds(model, input_shape)
    assert count_multiply_adds(model, [8, 3]) == count_multiply_adds(model, (8, 3)) == 48


class Mixing(keras.layers.Layer):
    """A layer that kzoo knows nothing of."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 2))

    def call(self, x):
        return x @ self.kernel

    def compute_output_shape(self, shape):
        return (*shape[:-1], 2)


def test_a_layer_that_is_not_known_is_refused_unless_left_out():
    x = keras.Input((4,))
    model = keras.Model(x, klayers.Dense(3)(Mixing(name="mixing")(x)))
    with pytest.raises(ValueError, match=r"Mixing 'mixing' .*; pass leave_out=\('mixing',\)"):
        count_multiply_adds(model)
    assert count_multiply_adds(model, leave_out=("mixing",)) == 6
    wrapped = model_of(klayers.TimeDistributed(Mixing(name="mixing"), name="steps"), (7, 4))
    with pytest.raises(ValueError, match=r"Mixing 'mixing' .*; pass leave_out=\('steps',\)"):
        count_multiply_adds(wrapped)
    assert count_multiply_adds(wrapped, leave_out="steps") == 0
    with pytest.raises(ValueError, match="leave_out must name layers .*; it has none called mixin"):
        count_multiply_adds(model, leave_out=("mixing", "mixin"))
    recurrent = model_of(klayers.ConvLSTM1D(2, 3), (4, 5, 2))
    with pytest.raises(ValueError, match="ConvLSTM1D .* are not known"):
        count_multiply_adds(recurrent)


class Nonzero(keras.layers.Layer):
    """A layer whose output is as long as its input has numbers other than 0."""

    def call(self, x):
        return keras.ops.stack(keras.ops.nonzero(x))

    def compute_output_shape(self, shape):
        return len(shape), None


def test_outputs_of_unknown_size_are_refused():
    x = keras.Input((4,))
    with pytest.raises(ValueError, match="'nonzero' has an output of unknown size"):
        count_multiply_adds(keras.Model(x, Nonzero(name="nonzero")(x)))


def test_what_is_not_built_is_not_counted():
    for count in (kzoo.analysis.count_parameters, kzoo.analysis.count_buffers):
        with pytest.raises(ValueError, match="'d' has no weights yet; build it, or call it, first"):
            count(klayers.Dense(3, name="d"))


def test_a_model_without_a_graph_is_refused():
    with pytest.raises(ValueError, match="has no graph"):
        count_multiply_adds(keras.Sequential([klayers.Dense(3)]))
    with pytest.raises(TypeError, match="must be a keras.Model"):
        count_multiply_adds(klayers.Dense(3))
