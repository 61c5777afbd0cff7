import pytest

import kzoo

NAME = "mnist1d_resnet"


def test_further_blocks_are_named_after_the_first():
    model = kzoo.create_model(NAME, depth=3)
    convolutions = [layer.name for layer in model.layers if layer.name.endswith("conv1")]
    assert convolutions == [
        "conv1",
        *("layer1.conv1", "layer1.1.conv1", "layer1.2.conv1"),
        *("layer2.conv1", "layer2.1.conv1", "layer2.2.conv1"),
    ]


def test_the_kernel_size_is_that_of_the_blocks():
    model = kzoo.create_model(NAME, kernel_size=3)
    sizes = {
        layer.name: layer.kernel_size[0] for layer in model.layers if hasattr(layer, "kernel_size")
    }
    assert sizes.pop("conv1") == 7
    assert sizes.pop("layer2.downsample.0") == 1
    assert set(sizes.values()) == {3}


@pytest.mark.parametrize(
    ("value", "error", "match"),
    [
        (0, ValueError, "kernel_size must be at least 1; received 0"),
        (2.5, TypeError, "kernel_size must be an integer; received 2.5"),
    ],
)
def test_bad_kernel_sizes_are_refused(value, error, match):
    with pytest.raises(error, match=match):
        kzoo.create_model(NAME, kernel_size=value)
