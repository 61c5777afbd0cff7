"""The tables of the groups, held to the action of their elements on an image."""

import itertools

import numpy as np
import pytest

from kzoo.layers._groups import (
    ORDERS,
    act,
    composition,
    group_index,
    inverse,
    lifting_index,
)

GROUPS = ("p4", "p4m")
IMAGE = np.arange(12).reshape(3, 4)


@pytest.mark.parametrize("group", GROUPS)
def test_axioms(group):
    table, order = composition(group), ORDERS[group]
    elements = range(order)
    for row in (*table, *table.T):
        assert sorted(row) == list(elements)
    assert list(table[0]) == list(table[:, 0]) == list(elements)
    for g, h, k in itertools.product(elements, repeat=3):
        assert table[table[g, h], k] == table[g, table[h, k]]
    for g in elements:
        assert table[g, inverse(group)[g]] == table[inverse(group)[g], g] == 0


@pytest.mark.parametrize("group", GROUPS)
def test_composition_is_that_of_the_action(group):
    table = composition(group)
    for g, h in itertools.product(range(ORDERS[group]), repeat=2):
        np.testing.assert_array_equal(act(act(IMAGE, h), g), act(IMAGE, table[g, h]))


def test_order_of_the_elements():
    """Rotations by 0, 90, 180, 270 degrees counter-clockwise, then the same after a flip."""
    image = np.array([[1, 2], [3, 4]])
    expected = ["1234", "2413", "4321", "3142", "2143", "1324", "3412", "4231"]
    assert ["".join(map(str, act(image, g).ravel())) for g in range(8)] == expected


def test_p4_is_a_subgroup_of_p4m():
    np.testing.assert_array_equal(composition("p4m")[:4, :4], composition("p4"))
    np.testing.assert_array_equal(inverse("p4m")[:4], inverse("p4"))


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("group", GROUPS)
def test_index_maps_permute_the_kernel(group, size):
    order = ORDERS[group]
    lifting, full = lifting_index(group, size), group_index(group, size)
    assert lifting.shape == (size, size, 1, order)
    assert full.shape == (size, size, order, order)
    for g in range(order):
        assert sorted(lifting[..., g].ravel()) == list(range(size * size))
        assert sorted(full[..., g].ravel()) == list(range(size * size * order))
    identity = np.arange(size * size * order).reshape(size, size, order)
    np.testing.assert_array_equal(full[..., 0], identity)
