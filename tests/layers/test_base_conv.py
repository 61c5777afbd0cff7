"""No convolution takes an argument that it would not use."""

import pytest

from kzoo import layers


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda **options: layers.HarmonicConv2D(4, 3, **options), "activation"),
        (lambda **options: layers.HarmonicConv2D(4, 3, **options), "use_bias"),
        (lambda **options: layers.FixedConv2D("box", **options), "kernel_initializer"),
        (lambda **options: layers.GaborConv2D(4, 3, **options), "kernel_regularizer"),
        (lambda **options: layers.ConnectionTableConv2D(3, [[1, 1]], **options), "filters"),
    ],
)
def test_arguments_of_other_convolutions_are_refused(make, name):
    with pytest.raises(TypeError, match=f"Conv2D takes no argument '{name}'; received {name}='x'"):
        make(**{name: "x"})
