"""Measuring, drawing and taking apart models, layers and convolutions."""

from kzoo.analysis.conv_arithmetic import conv_output_shape, conv_transpose_output_shape
from kzoo.analysis.conv_as_dense import conv_as_dense, conv_dense_mask, dense_as_conv
from kzoo.analysis.conv_matrix import conv1d_matrix, conv2d_matrix, conv_singular_values
from kzoo.analysis.counting import (
    LayerRow,
    count_activations,
    count_buffers,
    count_flops,
    count_multiply_adds,
    count_parameters,
    layer_table,
)
from kzoo.analysis.draw import draw_model
from kzoo.analysis.draw_receptive_field import draw_receptive_field
from kzoo.analysis.effective_receptive_field import (
    EffectiveReceptiveField,
    effective_receptive_field,
)
from kzoo.analysis.equivariance import EquivarianceErrors, check_equivariance, flip, rotate, shift
from kzoo.analysis.fft_convolution import fft_convolve
from kzoo.analysis.gabor_fit import GaborFit, fit_gabor
from kzoo.analysis.receptive_field import AxisField, ReceptiveField, receptive_field
from kzoo.analysis.reverse_correlation import ReverseCorrelation, reverse_correlation
from kzoo.analysis.rotation_consistency import rotation_consistency
from kzoo.analysis.speed import Speed, measure_inference, measure_train_step

__all__ = [
    "AxisField",
    "EffectiveReceptiveField",
    "EquivarianceErrors",
    "GaborFit",
    "LayerRow",
    "ReceptiveField",
    "ReverseCorrelation",
    "Speed",
    "check_equivariance",
    "conv1d_matrix",
    "conv2d_matrix",
    "conv_as_dense",
    "conv_dense_mask",
    "conv_output_shape",
    "conv_singular_values",
    "conv_transpose_output_shape",
    "count_activations",
    "count_buffers",
    "count_flops",
    "count_multiply_adds",
    "count_parameters",
    "dense_as_conv",
    "draw_model",
    "draw_receptive_field",
    "effective_receptive_field",
    "fft_convolve",
    "fit_gabor",
    "flip",
    "layer_table",
    "measure_inference",
    "measure_train_step",
    "receptive_field",
    "reverse_correlation",
    "rotate",
    "rotation_consistency",
    "shift",
]
