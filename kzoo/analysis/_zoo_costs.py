"""What the layers of kzoo cost."""

from math import prod

import keras

from kzoo import layers
from kzoo.analysis._costs import Rule, products, rules, times, total


def _window(call):
    return products(call.outputs, prod(call.layer.kernel_size) * call.channels)


def _conditional_convolution(call):
    """One convolution, whose kernel is mixed from all."""
    kernel = call.layer.kernel.shape
    convolution = products(call.outputs, prod(kernel[1:-1]))
    return convolution._replace(multiply_adds=convolution.multiply_adds + prod(kernel))


def _planes(call, rank):
    """Elements of the input at one position of the plane; those of an image are its channels."""
    shape = call.input_shape
    if call.layer.data_format == "channels_last":
        return prod(shape[3:])
    return prod(shape[1 : 2 if len(shape) == 4 else rank - 2])


def _group_convolution(call):
    return products(call.outputs, prod(call.layer.kernel_size) * _planes(call, 5))


def _harmonic_convolution(call):
    """A complex product counts as four real ones."""
    return products(call.outputs, prod(call.layer.kernel_size) * _planes(call, 6))


def _harmonic_magnitude(call):
    responses = 2 * (call.layer.max_order + 1) * call.outputs
    return products(responses, prod(call.layer.kernel_size) * _planes(call, 6))


def _complex_cell(call):
    return products(2 * call.outputs, prod(call.layer.kernel_size) * call.channels)


def _connection_table(call):
    """The average over the filters, which see different numbers of input maps."""
    return products(call.outputs, prod(call.layer.kernel.shape) / call.layer.filters)


def _blur(call):
    return products(call.outputs, prod(call.layer.pool_size))


def _distances_to_clusters(call):
    descriptors = call.input_shapes[-1]
    clusters, channels = call.layer.centers.shape
    return products(prod(descriptors[1:]) // channels * clusters, channels)


def _learned_pooling(call):
    return products(call.outputs, prod(call.layer.grid_size))


def _sublayers(call):
    """Convolutions at every position of the output, what else has a kernel once an image."""
    return total(
        times(
            call.positions if _is_convolution_of_a_map(part) else 1,
            products(part.kernel.shape[-1], prod(part.kernel.shape[:-1])),
        )
        for part in call.layer.sublayers
        if hasattr(part, "kernel")
    )


def _is_convolution_of_a_map(part):
    return isinstance(part, keras.layers.Conv2D) and part.name.endswith("conv")


def _along_channels(call):
    return total(products(call.channels, prod(part.kernel.shape)) for part in call.layer.sublayers)


RULES: dict[type, Rule] = rules(
    {
        _window: (
            layers.GaborConv2D,
            layers.LiftingConv2D,
            layers.LocallyConnected1D,
            layers.LocallyConnected2D,
            layers.TiledConv1D,
            layers.TiledConv2D,
        ),
        _conditional_convolution: (layers.CondConv2D,),
        _group_convolution: (layers.GroupEquivariantConv2D,),
        _harmonic_convolution: (layers.HarmonicConv2D,),
        _harmonic_magnitude: (layers.HarmonicMagnitudeConv2D,),
        _complex_cell: (layers.ComplexCell2D,),
        _connection_table: (layers.ConnectionTableConv2D,),
        _blur: (layers.BlurPooling2D,),
        _distances_to_clusters: (layers.ClusterPooling2D,),
        _learned_pooling: (layers.LearnedPooling2D,),
        _sublayers: (
            layers.EffectiveSqueezeExcite,
            layers.SelectiveKernel,
            layers.SplitAttention,
            layers.SqueezeExcite,
        ),
        _along_channels: (layers.EfficientChannelAttention,),
    }
)
