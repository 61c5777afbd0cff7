"""Sizes of the outputs of convolutions and transposed convolutions.

Dumoulin and Visin, "A guide to convolution arithmetic for deep learning"
(https://arxiv.org/abs/1603.07285), relationships 1 to 15.
"""

from kzoo.layers import _args
from kzoo.layers._window import extent, fixed_padding, output_size


def conv_output_shape(input, kernel, strides=1, padding="valid", dilation=1):
    """Return the size of the output of a convolution, or of a pooling.

    A window that does not fit wholly is left out: floor((i + p - (d (k - 1) + 1)) / s) + 1 with p
    the padding of both ends together, and ceil(i / s) for `"same"`.

    Args:
        input: size of the input, an integer, or a tuple of one or two; None for an unknown size.
        kernel: size of the kernel, one integer or one for each axis.
        strides: step between neighbouring windows, likewise.
        padding: `"valid"`, `"same"`, `"full"`, for one axis also `"causal"`, or amounts as Keras's
            `ZeroPadding` layers take them: one for all sides, or a pair (before, after) for each
            axis.
        dilation: distance between neighbouring taps of the kernel, likewise.

    Returns:
        An integer where `input` is one, else a tuple; None where the size is unknown.

    Raises:
        ValueError: an argument outside its range, or a window that does not fit the padded input.
        TypeError: an argument that is not an integer where it must be.

    Example:

    >>> kzoo.analysis.conv_output_shape((224, 224), 7, strides=2, padding=3)
    (112, 112)
    """
    sizes, kernels, steps, paddings, dilations = _per_axis(
        input, kernel, strides, padding, dilation
    )
    spans = [extent(k, d) for k, d in zip(kernels, dilations)]
    result = [output_size(*axis) for axis in zip(sizes, spans, steps, paddings)]
    _check_fit(result, input, kernel, padding, dilation)
    return tuple(result) if isinstance(input, (tuple, list)) else result[0]


def conv_transpose_output_shape(
    input, kernel, strides=1, padding="valid", dilation=1, output_padding=None
):
    """Return the size of the output of a transposed convolution: s (i - 1) + d (k - 1) + 1 + a - p.

    p is the padding of both ends of the convolution that it transposes, so that it makes the output
    smaller, and a is the output padding.

    Args:
        input: size of the input, an integer, or a tuple of one or two; None for an unknown size.
        kernel: size of the kernel, one integer or one for each axis.
        strides: strides, likewise.
        padding: `"valid"`, `"same"`, `"full"`, or amounts as in `conv_output_shape`.
        dilation: distance between neighbouring taps of the kernel, likewise.
        output_padding: what is added to the size at the end, one integer or one for each axis, less
            than the stride or the dilation. With None, `"valid"` adds what a kernel smaller than
            its stride lacks and `"same"` gives s i, as Keras has it; other paddings add nothing.

    Returns:
        An integer where `input` is one, else a tuple; None where the size is unknown.

    Raises:
        ValueError: an argument outside its range, or an output of no size.
        TypeError: an argument that is not an integer where it must be.

    Example:

    >>> kzoo.analysis.conv_transpose_output_shape(3, 3, strides=2, padding=1, output_padding=1)
    6
    """
    sizes, kernels, steps, paddings, dilations = _per_axis(
        input, kernel, strides, padding, dilation
    )
    if padding == "causal":
        raise ValueError(
            "padding='causal' has no transposed convolution; give the amounts instead, "
            "(dilation * (kernel - 1), 0)."
        )
    extra = (None,) * len(sizes)
    if output_padding is not None:
        extra = _args.integers(output_padding, "output_padding", len(sizes), minimum=0)
        for a, s, d in zip(extra, steps, dilations):
            if a >= max(s, d):
                raise ValueError(
                    f"output_padding must be less than the stride or the dilation, {max(s, d)}; "
                    f"received {a}."
                )
    result = [
        None if size is None else s * (size - 1) + _growth(extent(k, d), s, axis_padding, a)
        for size, k, s, axis_padding, d, a in zip(sizes, kernels, steps, paddings, dilations, extra)
    ]
    _check_fit(result, input, kernel, padding, dilation)
    return tuple(result) if isinstance(input, (tuple, list)) else result[0]


def _growth(span, stride, padding, output_padding):
    """Return the size of the output that a single input element has."""
    if padding == "same":
        return stride if output_padding is None else span % 2 + output_padding
    if output_padding is None:
        output_padding = max(stride - span, 0) if padding == "valid" else 0
    return span + output_padding - sum(fixed_padding(span, padding))


def _per_axis(input, kernel, strides, padding, dilation):
    """Return each argument as a tuple with one entry for each axis of the input."""
    sizes = tuple(input) if isinstance(input, (tuple, list)) else (input,)
    rank = len(sizes)
    if rank not in (1, 2):
        raise ValueError(f"input must be one size or two; received {sizes}.")
    paddings = _args.padding(padding, rank)
    return (
        tuple(None if size is None else _args.integer(size, "input") for size in sizes),
        _args.integers(kernel, "kernel", rank),
        _args.integers(strides, "strides", rank),
        (paddings,) * rank if isinstance(paddings, str) else paddings,
        _args.integers(dilation, "dilation", rank),
    )


def _check_fit(result, input, kernel, padding, dilation):
    if any(size is not None and size < 1 for size in result):
        raise ValueError(
            f"a kernel of {kernel} with dilation {dilation} and padding={padding!r} leaves nothing "
            f"of an input of {input}; use a larger input, a smaller kernel or another padding."
        )
