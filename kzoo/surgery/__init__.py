"""Changing a built model."""

from kzoo.surgery.features import feature_extractor
from kzoo.surgery.freezing import freeze, unfreeze
from kzoo.surgery.fusion import fuse
from kzoo.surgery.head import replace_head
from kzoo.surgery.litert import Int8Report, export_int8

__all__ = [
    "Int8Report",
    "export_int8",
    "feature_extractor",
    "freeze",
    "fuse",
    "replace_head",
    "unfreeze",
]
