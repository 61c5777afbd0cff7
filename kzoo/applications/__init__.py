"""The families of architectures, and a builder for each of their variants.

Builders are CamelCase names with the arguments of keras.applications, such as `ResNet50`; they come
from the families listed here.
"""

from collections.abc import Callable

import keras

from kzoo.applications import (
    all_cnn,
    cs231n,
    harmonic,
    lenet,
    mnist1d_resnet,
    p4_all_cnn,
    p4cnn,
    resnet,
    resnet_cifar,
    udl,
    vgg,
)

FAMILIES = tuple(
    module.FAMILY
    for module in (
        all_cnn,
        cs231n,
        harmonic,
        lenet,
        mnist1d_resnet,
        p4_all_cnn,
        p4cnn,
        resnet,
        resnet_cifar,
        udl,
        vgg,
    )
)

_BUILDERS = {name: builder for family in FAMILIES for name, builder in family.builders.items()}

__all__ = sorted(_BUILDERS)


def __getattr__(name: str) -> Callable[..., keras.Model]:
    if name in _BUILDERS:
        return _BUILDERS[name]
    raise AttributeError(f"module 'kzoo.applications' has no attribute {name!r}")


def __dir__():
    return [*__all__, "FAMILIES"]
