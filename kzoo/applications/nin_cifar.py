"""Network in Network for CIFAR-10.

Lin, Chen, Yan, "Network In Network", ICLR 2014 (https://arxiv.org/abs/1312.4400), section 4.2. The
layers and their names are those of the authors' Caffe definition in its model zoo
(https://gist.github.com/mavenlin/e56253735ef32c3c296d), with 0.97 million parameters.

Deviations: the input is normalised by the statistics of CIFAR-10, where the authors apply global
contrast normalisation and ZCA whitening. Where the map before the average pooling has an odd size,
which 32 x 32 inputs never give, that pooling has one position more than Caffe's. On PyTorch, Keras
counts the last row and column twice there, and the logits differ.
"""

from kzoo.applications._family import Family
from kzoo.applications._nin import Stage, build

VARIANTS = {
    "nin_cifar": (
        Stage(192, 5, (160, 96), drop=True),
        Stage(192, 5, (192, 192), pool="avg", drop=True),
        Stage(192, 3, (192,), pool=None),
    )
}

FAMILY = Family(
    name="nin_cifar",
    paper="Lin et al., Network In Network, ICLR 2014, section 4.2.",
    build=build,
    variants=VARIANTS,
    names=("NiNCIFAR",),
    input_shape=(32, 32, 3),
    classes=10,
    min_size=4,
    statistics="cifar10",
    width=("filters", "cccp"),
)
