"""Where windows lie symmetrically, held to what Keras's convolution does."""

import itertools

import numpy as np
import pytest
from keras import ops

from kzoo.layers._symmetry import samples_symmetrically

PADDINGS = ("valid", "same", "full", (0, 0), (2, 2), (1, 2), (2, 0))


def convolve(signal, taps, stride, padding):
    if padding == "full":
        padding = (len(taps) - 1, len(taps) - 1)
    if not isinstance(padding, str):
        signal, padding = np.pad(signal, ((0, 0), padding, (0, 0))), "valid"
    return np.asarray(ops.conv(signal, taps, stride, padding))


@pytest.mark.parametrize("size", range(1, 12))
def test_symmetric_sampling(size):
    """The rule agrees with Keras's convolution: it samples a mirrored map at mirrored positions."""
    rng = np.random.default_rng(0)
    for span, stride, padding in itertools.product(range(1, 5), range(1, 4), PADDINGS):
        if padding not in ("same", "full"):
            before, after = (0, 0) if padding == "valid" else padding
            if span > before + size + after:
                continue
            if max(before, after) >= span:
                continue  # windows that hold nothing but padding give zeros wherever they lie
        signal, taps = rng.normal(size=(1, size, 1)), rng.normal(size=(span, 1, 1))
        output = convolve(signal, taps, stride, padding)
        mirrored = convolve(signal[:, ::-1], taps[::-1], stride, padding)[:, ::-1]
        exact = np.allclose(output, mirrored, rtol=0, atol=1e-12)
        assert samples_symmetrically(size, span, stride, padding) == exact
        unknown = samples_symmetrically(None, span, stride, padding)
        assert unknown in (None, exact)
