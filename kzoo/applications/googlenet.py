"""GoogLeNet (Inception v1): 22 layers of modules with parallel branches.

Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich, "Going Deeper with
Convolutions", CVPR 2015 (https://arxiv.org/abs/1409.4842), Table 1. Layer names are torchvision's.

Deviations: torchvision's network, whose weights are TensorFlow's, has batch normalisation in place
of the biases and of local response normalisation; its "5x5" branch has 3x3 kernels
(https://github.com/pytorch/vision/issues/906); there are no auxiliary classifiers, which serve
training only; 20 % of the pooled features are dropped, where the paper has 40 %. Its input is
scaled to -1..1, which torchvision does inside the network that carries weights.
"""

from dataclasses import dataclass

from kzoo.applications._family import Family
from kzoo.applications._inception import chain, conv_norm, join
from kzoo.applications._parts import max_pool


@dataclass(frozen=True)
class GoogLeNetConfig:
    """Rows `(1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection)` of filters, by stage.

    `stem` is the filters of the three convolutions before them.
    """

    stages: tuple[tuple[tuple[int, ...], ...], ...]
    stem: tuple[int, int, int] = (64, 64, 192)


# Table 1 of the paper.
VARIANTS = {
    "googlenet": GoogLeNetConfig(
        (
            (
                (64, 96, 128, 16, 32, 32),
                (128, 128, 192, 32, 96, 64),
            ),
            (
                (192, 96, 208, 16, 48, 64),
                (160, 112, 224, 24, 64, 64),
                (128, 128, 256, 24, 64, 64),
                (112, 144, 288, 32, 64, 64),
                (256, 160, 320, 32, 128, 128),
            ),
            (
                (256, 160, 320, 32, 128, 128),
                (384, 192, 384, 48, 128, 128),
            ),
        )
    )
}


def _inception(x, options, row, name):
    """Figure 2b of the paper."""
    single, reduce3, conv3, reduce5, conv5, projection = row
    pooled = max_pool(x, 3, 1, f"{name}.branch4.0", padding=1)
    branches = [
        conv_norm(x, options, single, 1, f"{name}.branch1"),
        chain(x, options, ((reduce3, 1), (conv3, 3)), f"{name}.branch2."),
        chain(x, options, ((reduce5, 1), (conv5, 3)), f"{name}.branch3."),
        conv_norm(pooled, options, projection, 1, f"{name}.branch4.1"),
    ]
    return join(branches, name)


def build(config, x, options, *, dropout_rate=0.2):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    first, second, third = config.stem
    x = conv_norm(x, options, first, 7, "conv1", strides=2)
    x = max_pool(x, 3, 2, "maxpool1", ceil=True)
    x = conv_norm(x, options, second, 1, "conv2")
    x = conv_norm(x, options, third, 3, "conv3")
    for stage, (rows, size) in enumerate(zip(config.stages, (3, 3, 2)), start=3):
        x = max_pool(x, size, 2, f"maxpool{stage - 1}", ceil=True)
        for letter, row in zip("abcde", rows):
            x = _inception(x, options, row, f"inception{stage}{letter}")
    return options.outputs(x, options.pooled_dense("fc", dropout_rate))


FAMILY = Family(
    name="googlenet",
    paper="Szegedy et al., Going Deeper with Convolutions, CVPR 2015, Table 1.",
    build=build,
    variants=VARIANTS,
    names=("GoogLeNet",),
    input_shape=(224, 224, 3),
    min_size=15,
    statistics="inception",
    width=("stem", "stages"),
)
