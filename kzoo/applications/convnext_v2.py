"""ConvNeXt V2: ConvNeXt with global response normalisation in place of layer scale.

Woo, Debnath, Hu, Chen, Liu, Kweon, Xie, "ConvNeXt V2: Co-designing and Scaling ConvNets with Masked
Autoencoders", CVPR 2023 (https://arxiv.org/abs/2301.00808), Table 15. Layer names are timm's.

Deviations: as in timm, atto to nano have 1x1 convolutions where the paper's code has dense layers,
which compute the same; small is timm's, the paper has none. Initial values as in `convnext`.
"""

from kzoo.applications._convnext import ConvNeXtConfig, build
from kzoo.applications._family import Family


def _config(depths, widths, conv_mlp=False):
    return ConvNeXtConfig(depths, widths, conv_mlp=conv_mlp, response_norm=True)


# Table 15 of the paper; small as in timm.
VARIANTS = {
    "convnextv2_atto": _config((2, 2, 6, 2), (40, 80, 160, 320), conv_mlp=True),
    "convnextv2_femto": _config((2, 2, 6, 2), (48, 96, 192, 384), conv_mlp=True),
    "convnextv2_pico": _config((2, 2, 6, 2), (64, 128, 256, 512), conv_mlp=True),
    "convnextv2_nano": _config((2, 2, 8, 2), (80, 160, 320, 640), conv_mlp=True),
    "convnextv2_tiny": _config((3, 3, 9, 3), (96, 192, 384, 768)),
    "convnextv2_small": _config((3, 3, 27, 3), (96, 192, 384, 768)),
    "convnextv2_base": _config((3, 3, 27, 3), (128, 256, 512, 1024)),
    "convnextv2_large": _config((3, 3, 27, 3), (192, 384, 768, 1536)),
    "convnextv2_huge": _config((3, 3, 27, 3), (352, 704, 1408, 2816)),
}

FAMILY = Family(
    name="convnext_v2",
    paper="Woo et al., ConvNeXt V2, CVPR 2023, Table 15.",
    build=build,
    variants=VARIANTS,
    names=(
        "ConvNeXtV2Atto",
        "ConvNeXtV2Femto",
        "ConvNeXtV2Pico",
        "ConvNeXtV2Nano",
        "ConvNeXtV2Tiny",
        "ConvNeXtV2Small",
        "ConvNeXtV2Base",
        "ConvNeXtV2Large",
        "ConvNeXtV2Huge",
    ),
    input_shape=(224, 224, 3),
    input_sizes={"convnextv2_huge": 384},
    min_size=32,
    width=("widths",),
    depth=("depths",),
)
