import numpy as np
import pytest

from kzoo.layers import IdentityShortcut2D
from tests.helpers import check_layer


@pytest.mark.parametrize(
    ("config", "shape", "output_shape"),
    [
        ({"filters": 5, "strides": 2}, (2, 7, 8, 2), (2, 4, 4, 5)),
        ({"filters": 3, "strides": (1, 3)}, (2, 4, 4, 3), (2, 4, 2, 3)),
        ({"filters": 4, "data_format": "channels_first"}, (2, 2, 7, 8), (2, 4, 4, 4)),
    ],
)
def test_layer(config, shape, output_shape):
    spatial = (2, 3) if "data_format" in config else (1, 2)
    check_layer(
        IdentityShortcut2D,
        config,
        shape,
        expected_output_shape=output_shape,
        trainable=0,
        unknown_axes=spatial,
        finite_differences=True,
    )


def test_output_equals_torchs_subsampling_and_padding():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(2, 7, 8, 3)).astype("float32")
    planes = torch.from_numpy(np.moveaxis(x, -1, 1).copy())[:, :, ::2, ::2]
    expected = torch.nn.functional.pad(planes, (0, 0, 0, 0, 2, 3)).numpy()
    np.testing.assert_array_equal(
        np.asarray(IdentityShortcut2D(8)(x)), np.moveaxis(expected, 1, -1)
    )


def test_fewer_filters_than_channels_are_refused():
    with pytest.raises(ValueError, match="filters must be at least the input's 4 channels"):
        IdentityShortcut2D(3).build((None, 8, 8, 4))


def test_unknown_channels_are_refused():
    with pytest.raises(ValueError, match=r"known number of input channels; .*\(None, 8, 8, None\)"):
        IdentityShortcut2D(3).build((None, 8, 8, None))


@pytest.mark.parametrize("shape", [(2, 8, 4), (2, 8, 8, 8, 4)])
def test_only_maps_are_taken(shape):
    with pytest.raises(ValueError, match="expected ndim=4"):
        IdentityShortcut2D(4)(np.zeros(shape, "float32"))


@pytest.mark.parametrize(
    ("config", "error", "match"),
    [
        ({"filters": 0}, ValueError, "filters must be at least 1; received 0"),
        ({"filters": 4, "strides": 0}, ValueError, "strides must be at least 1"),
        ({"filters": 4, "strides": 1.5}, TypeError, "strides must be an integer or 2 of them"),
        ({"filters": 4, "data_format": "last"}, ValueError, "data_format must be one of"),
    ],
)
def test_bad_arguments_are_refused(config, error, match):
    with pytest.raises(error, match=match):
        IdentityShortcut2D(**config)
