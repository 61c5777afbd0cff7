"""The convolutional maxout network for digits.

Goodfellow, Warde-Farley, Mirza, Courville and Bengio, "Maxout networks", ICML 2013
(https://arxiv.org/abs/1302.4389), section 5.1: the body of `kzoo.applications.maxout` without its
dense layer.

Deviations: those of `kzoo.applications.maxout`; a filter has one bias for all positions, where the
authors' code leaves its own to each position.
"""

from kzoo.applications._family import Family
from kzoo.applications.maxout import MaxoutConfig, build

# pylearn2's mnist.yaml.
VARIANTS = {"maxout_mnist": MaxoutConfig(((48, 2, 8, 0, 4), (48, 2, 8, 3, 4), (24, 4, 5, 3, 2)))}

FAMILY = Family(
    name="maxout_mnist",
    paper="Goodfellow et al., Maxout networks, ICML 2013, section 5.1.",
    build=build,
    variants=VARIANTS,
    names=("MaxoutMNIST",),
    input_shape=(28, 28, 1),
    classes=10,
    min_size=16,
    fixed_size=True,
    statistics="mnist",
    width=("convs[0]",),
)
