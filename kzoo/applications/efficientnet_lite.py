"""EfficientNet-Lite: EfficientNet without squeeze-and-excitation, for quantised devices.

Liu, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow Blog 2020; layers, width
and depth are the published code's
(https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite). Layer names are
timm's.

Deviations: as in timm, the plain names pad symmetrically and normalise with an epsilon of 1e-5; the
`tf_` names are the published networks.
"""

from kzoo.applications._family import Family
from kzoo.applications._inverted_residual import build
from kzoo.applications._mobile_tables import (
    Head,
    Inverted,
    Network,
    Scaling,
    Separable,
    stage,
    tensorflow,
)

STAGES = (
    stage(1, Separable(16)),
    stage(2, Inverted(24, 2, expansion=6)),
    stage(2, Inverted(40, 2, kernel=5, expansion=6)),
    stage(2, Inverted(80, 3, expansion=6)),
    stage(1, Inverted(112, 3, kernel=5, expansion=6)),
    stage(2, Inverted(192, 4, kernel=5, expansion=6)),
    stage(1, Inverted(320, expansion=6)),
)


def _network(width, depth):
    return Network(
        stages=STAGES,
        scaling=Scaling(width, depth, stem=False, ends=False),
        head=Head(1280),
        activation="relu6",
    )


# Width and depth from the published code.
VARIANTS = {
    "efficientnet_lite0": _network(1.0, 1.0),
    "efficientnet_lite1": _network(1.0, 1.1),
    "efficientnet_lite2": _network(1.1, 1.2),
    "efficientnet_lite3": _network(1.2, 1.4),
    "efficientnet_lite4": _network(1.4, 1.8),
    "tf_efficientnet_lite0": tensorflow(_network(1.0, 1.0)),
    "tf_efficientnet_lite1": tensorflow(_network(1.0, 1.1)),
    "tf_efficientnet_lite2": tensorflow(_network(1.1, 1.2)),
    "tf_efficientnet_lite3": tensorflow(_network(1.2, 1.4)),
    "tf_efficientnet_lite4": tensorflow(_network(1.4, 1.8)),
}

# Where timm's recommended weights were trained at another size than 224.
SIZES = {
    "efficientnet_lite1": 240,
    "efficientnet_lite2": 260,
    "efficientnet_lite3": 300,
    "efficientnet_lite4": 380,
    "tf_efficientnet_lite1": 240,
    "tf_efficientnet_lite2": 260,
    "tf_efficientnet_lite3": 300,
    "tf_efficientnet_lite4": 380,
}

FAMILY = Family(
    name="efficientnet_lite",
    paper="Liu, Higher accuracy on vision models with EfficientNet-Lite, TensorFlow Blog 2020.",
    build=build,
    variants=VARIANTS,
    names=(
        *(f"EfficientNetLite{number}" for number in range(5)),
        *(f"TFEfficientNetLite{number}" for number in range(5)),
    ),
    input_shape=(224, 224, 3),
    input_sizes=SIZES,
    variant_statistics={name: "inception" for name in VARIANTS if name.startswith("tf_")},
    width=("scaling.width",),
    depth=("scaling.depth",),
)
