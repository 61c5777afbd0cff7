"""ConvNeXt: a ResNet brought step by step to what made vision transformers work.

Liu, Mao, Wu, Feichtenhofer, Darrell, Xie, "A ConvNet for the 2020s", CVPR 2022
(https://arxiv.org/abs/2201.03545), Table 9 and section 3; the small ones are timm's. Layer names
are timm's.

Deviations: none of the paper's five networks from timm's. timm's own variants: atto to nano (and
tiny_hnf) have 1x1 convolutions where the paper has dense layers, "ols" an overlapping stem, "hnf"
the last norm before the pooling, "rms" another norm, large_mlp a hidden layer before the
classifier. Initial values are those of He et al., where the paper draws from a truncated normal
distribution with a standard deviation of 0.02.
"""

from kzoo.applications._convnext import ConvNeXtConfig as Config
from kzoo.applications._convnext import build
from kzoo.applications._family import Family

_ATTO = ((2, 2, 6, 2), (40, 80, 160, 320))
_FEMTO = ((2, 2, 6, 2), (48, 96, 192, 384))
_LARGE = ((3, 3, 27, 3), (192, 384, 768, 1536))
_NANO = ((2, 2, 8, 2), (80, 160, 320, 640))
_PICO = ((2, 2, 6, 2), (64, 128, 256, 512))
_TINY = ((3, 3, 9, 3), (96, 192, 384, 768))
_ZEPTO = ((2, 2, 4, 2), (32, 64, 128, 256))

# Section 3 of the paper for tiny to xlarge; timm for the others.
VARIANTS = {
    "convnext_zepto_rms": Config(*_ZEPTO, conv_mlp=True, norm="std"),
    "convnext_zepto_rms_ols": Config(*_ZEPTO, conv_mlp=True, norm="std", stem="overlap_act"),
    "convnext_atto": Config(*_ATTO, conv_mlp=True),
    "convnext_atto_ols": Config(*_ATTO, conv_mlp=True, stem="overlap_tiered"),
    "convnext_atto_rms": Config(*_ATTO, conv_mlp=True, norm="rms"),
    "convnext_femto": Config(*_FEMTO, conv_mlp=True),
    "convnext_femto_ols": Config(*_FEMTO, conv_mlp=True, stem="overlap_tiered"),
    "convnext_pico": Config(*_PICO, conv_mlp=True),
    "convnext_pico_ols": Config(*_PICO, conv_mlp=True, stem="overlap_tiered"),
    "convnext_nano": Config(*_NANO, conv_mlp=True),
    "convnext_nano_ols": Config(*_NANO, conv_mlp=True, stem="overlap"),
    "convnext_tiny_hnf": Config(*_TINY, conv_mlp=True, norm_first=True),
    "convnext_tiny": Config(*_TINY),
    "convnext_small": Config((3, 3, 27, 3), (96, 192, 384, 768)),
    "convnext_base": Config((3, 3, 27, 3), (128, 256, 512, 1024)),
    "convnext_large": Config(*_LARGE),
    "convnext_large_mlp": Config(*_LARGE, hidden=1536),
    "convnext_xlarge": Config((3, 3, 27, 3), (256, 512, 1024, 2048)),
    "convnext_xxlarge": Config((3, 4, 30, 3), (384, 768, 1536, 3072), epsilon=1e-5),
}

FAMILY = Family(
    name="convnext",
    paper="Liu et al., A ConvNet for the 2020s, CVPR 2022, section 3.",
    build=build,
    variants=VARIANTS,
    names=(
        "ConvNeXtZeptoRMS",
        "ConvNeXtZeptoRMSOLS",
        "ConvNeXtAtto",
        "ConvNeXtAttoOLS",
        "ConvNeXtAttoRMS",
        "ConvNeXtFemto",
        "ConvNeXtFemtoOLS",
        "ConvNeXtPico",
        "ConvNeXtPicoOLS",
        "ConvNeXtNano",
        "ConvNeXtNanoOLS",
        "ConvNeXtTinyHNF",
        "ConvNeXtTiny",
        "ConvNeXtSmall",
        "ConvNeXtBase",
        "ConvNeXtLarge",
        "ConvNeXtLargeMLP",
        "ConvNeXtXLarge",
        "ConvNeXtXXLarge",
    ),
    input_shape=(224, 224, 3),
    input_sizes={"convnext_large_mlp": 320, "convnext_xxlarge": 256},
    min_size=32,
    variant_statistics={
        "convnext_zepto_rms": "inception",
        "convnext_zepto_rms_ols": "inception",
        "convnext_large_mlp": "clip",
        "convnext_xxlarge": "clip",
    },
    width=("widths", "hidden"),
    depth=("depths",),
)
