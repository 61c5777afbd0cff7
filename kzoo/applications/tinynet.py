"""TinyNet: EfficientNet-B0 made smaller in resolution, depth and width.

Han et al., "Model Rubik's Cube: Twisting Resolution, Depth and Width for TinyNets", NeurIPS 2020
(https://arxiv.org/abs/2010.14819), Table 4; width and depth are the published code's
(https://github.com/huawei-noah/Efficient-AI-Backbones/tree/master/tinynet_pytorch). Layer names are
timm's.
"""

from kzoo.applications._family import Family
from kzoo.applications._inverted_residual import build
from kzoo.applications._mobile_tables import Head, Network, Scaling
from kzoo.applications.efficientnet import STAGES


def _network(width, depth):
    return Network(
        stages=STAGES,
        scaling=Scaling(width, depth, stem=False, depth_rounding="round"),
        head=Head(1280, scaled="up"),
        activation="silu",
    )


VARIANTS = {
    "tinynet_a": _network(1.0, 1.2),
    "tinynet_b": _network(0.75, 1.1),
    "tinynet_c": _network(0.54, 0.85),
    "tinynet_d": _network(0.54, 0.695),
    "tinynet_e": _network(0.51, 0.6),
}

FAMILY = Family(
    name="tinynet",
    paper="Han et al., Model Rubik's Cube, NeurIPS 2020, Table 4.",
    build=build,
    variants=VARIANTS,
    names=("TinyNetA", "TinyNetB", "TinyNetC", "TinyNetD", "TinyNetE"),
    input_shape=(192, 192, 3),
    input_sizes={"tinynet_b": 188, "tinynet_c": 184, "tinynet_d": 152, "tinynet_e": 106},
    width=("scaling.width",),
    depth=("scaling.depth",),
)
