"""The families of architectures, and a builder for each of their variants.

Builders are CamelCase names with the arguments of keras.applications, such as `ResNet50`; they come
from the families listed here, whose modules are imported on first use.
"""

import functools
import importlib
from collections.abc import Mapping
from typing import Any

from kzoo.applications._family import Builder, Family

_MODULES = (
    "alexnet",
    "all_cnn",
    "convmixer",
    "convnext",
    "convnext_v2",
    "cs231n",
    "cspnet",
    "darknet",
    "deepface",
    "densenet",
    "densenet_cifar",
    "dla",
    "dpn",
    "eca_resnet",
    "efficientnet",
    "efficientnet_lite",
    "efficientnet_v2",
    "fastvit",
    "fbnet",
    "gabornet",
    "gernet",
    "ghostnet",
    "ghostnet_v2",
    "googlenet",
    "hardcorenas",
    "harmonic",
    "hrnet",
    "inception_next",
    "inception_resnet_v2",
    "inception_v3",
    "inception_v4",
    "keras_applications",
    "lcnet",
    "lenet",
    "maxout",
    "maxout_mnist",
    "mixnet",
    "mnasnet",
    "mnist1d_resnet",
    "mobilenet_edgetpu",
    "mobilenet_v1",
    "mobilenet_v2",
    "mobilenet_v3",
    "mobilenet_v4",
    "mobileone",
    "nasnet",
    "nfnet",
    "nin",
    "nin_cifar",
    "p4_all_cnn",
    "p4_resnet",
    "p4cnn",
    "pnasnet",
    "regnet",
    "regnetz",
    "repvgg",
    "res2net",
    "resnest",
    "resnet",
    "resnet9",
    "resnet_blur",
    "resnet_cifar",
    "resnet_rs",
    "resnet_ts",
    "resnet_v2",
    "resnext",
    "se_resnet",
    "segnet_encoder",
    "selecsls",
    "senet",
    "shufflenet_v2",
    "sknet",
    "squeezenet",
    "tiled_cnn",
    "tinynet",
    "udl",
    "unet_encoder",
    "vgg",
    "vovnet",
    "wide_resnet",
    "wide_resnet_cifar",
    "xception",
    "xception_aligned",
    "zfnet",
)


@functools.cache
def families() -> tuple[Family, ...]:
    """Return every family."""
    return tuple(importlib.import_module(f"{__name__}.{name}").FAMILY for name in _MODULES)


@functools.cache
def builders() -> Mapping[str, Builder]:
    """Return every builder by its name."""
    return {name: builder for family in families() for name, builder in family.builders.items()}


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return sorted(builders())
    if name[0].isupper() and name in builders():
        return builders()[name]
    raise AttributeError(f"module 'kzoo.applications' has no attribute {name!r}")


def __dir__():
    return [*builders(), "builders", "families"]
