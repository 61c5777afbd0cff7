"""The groups p4 and p4m acting on a square grid: their law, and what they do to a filter.

An element is a left-right flip, or none, followed by a counter-clockwise rotation. The order of the
elements is the rotations by 0, 90, 180 and 270 degrees, then the same rotations after the flip.

Cohen and Welling, "Group Equivariant Convolutional Networks", ICML 2016
(https://arxiv.org/abs/1602.07576), sections 4.2 and 4.3.
"""

import numpy as np

ORDERS = {"p4": 4, "p4m": 8}


def act(plane, element):
    """Return an array whose first axes are rows and columns, transformed by a group element."""
    if element >= 4:
        plane = np.flip(plane, axis=1)
    return np.rot90(plane, element % 4)


def composition(group):
    """Return the table whose entry (g, h) is g h, which applies h first; shape (|G|, |G|)."""
    elements = np.arange(ORDERS[group])
    rotation, flip = elements % 4, elements // 4
    # A rotation passes through a flip as its inverse: m r = r^-1 m.
    turned = np.where(flip[:, None] == 1, -rotation[None, :], rotation[None, :])
    rotations = (rotation[:, None] + turned) % 4
    return rotations + 4 * ((flip[:, None] + flip[None, :]) % 2)


def inverse(group):
    """Return the inverse of each element; shape (|G|,)."""
    return np.argmin(composition(group), axis=1)


def lifting_index(group, kernel_size):
    """Return where each weight of the transformed filters of a planar kernel comes from.

    The filter of element g is psi(g^-1 y). Positions count over rows and columns of the kernel.

    Returns:
        An integer array (kernel_size, kernel_size, 1, |G|): row, column, one input plane, g.
    """
    positions = np.arange(kernel_size**2).reshape(kernel_size, kernel_size)
    moved = [act(positions, element) for element in range(ORDERS[group])]
    return np.stack(moved, axis=-1)[:, :, None, :]


def group_index(group, kernel_size):
    """Return where each weight of the transformed filters of a kernel on the group comes from.

    The filter of element g is psi(g^-1 y, g^-1 h). Positions count over rows, columns and elements
    of the kernel.

    Returns:
        An integer array (kernel_size, kernel_size, |G|, |G|): row, column, h, g.
    """
    quotient = composition(group)[inverse(group)].T
    return lifting_index(group, kernel_size) * ORDERS[group] + quotient
