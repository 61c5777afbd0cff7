"""Windows of convolutions and pooling along the axes of a tensor: sizes, padding, shifted views.

Sizes are ints, or scalar tensors where they are known only when the layer runs. The padding of an
axis is "valid", "same", "full", "causal" or a pair of amounts, before and after.
"""

from keras import ops


def extent(window, dilation=1):
    """Return how many elements a window of `window` taps spans, `dilation` apart."""
    return (window - 1) * dilation + 1


def fixed_padding(span, padding):
    """Return the padding before and after an axis; None for `same`, where it depends on sizes."""
    if padding == "same":
        return None
    named = {"valid": (0, 0), "full": (span - 1, span - 1), "causal": (span - 1, 0)}
    return named[padding] if isinstance(padding, str) else padding


def output_size(size, span, stride, padding):
    """Return how many windows that span `span` elements fit an axis; None where it is unknown."""
    if size is None:
        return None
    if padding == "same":
        return -(-size // stride)
    return (size + sum(fixed_padding(span, padding)) - span) // stride + 1


def padding_before(size, span, stride, padding):
    """Return the padding before an axis: for `same` half of what it needs, rounded down."""
    if padding != "same":
        return fixed_padding(span, padding)[0]
    needed = (output_size(size, span, stride, padding) - 1) * stride + span - size
    return _maximum(needed, 0) // 2


def convolve2d(x, kernel, strides, padding, dilation_rate=(1, 1)):
    """Convolve maps (batch, height, width, in) with a kernel (kh, kw, in, out).

    It is Keras's convolution with a padding of its own for each axis.
    """
    x, name = pad_maps(x, kernel.shape[:2], strides, padding, dilation_rate)
    return ops.conv(x, kernel, strides, name, "channels_last", dilation_rate)


def pad_maps(x, kernel_size, strides, padding, dilation_rate=(1, 1)):
    """Return the maps, padded where Keras cannot, and the name of the padding left to Keras."""
    spans = [extent(k, d) for k, d in zip(kernel_size, dilation_rate)]
    amounts = [fixed_padding(span, axis_padding) for span, axis_padding in zip(spans, padding)]
    halves = [(span // 2, span // 2) if span % 2 else None for span in spans]
    if None in amounts or (amounts == halves and max(strides) == 1):
        return x, "same"
    if any(map(any, amounts)):
        x = ops.pad(x, ((0, 0), *amounts, (0, 0)))
    return x, "valid"


def spread(kernel, axis, dilation):
    """Put `dilation - 1` zeros between neighbours along `axis`."""
    if dilation == 1:
        return kernel
    shape = list(kernel.shape)
    widths = [(0, 0)] * (len(shape) + 1)
    widths[axis + 1] = (0, dilation - 1)
    zeros_between = ops.pad(ops.expand_dims(kernel, axis + 1), widths)
    zeros_between = ops.reshape(
        zeros_between, [*shape[:axis], shape[axis] * dilation, *shape[axis + 1 :]]
    )
    return cut_axis(zeros_between, axis, 0, extent(shape[axis], dilation))


def fit_axis(x, axis, before, size, fill=0.0):
    """Pad `axis` of `x` with `before` elements, then pad or cut its end, up to `size`.

    `fill` is the value of the padding, or "edge" for that of the nearest element.
    """
    length = ops.shape(x)[axis]
    after = _maximum(size - length - before, 0)
    if not _is_zero(before) or not _is_zero(after):
        if fill == "edge":
            x = _extended(x, axis, before, length, after)
        else:
            widths = [(0, 0)] * len(x.shape)
            widths[axis] = (before, after)
            x = ops.pad(x, widths, constant_values=fill)
    return cut_axis(x, axis, 0, size)


def _extended(x, axis, before, length, after):
    parts = []
    for position, count in ((0, before), (length - 1, after)):
        shape = list(ops.shape(x))
        shape[axis] = count
        parts.append(ops.broadcast_to(cut_axis(x, axis, position, 1), shape))
    return ops.concatenate([parts[0], x, parts[1]], axis=axis)


def cut_axis(x, axis, start, size):
    """Return `size` elements of `x` along `axis` from `start` on.

    It is `ops.slice`, because the gradient of Python's slicing is slow in TensorFlow's graphs.
    """
    shape = list(ops.shape(x))
    if isinstance(size, int) and isinstance(shape[axis], int) and (start, size) == (0, shape[axis]):
        return x
    starts = [0] * len(shape)
    starts[axis] = start
    shape[axis] = size
    return ops.slice(x, starts, shape)


def aligned(x, axis, window, stride, dilation, padding, fill=0.0):
    """Pad or cut `axis` to a whole number of strides, as many as `taps` reads."""
    size, span = ops.shape(x)[axis], extent(window, dilation)
    count = output_size(size, span, stride, padding) + (span - 1) // stride
    before = padding_before(size, span, stride, padding)
    return fit_axis(x, axis, before, count * stride, fill)


def taps(x, axis, window, stride, dilation=1):
    """Return what each of the `window` taps sees along an `axis` that `aligned` has prepared.

    Tap m of output i is element `i * stride + m * dilation`. Each result has the shape of `x`,
    with the number of windows along `axis`.
    """
    shape = list(ops.shape(x))
    blocks = shape[axis] // stride
    count = blocks - (extent(window, dilation) - 1) // stride
    if stride == 1:
        return [cut_axis(x, axis, m * dilation, count) for m in range(window)]
    x = ops.reshape(x, [*shape[:axis], blocks, stride, *shape[axis + 1 :]])
    target = [*shape[:axis], count, *shape[axis + 1 :]]
    results = []
    for m in range(window):
        block, phase = divmod(m * dilation, stride)
        tap = cut_axis(cut_axis(x, axis, block, count), axis + 1, phase, 1)
        results.append(ops.reshape(tap, target))
    return results


def _maximum(value, bound):
    return max(value, bound) if isinstance(value, int) else ops.maximum(value, bound)


def _is_zero(value):
    return isinstance(value, int) and value == 0
