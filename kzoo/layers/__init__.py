"""Layers that Keras lacks, registered with Keras under the package name "kzoo"."""

from kzoo.layers.batch_normalization import BatchNormalization
from kzoo.layers.blur_pooling import BlurPooling2D
from kzoo.layers.channel_shuffle import ChannelShuffle
from kzoo.layers.cluster_pooling import ClusterPooling2D
from kzoo.layers.complex_cell import ComplexCell2D
from kzoo.layers.cond_conv import CondConv2D
from kzoo.layers.connection_table_conv import ConnectionTableConv2D
from kzoo.layers.constant_padding import ConstantPadding2D
from kzoo.layers.crop_like import CropLike2D
from kzoo.layers.effective_squeeze_excite import EffectiveSqueezeExcite
from kzoo.layers.efficient_channel_attention import EfficientChannelAttention
from kzoo.layers.evo_norm import EvoNormS0
from kzoo.layers.fft_conv import FFTConv1D, FFTConv2D
from kzoo.layers.filter_response_normalization import FilterResponseNormalization
from kzoo.layers.fixed_conv import FixedConv2D
from kzoo.layers.gabor_conv import GaborConv2D
from kzoo.layers.global_response_normalization import GlobalResponseNormalization
from kzoo.layers.group_conv import GroupEquivariantConv2D, LiftingConv2D
from kzoo.layers.group_pooling import GroupPooling2D
from kzoo.layers.group_spatial_pooling import GroupSpatialPooling2D
from kzoo.layers.grouped_conv import GroupedConv1D, GroupedConv2D
from kzoo.layers.harmonic_activation import HarmonicActivation
from kzoo.layers.harmonic_batch_normalization import HarmonicBatchNormalization
from kzoo.layers.harmonic_conv import HarmonicConv2D
from kzoo.layers.harmonic_magnitude import HarmonicMagnitude
from kzoo.layers.harmonic_magnitude_conv import HarmonicMagnitudeConv2D
from kzoo.layers.harmonic_pooling import HarmonicAveragePooling2D
from kzoo.layers.identity_shortcut import IdentityShortcut2D
from kzoo.layers.layer_scale import LayerScale
from kzoo.layers.learned_pooling import LearnedPooling2D
from kzoo.layers.locally_connected import LocallyConnected1D, LocallyConnected2D
from kzoo.layers.lp_pooling import LpPooling1D, LpPooling2D
from kzoo.layers.max_unpooling import MaxPoolingWithArgmax2D, MaxUnpooling2D
from kzoo.layers.maxout import Maxout
from kzoo.layers.minimum_size_pooling import MinimumSizePooling2D
from kzoo.layers.nearest_resizing import NearestResizing2D
from kzoo.layers.scale_normalization import ScaleNormalization
from kzoo.layers.selective_kernel import SelectiveKernel
from kzoo.layers.skip_init import SkipInit
from kzoo.layers.spatial_pyramid_pooling import SpatialPyramidPooling2D
from kzoo.layers.split_attention import SplitAttention
from kzoo.layers.squeeze_excite import SqueezeExcite
from kzoo.layers.stochastic_depth import StochasticDepth
from kzoo.layers.stochastic_pooling import StochasticPooling2D
from kzoo.layers.tiled_conv import TiledConv1D, TiledConv2D
from kzoo.layers.weight_standardized_conv import WeightStandardizedConv2D

__all__ = [
    "BatchNormalization",
    "BlurPooling2D",
    "ChannelShuffle",
    "ClusterPooling2D",
    "ComplexCell2D",
    "CondConv2D",
    "ConnectionTableConv2D",
    "ConstantPadding2D",
    "CropLike2D",
    "EffectiveSqueezeExcite",
    "EfficientChannelAttention",
    "EvoNormS0",
    "FFTConv1D",
    "FFTConv2D",
    "FilterResponseNormalization",
    "FixedConv2D",
    "GaborConv2D",
    "GlobalResponseNormalization",
    "GroupEquivariantConv2D",
    "GroupPooling2D",
    "GroupSpatialPooling2D",
    "GroupedConv1D",
    "GroupedConv2D",
    "HarmonicActivation",
    "HarmonicAveragePooling2D",
    "HarmonicBatchNormalization",
    "HarmonicConv2D",
    "HarmonicMagnitude",
    "HarmonicMagnitudeConv2D",
    "IdentityShortcut2D",
    "LayerScale",
    "LearnedPooling2D",
    "LiftingConv2D",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "LpPooling1D",
    "LpPooling2D",
    "MaxPoolingWithArgmax2D",
    "MaxUnpooling2D",
    "Maxout",
    "MinimumSizePooling2D",
    "NearestResizing2D",
    "ScaleNormalization",
    "SelectiveKernel",
    "SkipInit",
    "SpatialPyramidPooling2D",
    "SplitAttention",
    "SqueezeExcite",
    "StochasticDepth",
    "StochasticPooling2D",
    "TiledConv1D",
    "TiledConv2D",
    "WeightStandardizedConv2D",
]
