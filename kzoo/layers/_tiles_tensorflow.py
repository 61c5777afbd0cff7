"""Gradients of the tiled convolution on TensorFlow, which would add up one map for each kernel.

Imported on the TensorFlow backend only.
"""

import tensorflow as tf

from kzoo.layers import _tiles


def convolve_tiles(x, kernel, before, outputs):
    """Return `_tiles.convolve_tiles` with strides of 1, with faster and smaller gradients.

    The padding, before and after, is less than the kernel's size. Derivatives of the gradients are
    right, too: each is made of operations that have theirs.
    """

    @tf.custom_gradient
    def convolve(x, kernel):
        def gradients(upstream):
            above = [k - 1 - amount for k, amount in zip(kernel.shape[2:4], before)]
            mirrored = _tiles.input_gradient_kernel(kernel, before)
            of_input = convolve_tiles(upstream, mirrored, above, _sizes(x))
            # One after the other they need the less memory.
            with tf.control_dependencies([of_input]):
                of_kernel = _kernel_gradient(x, kernel.shape, upstream, before)
            return of_input, of_kernel

        return _tiles.convolve_tiles(x, kernel, (1, 1), before, outputs), gradients

    return convolve(x, kernel)


def _kernel_gradient(x, kernel_shape, upstream, before):
    """Return the gradient of the kernels, each from the outputs that it was used for.

    Args:
        x: maps, (batch, height, width, in).
        kernel_shape: (t, t, kh, kw, in, out).
        upstream: gradient of the outputs, (batch, output height, output width, out).
        before: pair of paddings.

    Returns:
        Tensor of `kernel_shape`.
    """
    upstream = tf.identity(upstream)
    tiles, one_kernel = kernel_shape[:2], kernel_shape[2:]
    outputs = _sizes(upstream)
    counts = [-(-output // tile) for output, tile in zip(outputs, tiles)]
    missing = [count * tile - output for count, tile, output in zip(counts, tiles, outputs)]
    if not all(isinstance(size, int) and size == 0 for size in missing):
        upstream = tf.pad(upstream, ((0, 0), *((0, size) for size in missing), (0, 0)))
    by_tile = (-1, counts[0], tiles[0], counts[1], tiles[1], one_kernel[-1])
    upstream = tf.transpose(tf.reshape(upstream, by_tile), (2, 4, 0, 1, 3, 5))
    with tf.control_dependencies([upstream]):
        views = _tiles.shifted_views(tf.identity(x), kernel_shape[:4], (1, 1), before, counts)
    gradients = [
        tf.raw_ops.Conv2DBackpropFilter(
            input=view,
            filter_sizes=one_kernel,
            out_backprop=of_tile,
            strides=(1, *tiles, 1),
            padding="VALID",
        )
        for row_views, row in zip(views, tf.unstack(upstream), strict=True)
        for view, of_tile in zip(row_views, tf.unstack(row), strict=True)
    ]
    return tf.reshape(tf.stack(gradients), kernel_shape)


def _sizes(x):
    """Return height and width of maps: ints, or scalar tensors where they are unknown."""
    shape = tf.shape(x)
    return [shape[axis] if x.shape[axis] is None else x.shape[axis] for axis in (1, 2)]
