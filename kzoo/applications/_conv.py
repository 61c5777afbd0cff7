"""The swap point: which layer stands for a convolution whose kernel is larger than one.

A convolution is any callable `(filters, kernel_size, *, strides, padding, dilation_rate, use_bias,
name) -> layer`. The names below are kzoo's own; a user may pass a callable of that form instead.
"tiled" may carry the size of its tiles, as in "tiled=3".
"""

from functools import partial

import keras

from kzoo import layers
from kzoo.initializers import Gabor
from kzoo.layers.fft_conv import FFTConv1D, FFTConv2D
from kzoo.layers.harmonic_magnitude_conv import HarmonicMagnitudeConv2D


def _gabor(layer_class, kernel_initializer):
    """Return a factory of `layer_class` whose kernels start as Gabor functions, each its own."""
    del kernel_initializer

    def convolution(filters, kernel_size, **options):
        return layer_class(filters, kernel_size, kernel_initializer=Gabor(), **options)

    return convolution


def _complete(conv):
    """Return `conv` called with every argument of the form above, so that it needs no defaults."""
    defaults = {"strides": 1, "padding": "valid", "dilation_rate": 1, "use_bias": True}

    def convolution(filters, kernel_size, **options):
        return conv(filters, kernel_size, **defaults | options)

    return convolution


def _initialised(layer_class, kernel_initializer):
    return partial(layer_class, kernel_initializer=kernel_initializer)


def _harmonic_magnitude(layer_class, kernel_initializer):
    """Return a factory of `layer_class`, which needs square kernels of at least 3."""

    def convolution(filters, kernel_size, **options):
        sides = {kernel_size} if isinstance(kernel_size, int) else set(kernel_size)
        if len(sides) > 1 or min(sides) < 3:
            raise ValueError(
                "conv='harmonic_magnitude' needs square kernels of at least 3 x 3; "
                f"{options.get('name')} has kernel_size={kernel_size}, choose another conv."
            )
        return layer_class(filters, kernel_size, kernel_initializer=kernel_initializer, **options)

    return convolution


CONVOLUTIONS = {
    "standard": (_initialised, {1: keras.layers.Conv1D, 2: keras.layers.Conv2D}),
    "tiled": (_initialised, {1: layers.TiledConv1D, 2: layers.TiledConv2D}),
    "locally_connected": (
        _initialised,
        {1: layers.LocallyConnected1D, 2: layers.LocallyConnected2D},
    ),
    "gabor": (_gabor, {1: keras.layers.Conv1D, 2: keras.layers.Conv2D}),
    "fft": (_initialised, {1: FFTConv1D, 2: FFTConv2D}),
    "harmonic_magnitude": (_harmonic_magnitude, {2: HarmonicMagnitudeConv2D}),
}


def resolve_conv(conv, rank, kernel_initializer):
    """Return the factory that `conv` names, or `conv` itself where it is callable.

    Args:
        conv: a name of `CONVOLUTIONS`, or a callable of the form given above.
        rank: number of spatial axes, 1 or 2.
        kernel_initializer: what kzoo's own kinds initialise their kernels with.

    Raises:
        ValueError: `conv` is a name that kzoo does not have, or a number is not for it.
        TypeError: `conv` is neither a name nor callable.
    """
    if callable(conv):
        return _complete(conv)
    if not isinstance(conv, str):
        raise TypeError(f"conv must be a name or a callable; received {conv!r}.")
    kind, equals, number = conv.partition("=")
    if kind not in CONVOLUTIONS:
        known = ", ".join(repr(name) for name in CONVOLUTIONS)
        raise ValueError(f"conv must be one of {known}, or a callable; received {conv!r}.")
    factory, layer_classes = CONVOLUTIONS[kind]
    if rank not in layer_classes:
        raise ValueError(f"conv={conv!r} is for images; a network of signals takes another conv.")
    made = factory(layer_classes[rank], kernel_initializer)
    if rank == 1:  # signals are (length, channels), whatever images are
        made = partial(made, data_format="channels_last")
    return partial(made, tile_size=_tile_size(conv, kind, number)) if equals else made


def _tile_size(conv, kind, number):
    """Return the number of a `conv` such as "tiled=3", or refuse it."""
    if kind != "tiled":
        raise ValueError(
            f"conv={kind!r} takes no number, only 'tiled' does; received {conv!r}, leave it out."
        )
    if not number.isdecimal() or int(number) < 1:
        raise ValueError(
            "the number in conv='tiled=N' is the tile size, an integer of at least 1; received "
            f"{conv!r}."
        )
    return int(number)
