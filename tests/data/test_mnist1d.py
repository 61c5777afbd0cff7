"""Held to the published set: the package that defines it, and figures of its frozen file."""

import numpy as np
import pytest

from kzoo.data import make_mnist1d


@pytest.mark.parametrize("shuffled", [False, True])
def test_equals_the_package(shuffled):
    data = pytest.importorskip("mnist1d.data")
    arguments = data.get_dataset_args()
    arguments.shuffle_seq = shuffled
    published = data.make_dataset(arguments)
    made = make_mnist1d(shuffled)
    np.testing.assert_allclose(made.x_train, published["x"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(made.x_test, published["x_test"], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(made.y_train, published["y"])
    np.testing.assert_array_equal(made.y_test, published["y_test"])


def test_equals_the_frozen_file():
    made = make_mnist1d()
    assert made.y_train[:10].tolist() == [2, 6, 4, 5, 6, 6, 6, 0, 3, 1]
    assert made.y_test[:10].tolist() == [2, 6, 3, 9, 4, 3, 1, 9, 5, 2]
    first = [-0.33200567, -0.47191037, -0.77869708, -1.00974083, -0.88235257]
    np.testing.assert_allclose(made.x_train[0, :5], first, atol=5e-9)
    np.testing.assert_allclose(made.x_train.sum(), -51.787467, atol=5e-7)
    counts = [398, 396, 411, 394, 394, 402, 401, 404, 402, 398]
    assert np.bincount(made.y_train).tolist() == counts
    assert np.bincount(made.y_test).tolist() == [102, 104, 89, 106, 106, 98, 99, 96, 98, 102]


def test_shuffled_is_one_permutation_of_the_positions():
    plain, shuffled = make_mnist1d().x_test, make_mnist1d(shuffled=True).x_test
    order = [int(np.flatnonzero(plain[0] == value)[0]) for value in shuffled[0]]
    assert sorted(order) == list(range(40))
    assert order != list(range(40))
    np.testing.assert_allclose(plain[:, order], shuffled, atol=1e-12)


def test_the_global_random_state_is_left_alone():
    np.random.seed(3)
    expected = np.random.rand()
    np.random.seed(3)
    make_mnist1d()
    assert np.random.rand() == expected
