"""MobileNet-EdgeTPU: fused blocks, some of them in groups, for an accelerator.

Version 1: the published code (https://github.com/tensorflow/models/tree/master/research/slim/nets/
mobilenet). Version 2: Akin et al., "Searching for Efficient Neural Architectures for On-Device ML
on Edge TPUs", CVPR Workshops 2022 (https://arxiv.org/abs/2204.14007), and the published code
(https://github.com/tensorflow/models/tree/master/official/projects/edgetpu/vision). Layer names are
timm's.

Deviations: as in timm, padding is symmetric.
"""

from kzoo.applications._family import Family
from kzoo.applications._inverted_residual import build
from kzoo.applications._mobile_tables import Convolution, Fused, Head, Inverted, Network, stage

V1_STAGES = (
    stage(1, Convolution(16, kernel=1, skip=False)),
    stage(2, Fused(32, expansion=8), Fused(32, 3, expansion=4)),
    stage(2, Fused(48, expansion=8), Fused(48, 3, expansion=4)),
    stage(2, Inverted(96, expansion=8), Inverted(96, 3, expansion=4)),
    stage(1, Inverted(96, expansion=8, skip=False), Inverted(96, 3, expansion=4)),
    stage(2, Inverted(160, kernel=5, expansion=8), Inverted(160, 3, kernel=5, expansion=4)),
    stage(1, Inverted(192, expansion=8)),
)


def _v2(channels, *, stem=64, stem_kernel=5, group_size=64, features=1280):
    """Return a network of version 2 by the channels of its seven stages."""
    c0, c1, c2, c3, c4, c5, c6 = channels
    stages = (
        stage(1, Convolution(c0, kernel=1, skip=False)),
        stage(2, Fused(c1, expansion=8), Fused(c1, expansion=4, group_size=group_size)),
        stage(
            2,
            Fused(c2, expansion=8),
            Fused(c2, expansion=4, group_size=group_size),
            Fused(c2, expansion=4),
            Fused(c2, expansion=4, group_size=group_size),
        ),
        stage(2, Fused(c3, expansion=8), Inverted(c3, 3, expansion=4)),
        stage(1, Inverted(c4, expansion=8), Inverted(c4, 3, expansion=4)),
        stage(2, Inverted(c5, expansion=8), Inverted(c5, 3, expansion=4)),
        stage(1, Inverted(c6, expansion=8)),
    )
    return Network(stages=stages, stem=stem, stem_kernel=stem_kernel, head=Head(features))


VARIANTS = {
    "mobilenet_edgetpu_100": Network(stages=V1_STAGES),
    "mobilenet_edgetpu_v2_xs": _v2((16, 32, 48, 96, 144, 160, 192), stem=32, stem_kernel=3),
    "mobilenet_edgetpu_v2_s": _v2((24, 48, 64, 128, 160, 192, 256)),
    "mobilenet_edgetpu_v2_m": _v2((32, 64, 80, 160, 192, 240, 320), features=1344),
    "mobilenet_edgetpu_v2_l": _v2(
        (32, 64, 96, 192, 240, 256, 384), stem_kernel=7, group_size=128, features=1408
    ),
}

FAMILY = Family(
    name="mobilenet_edgetpu",
    paper="Akin et al., Searching for Efficient Neural Architectures on Edge TPUs, 2022.",
    build=build,
    variants=VARIANTS,
    names=(
        "MobileNetEdgeTPU100",
        "MobileNetEdgeTPUV2XS",
        "MobileNetEdgeTPUV2S",
        "MobileNetEdgeTPUV2M",
        "MobileNetEdgeTPUV2L",
    ),
    input_shape=(224, 224, 3),
    variant_statistics={"mobilenet_edgetpu_v2_m": "inception"},
    width=("scaling.width",),
    depth=("scaling.depth",),
)
