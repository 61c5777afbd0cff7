"""MobileNetV4: universal inverted bottlenecks; the networks without attention.

Qin et al., "MobileNetV4: Universal Models for the Mobile Ecosystem", ECCV 2024
(https://arxiv.org/abs/2404.10518), appendix D. The narrower small networks, and those that pool
(`aa`) or blur instead of convolving with strides, are timm's. Layer names are timm's.

Deviations: as in timm, padding is symmetric.
"""

from kzoo.applications._family import Family
from kzoo.applications._inverted_residual import build
from kzoo.applications._mobile_tables import (
    Convolution,
    Fused,
    Head,
    Network,
    Scaling,
    Universal,
    stage,
)


def _block(start, middle, expansion, channels, repeats=1):
    """Write a block by its two depthwise kernels, as the paper's appendix does; 0 for none."""
    return Universal(
        channels, repeats, start_kernel=start, kernel=middle, expansion=float(expansion)
    )


def _conv(kernel, channels):
    return Convolution(channels, kernel=kernel, skip=False)


SMALL = (
    stage(2, _conv(3, 32), _conv(1, 32)),
    stage(2, _conv(3, 96), _conv(1, 64)),
    stage(2, _block(5, 5, 3, 96), _block(0, 3, 2, 96, 4), _block(3, 0, 4, 96)),
    stage(
        2,
        _block(3, 3, 6, 128),
        _block(5, 5, 4, 128),
        _block(0, 5, 4, 128),
        _block(0, 5, 3, 128),
        _block(0, 3, 4, 128, 2),
    ),
    stage(1, _conv(1, 960)),
)

MEDIUM = (
    stage(2, Fused(48, expansion=4)),
    stage(2, _block(3, 5, 4, 80), _block(3, 3, 2, 80)),
    stage(
        2,
        _block(3, 5, 6, 160),
        _block(3, 3, 4, 160, 2),
        _block(3, 5, 4, 160),
        _block(3, 3, 4, 160),
        _block(3, 0, 4, 160),
        _block(0, 0, 2, 160),
        _block(3, 0, 4, 160),
    ),
    stage(
        2,
        _block(5, 5, 6, 256),
        _block(5, 5, 4, 256),
        _block(3, 5, 4, 256, 2),
        _block(0, 0, 4, 256),
        _block(3, 0, 4, 256),
        _block(3, 5, 2, 256),
        _block(5, 5, 4, 256),
        _block(0, 0, 4, 256, 2),
        _block(5, 0, 2, 256),
    ),
    stage(1, _conv(1, 960)),
)

LARGE = (
    stage(2, Fused(48, expansion=4)),
    stage(2, _block(3, 5, 4, 96), _block(3, 3, 4, 96)),
    stage(
        2,
        _block(3, 5, 4, 192),
        _block(3, 3, 4, 192, 3),
        _block(3, 5, 4, 192),
        _block(5, 3, 4, 192, 5),
        _block(3, 0, 4, 192),
    ),
    stage(
        2,
        _block(5, 5, 4, 512, 4),
        _block(5, 0, 4, 512),
        _block(5, 3, 4, 512),
        _block(5, 0, 4, 512, 2),
        _block(5, 3, 4, 512),
        _block(5, 5, 4, 512),
        _block(5, 0, 4, 512, 3),
    ),
    stage(1, _conv(1, 960)),
)


def _network(stages, stem, width=1.0, anti_aliasing=None):
    return Network(
        stages=stages,
        scaling=Scaling(width, stem=width >= 1),
        stem=stem,
        head=Head(1280, pooled=True),
        anti_aliasing=anti_aliasing,
    )


VARIANTS = {
    "mobilenetv4_conv_small_035": _network(SMALL, 32, 0.35),
    "mobilenetv4_conv_small_050": _network(SMALL, 32, 0.5),
    "mobilenetv4_conv_small": _network(SMALL, 32),
    "mobilenetv4_conv_medium": _network(MEDIUM, 32),
    "mobilenetv4_conv_large": _network(LARGE, 24),
    "mobilenetv4_conv_aa_medium": _network(MEDIUM, 32, anti_aliasing="average"),
    "mobilenetv4_conv_blur_medium": _network(MEDIUM, 32, anti_aliasing="blur"),
    "mobilenetv4_conv_aa_large": _network(LARGE, 24, anti_aliasing="average"),
}

FAMILY = Family(
    name="mobilenet_v4",
    paper="Qin et al., MobileNetV4, ECCV 2024, appendix D.",
    build=build,
    variants=VARIANTS,
    names=(
        "MobileNetV4ConvSmall035",
        "MobileNetV4ConvSmall050",
        "MobileNetV4ConvSmall",
        "MobileNetV4ConvMedium",
        "MobileNetV4ConvLarge",
        "MobileNetV4ConvAAMedium",
        "MobileNetV4ConvBlurMedium",
        "MobileNetV4ConvAALarge",
    ),
    input_shape=(224, 224, 3),
    input_sizes={
        "mobilenetv4_conv_medium": 256,
        "mobilenetv4_conv_large": 384,
        "mobilenetv4_conv_aa_medium": 256,
        "mobilenetv4_conv_aa_large": 448,
    },
    # Below this, average pooling leaves nothing of the last stage's map.
    min_size=32,
    variant_statistics=dict.fromkeys(
        ("mobilenetv4_conv_small_035", "mobilenetv4_conv_small_050"), "inception"
    ),
    width=("scaling.width",),
    depth=("scaling.depth",),
)
