"""Tiled convolution as strided convolutions, one for each kernel, of shifted views of the maps."""

import numpy as np
from keras import ops


def convolve_tiles(x, kernel, strides, before, outputs):
    """Convolve maps so that output (i, j) uses the kernel of tile (i mod t, j mod t).

    Args:
        x: maps, (batch, height, width, in).
        kernel: kernels, (t, t, kh, kw, in, out).
        strides: pair of strides between neighbouring outputs.
        before: pair of the padding above and left of the maps; below and right of them there is
            as much as the outputs need.
        outputs: pair of output sizes.

    Returns:
        Maps, (batch, *outputs, out).
    """
    tiles, filters = kernel.shape[:2], kernel.shape[-1]
    counts = [-(-output // tile) for output, tile in zip(outputs, tiles)]
    steps = tuple(tile * stride for tile, stride in zip(tiles, strides))
    rows = []
    views = shifted_views(x, kernel.shape[:4], strides, before, counts)
    for row_views, row in zip(views, ops.unstack(kernel), strict=True):
        columns = [
            ops.conv(view, one, steps, "valid", "channels_last")
            for view, one in zip(row_views, ops.unstack(row), strict=True)
        ]
        rows.append(ops.stack(columns, axis=3))
    y = ops.stack(rows, axis=2)
    batch, sizes = ops.shape(x)[0], [count * tile for count, tile in zip(counts, tiles)]
    y = ops.reshape(y, (batch, *sizes, filters))
    if all(isinstance(size, int) for size in sizes) and sizes == list(outputs):
        return y
    return ops.slice(y, (0, 0, 0, 0), (batch, *outputs, filters))


def shifted_views(x, kernel_shape, strides, before, counts):
    """Return for tile (p, q) the padded maps, starting p outputs further down and q to the right.

    A view is a run of the padded maps' pixels, one after the other: a copy on no backend that can
    share memory. What a row or a map lacks at its end comes from the next one, and no window reads
    it; one map of zeros follows the last.

    Args:
        kernel_shape: (t, t, kh, kw).
        counts: pair of numbers of tiles down and across the outputs.

    Returns:
        t lists of t tensors, (batch, height', width', in).
    """
    batch, *sizes, channels = ops.shape(x)
    tiles, windows = kernel_shape[:2], kernel_shape[2:]
    widths = []
    for axis in (0, 1):
        read = (counts[axis] * tiles[axis] - 1) * strides[axis] + windows[axis]
        after = read - sizes[axis] - before[axis]
        after = max(after, 0) if isinstance(after, int) else ops.maximum(after, 0)
        widths.append((before[axis], after))
    height, width = (size + sum(amounts) for size, amounts in zip(sizes, widths))
    pixels = ops.reshape(ops.pad(x, ((0, 1), *widths, (0, 0))), (-1, channels))

    def view(p, q):
        start = p * strides[0] * width + q * strides[1]
        run = ops.slice(pixels, (start, 0), (batch * height * width, channels))
        return ops.reshape(run, (batch, height, width, channels))

    return [[view(p, q) for q in range(tiles[1])] for p in range(tiles[0])]


def input_gradient_kernel(kernel, before):
    """Return the kernels with which the gradient of the maps is a tiled convolution, too.

    Pixel i is read by tap m of output i + before - m, whose tile is that number mod t. So seen from
    the pixels the taps are reversed, and each comes from the kernel of another tile.

    Args:
        kernel: kernels of a tiled convolution with strides of 1, (t, t, kh, kw, in, out).
        before: pair of the padding before its input.

    Returns:
        Kernels, (t, t, kh, kw, out, in), for a padding before of `kh - 1 - before[0]` and
        `kw - 1 - before[1]`.
    """
    places = []
    for axis in (0, 1):
        tile, window = kernel.shape[axis], kernel.shape[2 + axis]
        pixel, tap = np.arange(tile)[:, None], np.arange(window)[::-1]
        places.append(((pixel + before[axis] - tap) % tile, np.broadcast_to(tap, (tile, window))))
    (row_tile, row_tap), (column_tile, column_tap) = places
    index = np.ravel_multi_index(
        (
            row_tile[:, None, :, None],
            column_tile[None, :, None, :],
            row_tap[:, None, :, None],
            column_tap[None, :, None, :],
        ),
        kernel.shape[:4],
    )
    taps = ops.reshape(kernel, (-1, *kernel.shape[4:]))
    return ops.take(ops.swapaxes(taps, 1, 2), index, axis=0)
