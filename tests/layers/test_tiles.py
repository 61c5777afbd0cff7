"""Gradients of the tiled convolution, from the fact that it is linear in maps and in kernels."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kzoo.layers import _tiles
from kzoo.layers.tiled_conv import tiled_conv2d
from tests.layers.test_tiled_conv import random_maps, tiled_convolution

PADDINGS = ["valid", "same", "full", (1, 0), (4, 3)]


def arrays(tile_size, size=(7, 8)):
    kernel = random_maps(*tile_size, 3, 2, 3, 4, seed=1)
    return random_maps(2, *size, 3), kernel


def convolve(x, kernel, padding, strides=(1, 1)):
    return tiled_conv2d(x, kernel, None, strides, (padding, padding), (1, 1))


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("tile_size", [(2, 2), (1, 3), (3, 2), (20, 20)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
def test_gradients_are_the_adjoints(padding, tile_size, strides):
    x, kernel = map(tf.constant, arrays(tile_size))
    with tf.GradientTape() as tape:
        tape.watch([x, kernel])
        y = convolve(x, kernel, padding, strides)
    upstream = tf.constant(random_maps(*y.shape, seed=2))
    of_x, of_kernel = tape.gradient(y, [x, kernel], upstream)
    for seed in (3, 4):
        other_x = tf.constant(random_maps(*x.shape, seed=seed))
        other_kernel = tf.constant(random_maps(*kernel.shape, seed=seed))
        for gradient, other, applied in (
            (of_x, other_x, convolve(other_x, kernel, padding, strides)),
            (of_kernel, other_kernel, convolve(x, other_kernel, padding, strides)),
        ):
            expected = float(tf.reduce_sum(applied * upstream))
            scale = float(tf.norm(applied) * tf.norm(upstream))
            assert abs(float(tf.reduce_sum(gradient * other)) - expected) < 1e-5 * scale


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_derivatives_of_the_gradients(padding):
    x, kernel = map(tf.constant, arrays((2, 3)))
    other = tf.constant(random_maps(*kernel.shape, seed=5))
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            y = convolve(x, kernel, padding)
        upstream = tf.constant(random_maps(*y.shape, seed=6))
        of_kernel = tape.gradient(y, kernel, upstream)
    mixed = outer.gradient(of_kernel, x, other)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = convolve(x, other, padding)
    expected = tape.gradient(y, x, upstream)
    np.testing.assert_allclose(mixed, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("before", [(0, 0), (1, 0), (2, 1)])
def test_input_gradient_is_a_tiled_convolution(before):
    kernel = random_maps(2, 3, 3, 2, 3, 4)
    y = random_maps(1, 6, 6, 4, seed=1)
    mirrored = np.asarray(_tiles.input_gradient_kernel(keras.ops.convert_to_tensor(kernel), before))
    padded = np.pad(y, ((0, 0), (2 - before[0], before[0]), (1 - before[1], before[1]), (0, 0)))
    gradient = tiled_convolution(padded, mirrored, (1, 1), "valid", (1, 1))
    expected = np.zeros((1, 6 + 2, 6 + 1, 3))
    for i, j in np.ndindex(6, 6):
        window = np.einsum("mnlf,bf->bmnl", kernel[i % 2, j % 3], y[:, i, j])
        expected[:, i : i + 3, j : j + 2] += window
    expected = expected[:, before[0] : before[0] + 6, before[1] : before[1] + 6]
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=2e-5)
