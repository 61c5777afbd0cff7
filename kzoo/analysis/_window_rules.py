"""What layers with windows, and others that pad, crop, enlarge or shrink maps, see of the input."""

from dataclasses import replace

from kzoo.analysis._spans import resized, transposed_window, upsampled, window
from kzoo.layers._window import extent, output_size, padding_before


def windows_of(layer):
    """Return (taps, stride, dilation, padding) of each spatial axis, or nothing."""
    sizes = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    needed = ("strides", "padding", "data_format")
    if not isinstance(sizes, (tuple, list)) or not all(hasattr(layer, name) for name in needed):
        return []
    padding = layer.padding
    dilation = getattr(layer, "dilation_rate", 1)
    return list(
        zip(
            sizes,
            (layer.strides,) * len(sizes) if isinstance(layer.strides, int) else layer.strides,
            (dilation,) * len(sizes) if isinstance(dilation, int) else dilation,
            (padding,) * len(sizes) if isinstance(padding, str) else padding,
        )
    )


def convolution(call):
    return _windowed(call, windows_of(call.operation))


def conditional_convolution(call):
    """What the weights of the experts see is taken for the whole map."""
    return gated(call, convolution(replace(call, views=call.views[:1])))


def _windowed(call, windows):
    def change(i, span):
        taps, stride, dilation, padding = windows[i]
        across = extent(taps, dilation)
        length = output_size(span.length, across, stride, padding)
        before = _before(span.length, across, stride, padding)
        try:
            return window(span, taps, stride, dilation, before, length)
        except ValueError as error:
            raise call.refuse(f"cannot be analysed: {error}; give input_size") from error

    return call.along_places(len(windows), change)


def _before(length, across, stride, padding):
    """Padding before an axis; None where it depends on a length that is unknown."""
    if length is not None or padding != "same":
        return padding_before(length, across, stride, padding)
    large = across + stride
    possible = {padding_before(large + n, across, stride, padding) for n in range(stride)}
    return possible.pop() if len(possible) == 1 else None


def transposed_convolution(call):
    if call.operation.output_padding is not None:
        raise call.refuse("has an output_padding, of which the receptive field knows nothing")
    windows = windows_of(call.operation)

    def change(i, span):
        taps, stride, dilation, padding = windows[i]
        surplus = max(extent(taps, dilation) - stride, 0)
        length = span.length
        if length is not None:
            length = length * stride + (surplus if padding == "valid" else 0)
        before = surplus // 2 if padding == "same" else 0
        return transposed_window(span, taps, stride, dilation, before, length)

    return call.along_places(len(windows), change)


def unpooling(call):
    """The indices say where in its window a value goes; they count as constants."""
    layer, windows = call.operation, windows_of(call.operation)

    def change(i, span):
        taps, stride, _, padding = windows[i]
        length = layer.output_size[i] if layer.output_size else None
        if length is None and span.length is not None:
            length = span.length * stride
            length += taps - stride if padding == "valid" else 0
        before = _before(length, taps, stride, padding)
        if before is None:
            raise call.refuse(
                "cannot be analysed: its padding depends on the size; give input_size"
            )
        return transposed_window(span, taps, stride, 1, before, length)

    return call.along_places(len(windows), change)


def blur_pooling(call):
    sizes, strides = call.operation.pool_size, call.operation.strides
    same = call.operation.padding == "same"
    pads = [((size - 1) // 2, size // 2) if same else "valid" for size in sizes]
    return _windowed(call, [(k, s, 1, p) for k, s, p in zip(sizes, strides, pads)])


def identity_shortcut(call):
    return _windowed(call, [(1, stride, 1, "same") for stride in call.operation.strides])


def attention_convolution(call):
    layer = call.operation
    if hasattr(layer, "windows"):
        across = [max(extent(size, dilation) for size, dilation in layer.windows)] * 2
    else:
        across = [extent(*pair) for pair in zip(layer.kernel_size, layer.dilation_rate)]
    halves = [(span // 2, span // 2) for span in across]
    windows = [(span, s, 1, pad) for span, s, pad in zip(across, layer.strides, halves)]
    return gated(call, _windowed(call, windows))


def gated(call, view):
    """Multiply by weights made from the whole map."""
    if call.options.ignore_gates:
        return view
    return replace(view, whole=view.whole | view.axes(range(len(view.spans))))


def upsampling(call):
    layer = call.operation
    factors = layer.size if isinstance(layer.size, (tuple, list)) else (layer.size,)
    interpolation = getattr(layer, "interpolation", "nearest")
    if interpolation not in ("nearest", "bilinear"):
        raise call.refuse(
            f"has interpolation={interpolation!r}, of which only 'nearest' and "
            "'bilinear' are known to the receptive field"
        )
    return call.along_places(
        len(factors), lambda i, span: upsampled(span, factors[i], interpolation)
    )


def zero_padding(call):
    return _shifted(call, call.operation.padding)


def cropping(call):
    amounts = call.operation.cropping
    pairs = (amounts,) if isinstance(amounts[0], int) else amounts
    return _shifted(call, [(-before, -after) for before, after in pairs])


def _shifted(call, amounts):
    """Pad every spatial axis by (before, after), or crop it where they are negative."""
    pairs = (amounts,) if isinstance(amounts[0], int) else amounts
    return call.along_places(len(pairs), lambda i, span: _moved(span, *pairs[i]))


def _moved(span, before, after):
    if span is None:
        return None
    length = None if span.length is None else span.length + before + after
    return window(span, 1, 1, 1, before, length)


def cropping_like(call):
    """Keep the first positions, as many as the second map has."""
    lengths = _lengths_of_reference(call)

    def change(i, span):
        return replace(span, length=lengths[i])

    return call.along_places(2, change)


def nearest_resizing(call):
    """Repeat or leave out positions, to as many as the second map has."""
    lengths = _lengths_of_reference(call)

    def change(i, span):
        if None in (span.length, lengths[i]):
            raise call.refuse("cannot be analysed: it depends on the size; give input_size")
        return resized(span, span.length, lengths[i])

    return call.along_places(2, change)


def _lengths_of_reference(call):
    """Lengths of the second map, of which nothing else counts."""
    spans = call.views[1].spans
    places = call.places(2, len(spans))
    return [call.input_shapes[1][i] if spans[i] is None else spans[i].length for i in places]


def pad(call):
    pairs = call.operation.pad_width
    spans = tuple(_moved(span, *pair) for span, pair in zip(call.view.spans, pairs))
    return replace(call.view, spans=spans)


def adaptive_pooling(call):
    """Windows of one size where the output divides the input; else each sees all."""
    layer = call.operation
    sizes = layer.output_size
    sizes = (sizes,) if isinstance(sizes, int) else tuple(sizes)
    return _resampled(call, sizes)


def minimum_size_pooling(call):
    """The identity on what is large enough, as an axis of unknown length is taken to be."""
    spans = [call.view.spans[i] for i in call.places(2, 4)]
    sizes = [
        None if span is None or span.length is None else max(span.length, least)
        for span, least in zip(spans, call.operation.size)
    ]
    return _resampled(call, sizes)


def _resampled(call, sizes):
    whole = set()

    def change(i, span):
        if sizes[i] is None or sizes[i] == span.length:
            return span
        if span.length is None or sizes[i] == 1 or span.length % sizes[i]:
            whole.add(span.axis)
            return None
        size = span.length // sizes[i]
        return window(span, size, size, 1, 0, sizes[i])

    view = call.along_places(len(sizes), change)
    return replace(view, whole=view.whole | whole)
