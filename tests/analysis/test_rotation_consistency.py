import keras
import numpy as np
import pytest

from kzoo.analysis.rotation_consistency import rotation_consistency
from kzoo.layers import GroupEquivariantConv2D, GroupPooling2D, LiftingConv2D


def images(count=20, size=9):
    return np.random.default_rng(0).normal(size=(count, size, size, 1)).astype("float32")


def test_group_network_keeps_its_classes_under_quarter_turns():
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            LiftingConv2D(4, 3),
            GroupEquivariantConv2D(4, 3, activation="relu"),
            GroupPooling2D(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.BatchNormalization(),
        ]
    )
    plain = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4)])
    angles = (0, 90, 180, 270, -90, 360)
    np.testing.assert_array_equal(rotation_consistency(network, images(), angles), 1)
    shares = rotation_consistency(plain, images(), angles)
    np.testing.assert_array_equal(shares[[0, 5]], 1)
    assert np.all(shares[1:5] < 0.8)
    assert shares[3] == shares[4]


def corner(x):
    """Say in which quarter of the image its brightest pixel is: rows first, then columns."""
    half = x.shape[1] // 2
    quarters = [x[:, i : i + half, j : j + half, 0] for i in (0, half) for j in (0, half)]
    return np.stack([quarter.max(axis=(1, 2)) for quarter in quarters], axis=1)


def test_direction_and_interpolation():
    """A bright pixel at the upper right goes counter-clockwise, to the upper left."""
    bright = np.zeros((1, 12, 12, 1))
    bright[0, 2, 9] = 1
    angles = (0, 80, 90, 100, 180, 270)
    shares = rotation_consistency(corner, bright, angles, labels=[0])
    np.testing.assert_array_equal(shares, [0, 1, 1, 1, 0, 0])
    shares = rotation_consistency(corner, bright[:, 1:, :-1], (90, 180), labels=[0], batch_size=1)
    assert shares.shape == (2,)
    # Not square: turned within its own frame.
    assert rotation_consistency(corner, np.ones((1, 12, 14, 1)), (90,)) == 1


def test_batches_change_nothing():
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4)])
    angles = (10, 45, 90)
    expected = rotation_consistency(model, images(), angles)
    np.testing.assert_array_equal(rotation_consistency(model, images(), angles, None, 7), expected)


def test_refused():
    with pytest.raises(ValueError, match=r"\(n, height, width, channels\); received \(4, 4, 1\)"):
        rotation_consistency(corner, np.ones((4, 4, 1)), [0])
    with pytest.raises(ValueError, match=r"each of the 2 images; .* shape \(3,\)"):
        rotation_consistency(corner, np.ones((2, 4, 4, 1)), [0], labels=[0, 1, 2])
    message = r"two classes at least; received an array of shape \(2, "
    for scores in (lambda x: x[:, 0, 0], lambda x: x):
        with pytest.raises(ValueError, match=message):
            rotation_consistency(scores, np.ones((2, 4, 4, 1)), [0])
