import itertools

import keras
import pytest

from kzoo.analysis.conv_arithmetic import conv_output_shape, conv_transpose_output_shape


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((4, 3, 1, 0), 2),
        ((5, 4, 1, 2), 6),
        ((5, 3, 1, 1), 5),
        ((5, 3, 1, 2), 7),
        ((5, 3, 1, "full"), 7),
        ((5, 3, 2, 0), 2),
        ((5, 3, 2, 1), 3),
        ((6, 3, 2, 1), 3),
        ((7, 3, 1, 0, 2), 3),
    ],
)
def test_figures_of_dumoulin_and_visin(arguments, expected):
    assert conv_output_shape(*arguments) == expected
    assert conv_output_shape((arguments[0],) * 2, *arguments[1:]) == (expected, expected)


@pytest.mark.parametrize(
    ("arguments", "output_padding", "expected"),
    [
        ((2, 3), None, 4),
        ((6, 4, 1, 2), None, 5),
        ((5, 3, 1, 1), None, 5),
        ((7, 3, 1, "full"), None, 5),
        ((2, 3, 2), None, 5),
        ((3, 3, 2, 1), None, 5),
        ((3, 3, 2, 1), 1, 6),
    ],
)
def test_figures_of_transposed_convolutions(arguments, output_padding, expected):
    assert conv_transpose_output_shape(*arguments, output_padding=output_padding) == expected


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_keras_has_the_same_sizes(padding):
    for size, kernel, stride in itertools.product((9, 10, 14), (1, 2, 3, 5), (1, 2, 3)):
        dilations = (1, 2) if stride == 1 else (1,)
        for dilation in dilations:
            options = {"strides": stride, "padding": padding, "dilation_rate": dilation}
            conv = keras.layers.Conv2D(1, kernel, **options)
            _, *expected, _ = conv.compute_output_shape((1, size, size + 3, 1))
            ours = conv_output_shape((size, size + 3), kernel, stride, padding, dilation)
            assert list(ours) == expected
            for extra in (None, *range(stride)):
                conv = keras.layers.Conv2DTranspose(1, kernel, output_padding=extra, **options)
                _, *expected, _ = conv.compute_output_shape((1, size, size + 3, 1))
                ours = conv_transpose_output_shape(
                    (size, size + 3), kernel, stride, padding, dilation, extra
                )
                assert list(ours) == expected


def test_torch_has_the_same_sizes():
    torch = pytest.importorskip("torch")
    sizes, kernels = (7, 10), (1, 2, 3, 4)
    for size, kernel, stride, dilation in itertools.product(sizes, kernels, (1, 2, 3), (1, 2)):
        for padding in range((kernel - 1) // 2 + 1):
            x = torch.zeros(1, 1, size)
            conv = torch.nn.Conv1d(1, 1, kernel, stride, padding, dilation)
            assert conv_output_shape(size, kernel, stride, padding, dilation) == conv(x).shape[-1]
            for extra in range(max(stride, dilation)):
                conv = torch.nn.ConvTranspose1d(
                    1, 1, kernel, stride, padding, extra, dilation=dilation
                )
                ours = conv_transpose_output_shape(size, kernel, stride, padding, dilation, extra)
                assert ours == conv(x).shape[-1]


def test_axes_of_their_own():
    assert conv_output_shape((9, 12), (3, 5), (1, 2), ((1, 0), (2, 3))) == (8, 7)
    assert conv_output_shape(10, 3, padding="causal", dilation=2) == 10
    assert conv_output_shape(10, 3, padding=(2, 1)) == 11
    assert conv_output_shape((7,), 3) == (5,)
    assert conv_output_shape((None, 7), 3, 2, "same") == (None, 4)
    assert conv_transpose_output_shape((None, 7), 3, 2, ((0, 0), (1, 0))) == (None, 14)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((4, 5), ValueError, "a kernel of 5 with dilation 1 .* leaves nothing of an input of 4"),
        ((4, 3, 1, 0, 2), ValueError, "with dilation 2"),
        (((4, 4, 4), 3), ValueError, r"input must be one size or two; received \(4, 4, 4\)"),
        ((4, 3, 0), ValueError, "strides must be at least 1; received 0"),
        ((4.5, 3), TypeError, "input must be an integer; received 4.5"),
        ((4, (3, 3)), ValueError, "kernel must be an integer or 1 of them"),
        ((4, 3, 1, "valide"), ValueError, "padding must be 'valid', .*received 'valide'"),
    ],
)
def test_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        conv_output_shape(*arguments)


def test_refused_by_the_transposed_alone():
    with pytest.raises(ValueError, match="less than the stride or the dilation, 2; received 2"):
        conv_transpose_output_shape(4, 3, 2, output_padding=2)
    with pytest.raises(ValueError, match="padding='causal' has no transposed convolution"):
        conv_transpose_output_shape(4, 3, padding="causal")
    with pytest.raises(ValueError, match="leaves nothing of an input of 1"):
        conv_transpose_output_shape(1, 3, padding=2)
