"""FBNet: inverted residual networks found by differentiable search and by a predictor.

FBNet-C: Wu et al., "FBNet: Hardware-Aware Efficient ConvNet Design via Differentiable Neural
Architecture Search", CVPR 2019 (https://arxiv.org/abs/1812.03443), Figure 4. FBNetV3: Dai et al.,
"FBNetV3: Joint Architecture-Recipe Search using Predictor Pretraining", CVPR 2021
(https://arxiv.org/abs/2006.02049), Table 8. Layer names are timm's.

Deviations: those of timm. Its weights for `fbnetc_100` were trained with an epsilon of 1e-3, which
the network has here always, and there (else 1e-5) with these weights alone.
"""

from kzoo.applications._family import Family
from kzoo.applications._inverted_residual import build
from kzoo.applications._mobile_tables import (
    Convolution,
    Head,
    Inverted,
    Network,
    Scaling,
    Separable,
    Squeeze,
    stage,
)

C = (
    stage(1, Inverted(16)),
    stage(2, Inverted(24, expansion=6), Inverted(24, 2)),
    stage(
        2,
        Inverted(32, kernel=5, expansion=6),
        Inverted(32, kernel=5, expansion=3),
        Inverted(32, kernel=5, expansion=6),
        Inverted(32, expansion=6),
    ),
    stage(
        2,
        Inverted(64, kernel=5, expansion=6),
        Inverted(64, kernel=5, expansion=3),
        Inverted(64, 2, kernel=5, expansion=6),
    ),
    stage(1, Inverted(112, 3, kernel=5, expansion=6), Inverted(112, kernel=5, expansion=3)),
    stage(2, Inverted(184, 4, kernel=5, expansion=6)),
    stage(1, Inverted(352, expansion=6)),
)


def _block(channels, repeats, kernel, expansion, squeeze=0.0):
    return Inverted(channels, repeats, kernel=kernel, expansion=expansion, squeeze=squeeze)


V3_B = (
    stage(1, Separable(16, 2)),
    stage(2, _block(24, 1, 5, 4), _block(24, 3, 5, 2)),
    stage(2, _block(40, 1, 5, 5, 0.25), _block(40, 4, 5, 3, 0.25)),
    stage(2, _block(72, 1, 5, 5), _block(72, 4, 3, 3)),
    stage(1, _block(120, 1, 3, 5, 0.25), _block(120, 5, 5, 3, 0.25)),
    stage(
        2,
        _block(184, 1, 3, 6, 0.25),
        _block(184, 5, 5, 4, 0.25),
        _block(224, 1, 5, 6, 0.25),
    ),
    stage(1, Convolution(1344, kernel=1, skip=False)),
)

V3_D = (
    stage(1, Separable(16, 2)),
    stage(2, _block(24, 1, 3, 5), _block(24, 5, 3, 2)),
    stage(2, _block(40, 1, 5, 4, 0.25), _block(40, 4, 3, 3, 0.25)),
    stage(2, _block(72, 1, 3, 5), _block(72, 4, 3, 3)),
    stage(1, _block(128, 1, 3, 5, 0.25), _block(128, 6, 5, 3, 0.25)),
    stage(
        2,
        _block(208, 1, 3, 6, 0.25),
        _block(208, 5, 5, 5, 0.25),
        _block(240, 1, 5, 6, 0.25),
    ),
    stage(1, Convolution(1440, kernel=1, skip=False)),
)

V3_G = (
    stage(1, Separable(24, 3)),
    stage(2, _block(40, 1, 5, 4), _block(40, 4, 5, 2)),
    stage(2, _block(56, 1, 5, 4, 0.25), _block(56, 4, 5, 3, 0.25)),
    stage(2, _block(104, 1, 5, 5), _block(104, 4, 3, 3)),
    stage(1, _block(160, 1, 3, 5, 0.25), _block(160, 8, 5, 3, 0.25)),
    stage(
        2,
        _block(264, 1, 3, 6, 0.25),
        _block(264, 6, 5, 5, 0.25),
        _block(288, 2, 5, 6, 0.25),
    ),
    stage(1, Convolution(1728, kernel=1, skip=False)),
)


def _v3(stages, stem):
    return Network(
        stages=stages,
        scaling=Scaling(round_limit=0.95),
        stem=stem,
        head=Head(1984, pooled=True, norm=False),
        activation="hard_silu",
        squeeze=Squeeze(gate="hard_sigmoid", divisor=8, round_limit=0.95),
    )


VARIANTS = {
    "fbnetc_100": Network(stages=C, stem=16, head=Head(1984), epsilon=1e-3),
    "fbnetv3_b": _v3(V3_B, 16),
    "fbnetv3_d": _v3(V3_D, 24),
    "fbnetv3_g": _v3(V3_G, 32),
}

FAMILY = Family(
    name="fbnet",
    paper="Wu et al., FBNet, CVPR 2019, Figure 4; Dai et al., FBNetV3, CVPR 2021, Table 8.",
    build=build,
    variants=VARIANTS,
    names=("FBNetC100", "FBNetV3B", "FBNetV3D", "FBNetV3G"),
    input_shape=(224, 224, 3),
    input_sizes={"fbnetv3_g": 240},
    width=("scaling.width",),
    depth=("scaling.depth",),
)
