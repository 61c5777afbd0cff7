"""Parameters and multiply-adds of a model."""

from collections.abc import Callable
from math import prod
from typing import NamedTuple

import keras

from kzoo import layers


class LayerRow(NamedTuple):
    """One layer in a model's table."""

    name: str
    kind: str
    output_shape: tuple
    parameters: int
    multiply_adds: int


def count_parameters(model: keras.Model) -> int:
    """Return the number of trainable parameters."""
    return sum(prod(weight.shape) for weight in model.trainable_weights)


def count_multiply_adds(model: keras.Model) -> int:
    """Return the multiply-adds of one input through convolutions and dense layers.

    Normalisation, activations, pooling and biases are left out.

    Raises:
        ValueError: the model's input has an unknown size.
    """
    return sum(row.multiply_adds for row in layer_table(model))


def layer_table(model: keras.Model) -> list[LayerRow]:
    """Return one row for each layer of a model whose input size is known.

    Raises:
        ValueError: the model's input has an unknown size.
    """
    if None in model.inputs[0].shape[1:]:
        raise ValueError(
            f"multiply-adds depend on the input size, and {model.name} takes any "
            f"({tuple(model.inputs[0].shape[1:])}); build it with an input_shape of numbers."
        )
    return [
        LayerRow(
            name=layer.name,
            kind=type(layer).__name__,
            output_shape=tuple(layer.output.shape[1:]),
            parameters=sum(prod(weight.shape) for weight in layer.trainable_weights),
            multiply_adds=_multiply_adds(layer),
        )
        for layer in model.layers
    ]


def _multiply_adds(layer):
    """Output elements times the inputs that each of them sums over, or the sum of the parts."""
    for kinds, inputs_per_output in _INPUTS_PER_OUTPUT.items():
        if isinstance(layer, kinds):
            return round(prod(layer.output.shape[1:]) * inputs_per_output(layer))
    return sum(part(layer) for kinds, part in _TOTALS.items() if isinstance(layer, kinds))


def _window(layer):
    channel_axis = -1 if layer.data_format == "channels_last" else 1
    return prod(layer.kernel_size) * layer.input.shape[channel_axis]


def _group_window(layer):
    shape = layer.input.shape
    channels = shape[3:] if layer.data_format == "channels_last" else shape[1:3]
    return prod(layer.kernel_size) * prod(channels)


def _harmonic_window(layer):
    """A complex product counts as four real ones."""
    shape = layer.input.shape
    if len(shape) == 4:
        return _window(layer)
    planes = shape[3:] if layer.data_format == "channels_last" else shape[1:4]
    return prod(layer.kernel_size) * prod(planes)


_INPUTS_PER_OUTPUT = {
    (
        keras.layers.Conv1D,
        keras.layers.Conv2D,
        layers.GroupedConv1D,
        layers.GroupedConv2D,
        layers.FFTConv1D,
        layers.FFTConv2D,
        layers.WeightStandardizedConv2D,
    ): lambda layer: prod(layer.kernel.shape[:-1]),
    keras.layers.Dense: lambda layer: layer.kernel.shape[0],
    (
        layers.TiledConv1D,
        layers.TiledConv2D,
        layers.LocallyConnected1D,
        layers.LocallyConnected2D,
        layers.LiftingConv2D,
    ): _window,
    layers.GroupEquivariantConv2D: _group_window,
    layers.GaborConv2D: _window,
    layers.ComplexCell2D: lambda layer: 2 * _window(layer),
    layers.FixedConv2D: lambda layer: prod(layer.kernel_size),
    layers.HarmonicConv2D: _harmonic_window,
    layers.HarmonicMagnitudeConv2D: lambda layer: 2 * (layer.max_order + 1) * _window(layer),
    # The average over the filters, which see different numbers of input maps.
    layers.ConnectionTableConv2D: lambda layer: prod(layer.kernel.shape) / layer.filters,
}


def _sublayers(layer):
    """Convolutions at every position of the output, what else has a kernel once an image."""
    channel_axis = -1 if layer.data_format == "channels_last" else 1
    positions = prod(layer.output.shape[1:]) // layer.output.shape[channel_axis]
    return sum(
        prod(part.kernel.shape) * (positions if part.name.endswith("conv") else 1)
        for part in layer.sublayers
        if hasattr(part, "kernel")
    )


def _channel_window(layer):
    channel_axis = -1 if layer.data_format == "channels_last" else 1
    return (
        sum(prod(part.kernel.shape) for part in layer.sublayers) * layer.input.shape[channel_axis]
    )


_TOTALS: dict[tuple[type, ...], Callable[[keras.Layer], int]] = {
    (
        layers.SqueezeExcite,
        layers.EffectiveSqueezeExcite,
        layers.SplitAttention,
        layers.SelectiveKernel,
    ): _sublayers,
    (layers.EfficientChannelAttention,): _channel_window,
}
