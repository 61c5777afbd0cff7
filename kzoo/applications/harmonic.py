"""The harmonic network for rotated MNIST, equivariant to all rotations.

Worrall, Garbin, Turmukhambetov and Brostow, "Harmonic Networks: Deep Translation and Rotation
Equivariance", CVPR 2017 (https://arxiv.org/abs/1612.04642), and the authors' code: seven 5x5
convolutions with rotation orders 0 and 1, in pairs of which the first ends in the complex ReLU and
the second in batch normalisation of the magnitudes; mean pooling after the first two pairs; the
logits are the mean magnitudes of the last convolution, over orders and space, plus a bias. They are
the same for an image and for its rotations by 90, 180 and 270 degrees where height and width are
multiples of 4, and nearly so for rotations in between.

Deviations: rings are integrated exactly instead of being sampled at a few angles, see
`kzoo.layers.HarmonicConv2D`, and lie within the kernel; the first convolution, whose input has no
other orders than 0, has no filters of order -1; the moving averages have momentum 0.9 in place of
0.99, with which the network in inference lags behind training for the first epochs.
"""

import warnings
from dataclasses import dataclass

import keras

from kzoo.applications._family import Family, channel_axis, head_dtype
from kzoo.layers.harmonic_activation import HarmonicActivation
from kzoo.layers.harmonic_batch_normalization import HarmonicBatchNormalization
from kzoo.layers.harmonic_conv import HarmonicConv2D
from kzoo.layers.harmonic_magnitude import HarmonicMagnitude
from kzoo.layers.harmonic_magnitude_conv import HarmonicMagnitudeConv2D
from kzoo.layers.harmonic_pooling import HarmonicAveragePooling2D


@dataclass(frozen=True, kw_only=True)
class HarmonicConfig:
    """Filters of each order in the three pairs of convolutions, and what all filters share."""

    filters: tuple[int, int, int]
    kernel_size: int
    num_rings: int
    max_order: int


# The defaults of the authors' code for rotated MNIST.
VARIANTS = {
    "hnet_mnist": HarmonicConfig(filters=(8, 16, 32), kernel_size=5, num_rings=4, max_order=1),
}


def _warn_of_size(x):
    """Warn of sizes that cannot be halved twice."""
    size = x.shape[2:] if channel_axis() == 1 else x.shape[1:-1]
    if any(length is not None and length % 4 for length in size):
        warnings.warn(
            f"inputs of {size[0]} x {size[1]} cannot be halved twice, so that the pooling leaves "
            "out rows or columns and the logits change with rotations; use multiples of 4.",
            stacklevel=2,
        )


def build(config, x, options):
    """Build the network; see `Family`."""
    shared = {
        "kernel_size": config.kernel_size,
        "max_order": config.max_order,
        "num_rings": config.num_rings,
        "padding": "same",
    }
    _warn_of_size(x)
    for pair, filters in enumerate(config.filters):
        if pair:
            x = HarmonicAveragePooling2D(2, strict=None, name=f"pool{pair}")(x)
        first, second = 2 * pair + 1, 2 * pair + 2
        x = HarmonicConv2D(filters, name=f"conv{first}", **shared)(x)
        x = HarmonicActivation(name=f"act{first}")(x)
        x = HarmonicConv2D(filters, name=f"conv{second}", **shared)(x)
        x = HarmonicBatchNormalization(momentum=0.9, name=f"bn{pair + 1}")(x)

    def classifier(x):
        x = HarmonicMagnitudeConv2D(
            options.classes, use_phase=False, dtype=head_dtype(), name="top", **shared
        )(x)
        return keras.layers.GlobalAveragePooling2D(dtype=head_dtype(), name="global_pool")(x)

    if not options.include_top:
        x = HarmonicMagnitude("stack", name="magnitude")(x)
    return options.outputs(x, classifier)


FAMILY = Family(
    name="harmonic",
    paper="Worrall et al., Harmonic Networks: Deep Translation and Rotation Equivariance, "
    "CVPR 2017.",
    build=build,
    variants=VARIANTS,
    names=("HNetMNIST",),
    input_shape=(28, 28, 1),
    classes=10,
    min_size=8,
    statistics="mnist",
    plain_variants=frozenset(),
    no_conv_reason="its convolutions are harmonic already",
    learning_rate=7.6e-3,
    width=("filters",),
)
