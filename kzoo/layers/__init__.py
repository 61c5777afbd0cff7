"""Layers that Keras lacks, registered with Keras under the package name "kzoo"."""

from kzoo.layers.connection_table_conv import ConnectionTableConv2D
from kzoo.layers.group_conv import GroupEquivariantConv2D, LiftingConv2D
from kzoo.layers.group_pooling import GroupPooling2D
from kzoo.layers.group_spatial_pooling import GroupSpatialPooling2D
from kzoo.layers.identity_shortcut import IdentityShortcut2D
from kzoo.layers.locally_connected import LocallyConnected1D, LocallyConnected2D
from kzoo.layers.lp_pooling import LpPooling2D
from kzoo.layers.max_unpooling import MaxPoolingWithArgmax2D, MaxUnpooling2D
from kzoo.layers.minimum_size_pooling import MinimumSizePooling2D
from kzoo.layers.tiled_conv import TiledConv1D, TiledConv2D

__all__ = [
    "ConnectionTableConv2D",
    "GroupEquivariantConv2D",
    "GroupPooling2D",
    "GroupSpatialPooling2D",
    "IdentityShortcut2D",
    "LiftingConv2D",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "LpPooling2D",
    "MaxPoolingWithArgmax2D",
    "MaxUnpooling2D",
    "MinimumSizePooling2D",
    "TiledConv1D",
    "TiledConv2D",
]
