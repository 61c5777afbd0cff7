"""Network in Network for ImageNet.

Lin, Chen, Yan, "Network In Network", ICLR 2014 (https://arxiv.org/abs/1312.4400). The paper prints
no table of this network; the layers and their names are those of the authors' Caffe definition in
its model zoo (https://gist.github.com/mavenlin/d802a5849de39225bcc6), with 7.6 million parameters.

Deviations: the input is normalised by the usual statistics, where the definition subtracts a mean.
"""

from kzoo.applications._family import Family
from kzoo.applications._nin import Stage, build

VARIANTS = {
    "nin_imagenet": (
        Stage(96, 11, (96, 96), strides=4, padding="valid"),
        Stage(256, 5, (256, 256)),
        Stage(384, 3, (384, 384), drop=True),
        Stage(1024, 3, (1024,), pool=None),
    )
}

FAMILY = Family(
    name="nin",
    paper="Lin et al., Network In Network, ICLR 2014; the authors' ImageNet definition for Caffe.",
    build=build,
    variants=VARIANTS,
    names=("NiNImageNet",),
    input_shape=(224, 224, 3),
    min_size=39,
    width=("filters", "cccp"),
)
