import pytest

import kzoo


def test_maps_are_as_large_as_in_figure_2_of_the_paper():
    """Found layer by layer, so that the 119 million weights need not be created."""
    model = kzoo.create_model("deepface", input_shape=(71, 71, 3), classes=2)
    shape = (None, 152, 152, 3)
    for name, size in (("C1", 142), ("M2", 71), ("C3", 63), ("L4", 55), ("L5", 25), ("L6", 21)):
        shape = model.get_layer(name).compute_output_shape(shape)
        assert shape[1:3] == (size, size)


def test_conv_is_refused():
    with pytest.raises(ValueError, match="takes no conv='tiled': its layers without shared"):
        kzoo.create_model("deepface", conv="tiled")
