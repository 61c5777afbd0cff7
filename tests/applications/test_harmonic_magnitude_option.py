"""`conv="harmonic_magnitude"`."""

import numpy as np
import pytest

import kzoo
from kzoo.layers.harmonic_magnitude_conv import HarmonicMagnitudeConv2D


@pytest.mark.parametrize(
    ("name", "size", "replaced"),
    [("z2cnn", 28, 7), ("resnet20_cifar", 8, 19), ("all_cnn_c", 9, 7), ("cs231n", 8, 6)],
)
def test_it_replaces_every_larger_kernel(name, size, replaced):
    model = kzoo.create_model(
        name, conv="harmonic_magnitude", input_shape=(size, size, 3), classes=4
    )
    kinds = [type(layer) for layer in model.layers]
    assert kinds.count(HarmonicMagnitudeConv2D) == replaced
    outputs = np.asarray(model(np.ones((2, *model.input_shape[1:]), "float32")))
    assert outputs.shape == (2, 4)
    assert np.all(np.isfinite(outputs))


def test_signals_are_refused():
    with pytest.raises(ValueError, match="conv='harmonic_magnitude' is for images"):
        kzoo.create_model("udl_conv1d", conv="harmonic_magnitude")


@pytest.mark.parametrize("kernel_size", [2, (1, 7)])
def test_kernels_are_refused_by_the_name_of_their_layer(kernel_size):
    from kzoo.applications._conv import resolve_conv

    conv = resolve_conv("harmonic_magnitude", 2, "he_normal")
    message = r"needs square kernels of at least 3 x 3; stem has kernel_size="
    with pytest.raises(ValueError, match=message):
        conv(4, kernel_size, name="stem")
