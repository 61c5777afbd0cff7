"""ConvMixer: patches, then depthwise and pointwise convolutions at one resolution.

Trockman, Kolter, "Patches Are All You Need?", TMLR 2023 (https://arxiv.org/abs/2201.09792), Table 1
and Figure 3. Layer names are timm's.

Deviations: none.
"""

from dataclasses import dataclass

from kzoo.applications._family import Family
from kzoo.applications._parts import activation, add, batch_norm, convolve


@dataclass(frozen=True)
class ConvMixerConfig:
    """`width` channels, `depth` blocks, depthwise kernels of `kernel_size`, patches of `patch`."""

    width: int
    depth: int
    kernel_size: int
    patch: int
    activation: str = "gelu"


# Table 1 of the paper.
VARIANTS = {
    "convmixer_1536_20": ConvMixerConfig(1536, 20, kernel_size=9, patch=7),
    "convmixer_768_32": ConvMixerConfig(768, 32, kernel_size=7, patch=7, activation="relu"),
    "convmixer_1024_20_ks9_p14": ConvMixerConfig(1024, 20, kernel_size=9, patch=14),
}


def _block(config, x, options, name):
    y = convolve(
        x,
        options,
        config.width,
        config.kernel_size,
        groups=config.width,
        use_bias=True,
        name=f"{name}.0.fn.0",
    )
    y = batch_norm(activation(y, config.activation, f"{name}.0.fn.1"), f"{name}.0.fn.2")
    x = add(y, x, f"{name}.0.add")
    x = convolve(x, options, config.width, 1, use_bias=True, name=f"{name}.1")
    return batch_norm(activation(x, config.activation, f"{name}.2"), f"{name}.3")


def build(config, x, options, *, dropout_rate=0.0):
    """Build the network; see `Family`. `dropout_rate` applies before the classifier."""
    x = convolve(
        x,
        options,
        config.width,
        config.patch,
        strides=config.patch,
        padding="valid",
        use_bias=True,
        name="stem.0",
    )
    x = batch_norm(activation(x, config.activation, "stem.1"), "stem.2")
    for index in range(config.depth):
        x = _block(config, x, options, f"blocks.{index}")
    return options.outputs(x, options.pooled_dense("head", dropout_rate))


FAMILY = Family(
    name="convmixer",
    paper="Trockman and Kolter, Patches Are All You Need?, TMLR 2023, Table 1.",
    build=build,
    variants=VARIANTS,
    names=("ConvMixer_1536_20", "ConvMixer_768_32", "ConvMixer_1024_20_KS9_P14"),
    input_shape=(224, 224, 3),
    min_size=14,
    width=("width",),
    depth=("depth",),
)
