"""`conv="fft"`."""

import numpy as np
import pytest

import kzoo
from kzoo.layers.fft_conv import FFTConv1D, FFTConv2D


@pytest.mark.parametrize(
    ("name", "shape", "replaced"),
    [
        ("resnet20_cifar", (8, 8, 3), 19),
        ("all_cnn_c", (9, 9, 3), 7),
        ("udl_conv1d", (15, 1), 3),
    ],
)
def test_a_network_computes_the_same(name, shape, replaced):
    options = {"input_shape": shape, "classes": 4, "classifier_activation": None}
    standard = kzoo.create_model(name, **options)
    model = kzoo.create_model(name, conv="fft", **options)
    kinds = [type(layer) for layer in model.layers]
    assert kinds.count(FFTConv1D) + kinds.count(FFTConv2D) == replaced
    assert [w.path for w in model.weights] == [w.path for w in standard.weights]
    model.set_weights(standard.get_weights())
    top = 255 if len(shape) == 3 else 1
    x = np.random.default_rng(0).uniform(0, top, (2, *shape)).astype("float32")
    expected = np.asarray(standard(x))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(model(x), expected, rtol=0, atol=1e-4 * scale)
