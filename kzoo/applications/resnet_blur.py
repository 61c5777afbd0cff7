"""Anti-aliased ResNets: strides are taken by a blur or an average, not by a convolution.

Zhang, "Making Convolutional Networks Shift-Invariant Again", ICML 2019
(https://arxiv.org/abs/1904.11486), section 3.2: `blur` is a binomial filter of 3x3; `aa` averages
2x2 pixels. The body is that of `resnet`, and so are the letters of the forms and the layer names,
which are timm's.

Deviations: as in timm, the 1x1 convolutions of the shortcuts keep their stride where the form is
not d, and `aa` leaves the max pooling out. Where timm's average pooling for a stride drops the last
row of an odd map, so that the shortcut does not fit, kzoo keeps it.
"""

from kzoo.applications._family import Family
from kzoo.applications.resnet import DEEP, ResNetConfig, build

# Blocks as in `resnet`.
VARIANTS = {
    "resnetaa34d": ResNetConfig(
        (3, 4, 6, 3), bottleneck=False, stem=DEEP, avg_down=True, antialias="average"
    ),
    "resnetaa50": ResNetConfig((3, 4, 6, 3), antialias="average"),
    "resnetaa50d": ResNetConfig((3, 4, 6, 3), stem=DEEP, avg_down=True, antialias="average"),
    "resnetaa101d": ResNetConfig((3, 4, 23, 3), stem=DEEP, avg_down=True, antialias="average"),
    "resnetblur18": ResNetConfig((2, 2, 2, 2), bottleneck=False, antialias="blur"),
    "resnetblur50": ResNetConfig((3, 4, 6, 3), antialias="blur"),
    "resnetblur50d": ResNetConfig((3, 4, 6, 3), stem=DEEP, avg_down=True, antialias="blur"),
    "resnetblur101d": ResNetConfig((3, 4, 23, 3), stem=DEEP, avg_down=True, antialias="blur"),
}

FAMILY = Family(
    name="resnet_blur",
    paper="Zhang, Making Convolutional Networks Shift-Invariant Again, ICML 2019.",
    build=build,
    variants=VARIANTS,
    names=(
        *("ResNetAA34D", "ResNetAA50", "ResNetAA50D", "ResNetAA101D", "ResNetBlur18"),
        *("ResNetBlur50", "ResNetBlur50D", "ResNetBlur101D"),
    ),
    input_shape=(224, 224, 3),
    min_size=17,
    learning_rate=3e-3,
    width=("stem", "filters"),
    depth=("blocks",),
)
