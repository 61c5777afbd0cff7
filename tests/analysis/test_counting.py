import keras
import numpy as np
import pytest

import kzoo
from kzoo import layers
from kzoo.analysis import count_multiply_adds, count_parameters, layer_table
from tests.peers import import_timm

# torchvision's weight metadata ("_ops", in G multiply-adds of convolutions and dense layers).
TORCHVISION_GIGA_MULTIPLY_ADDS = {
    "resnet18": 1.814,
    "resnet34": 3.664,
    "resnet50": 4.089,
    "vgg11": 7.609,
}


@pytest.mark.parametrize("name", TORCHVISION_GIGA_MULTIPLY_ADDS)
def test_multiply_adds_are_torchvisions(name):
    expected = TORCHVISION_GIGA_MULTIPLY_ADDS[name]
    assert kzoo.model_info(name).multiply_adds == pytest.approx(expected * 1e9, abs=6e5)


def model_of(layer, shape):
    inputs = keras.Input(shape)
    return keras.Model(inputs, layer(inputs))


def multiplications(layer, shape):
    """Count, by its effect, the multiply-adds of a linear layer: ones in, ones as weights."""
    model = model_of(layer, shape)
    for weight in layer.weights:
        weight.assign(np.ones(weight.shape) * (0 if "bias" in weight.path else 1))
    return int(np.asarray(model(np.ones((1, *shape)))).sum()), count_multiply_adds(model)


TABLE = ((1, 0, 1), (1, 1, 0))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (keras.layers.Conv2D(4, 3, groups=2), (7, 8, 6)),
        (keras.layers.Conv1D(4, 3, strides=2), (9, 2)),
        (keras.layers.Dense(5), (7,)),
        (keras.layers.Dense(5), (3, 7)),
        (layers.TiledConv2D(4, 3, tile_size=2), (7, 8, 3)),
        (layers.TiledConv1D(4, 3, tile_size=2), (9, 2)),
        (layers.LocallyConnected2D(4, 3), (7, 8, 3)),
        (layers.LocallyConnected1D(4, 3), (9, 2)),
        (layers.ConnectionTableConv2D(3, TABLE), (6, 6, 2)),
        (layers.GroupedConv2D(6, 3, groups=3), (7, 8, 6)),
        (layers.LiftingConv2D(4, 3, group="p4"), (7, 7, 3)),
        (layers.GroupEquivariantConv2D(4, 3, group="p4m"), (7, 7, 8, 3)),
    ],
)
def test_multiply_adds_are_what_a_layer_of_ones_sums_up(layer, shape):
    summed, counted = multiplications(layer, shape)
    assert counted == summed


def test_parameters_are_the_trainable_ones():
    model = model_of(keras.layers.BatchNormalization(), (4, 4, 3))
    assert count_parameters(model) == 6


def test_table_adds_up():
    model = kzoo.create_model("lenet5")
    rows = {row.name: row for row in layer_table(model)}
    assert rows["c3"].parameters == 2_416
    assert rows["c3"].output_shape == (10, 10, 16)
    assert rows["c3"].multiply_adds == 100 * 16 * 25 * 6
    assert sum(row.parameters for row in rows.values()) == count_parameters(model)


def test_unknown_input_size_is_refused():
    with pytest.raises(ValueError, match="build it with an input_shape of numbers"):
        count_multiply_adds(kzoo.create_model("resnet18", input_shape=(None, None, 3)))


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
    ],
)
def test_attentions_have_the_multiply_adds_that_torch_counts(layer, peer):
    timm = import_timm()
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        peer(timm.layers).eval()(torch.ones(1, 32, 9, 8))
    assert count_multiply_adds(model_of(layer, (9, 8, 32))) == counter.get_total_flops() // 2


def _batch_norm():
    import torch

    return torch.nn.BatchNorm2d
