"""A convolution as a dense layer, and a dense layer as a convolution.

Goodfellow, Bengio and Courville, Deep Learning (2016), section 9.4: a convolution is a dense layer
with an infinitely strong prior on its weights. Long, Shelhamer and Darrell, "Fully Convolutional
Networks for Semantic Segmentation", CVPR 2015 (https://arxiv.org/abs/1411.4038), section 3.1: a
classifier made of convolutions runs on larger images.
"""

from math import prod

import keras
import numpy as np

from kzoo.analysis._call import as_float64
from kzoo.analysis.conv_matrix import gather_matrix
from kzoo.layers import _args
from kzoo.layers._window import extent, output_size, padding_before

_ALONG_AN_AXIS = (
    keras.activations.softmax,
    keras.activations.log_softmax,
    keras.activations.sparsemax,
    keras.activations.glu,
)


def conv_as_dense(layer, input_shape):
    """Return a dense layer that gives on flattened maps what a convolution gives, flattened.

    Maps are flattened as by `keras.layers.Reshape((-1,))`, in the order of their axes.

    Args:
        layer: a built `keras.layers.Conv2D`.
        input_shape: shape of its input without the batch.

    Returns:
        A built `keras.layers.Dense` with the weights, the activation and the type of `layer`.

    Raises:
        TypeError: a layer that is not a `Conv2D`, or a shape that is not of integers.
        ValueError: a layer that is not built, an input that does not suit it, or, where there are
            several positions or in `channels_first`, an activation along an axis, such as softmax.

    Example:

    >>> conv = keras.layers.Conv2D(2, 3)
    >>> conv.build((None, 5, 5, 1))
    >>> kzoo.analysis.conv_as_dense(conv, (5, 5, 1)).count_params()
    468
    """
    kernel = _kernel(layer)
    matrix = _matrix(layer, kernel, input_shape).toarray()
    if matrix.shape[1] > layer.filters or layer.data_format == "channels_first":
        _check_activation(layer)
    dense = keras.layers.Dense(
        matrix.shape[1],
        activation=layer.activation,
        use_bias=layer.use_bias,
        dtype=layer.dtype_policy,
    )
    dense.build((None, matrix.shape[0]))
    dense.kernel.assign(matrix)
    if layer.use_bias:
        bias = as_float64(layer.bias)
        copies = matrix.shape[1] // layer.filters
        by_channel = layer.data_format == "channels_first"
        dense.bias.assign(np.repeat(bias, copies) if by_channel else np.tile(bias, copies))
    return dense


def conv_dense_mask(layer, input_shape):
    """Return which weights of `conv_as_dense` the convolution leaves free to differ from 0.

    Those of one tap of the kernel are free together only: the convolution ties them to each other.

    Args:
        layer: a built `keras.layers.Conv2D`.
        input_shape: shape of its input without the batch.

    Returns:
        A boolean array of the shape of the dense kernel, (inputs, outputs).

    Raises:
        TypeError, ValueError: as `conv_as_dense`.
    """
    return _matrix(layer, np.ones_like(_kernel(layer)), input_shape).toarray() != 0


def dense_as_conv(layer, input_shape, data_format=None):
    """Return a convolution that gives at every position what a dense layer gives on a flat map.

    The kernel is as large as the map that the dense layer takes, flattened by
    `keras.layers.Flatten` (which moves the channels last); on larger maps there are more positions.

    Args:
        layer: a built `keras.layers.Dense`.
        input_shape: shape of the map, (height, width, channels), or (channels, height, width) in
            `channels_first`.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.

    Returns:
        A built `keras.layers.Conv2D` with padding `"valid"` and the weights, the activation and the
        type of `layer`.

    Raises:
        TypeError: a layer that is not a `Dense`, or a shape that is not of integers.
        ValueError: a layer that is not built, a shape of another number of elements, or, in
            `channels_first`, an activation along an axis.

    Example:

    >>> dense = keras.layers.Dense(10)
    >>> dense.build((None, 7 * 7 * 8))
    >>> conv = kzoo.analysis.dense_as_conv(dense, (7, 7, 8))
    >>> conv.compute_output_shape((1, 9, 8, 8))
    (1, 3, 2, 10)
    """
    if not isinstance(layer, keras.layers.Dense):
        raise TypeError(f"layer must be a keras.layers.Dense; received {layer!r}.")
    _check_built(layer)
    data_format = _args.data_format(data_format)
    if data_format == "channels_first":
        _check_activation(layer)
    height, width, channels = _map_shape(input_shape, data_format)
    inputs, units = layer.kernel.shape
    if height * width * channels != inputs:
        raise ValueError(
            f"input_shape must have the {inputs} elements that layer {layer.name!r} takes; "
            f"received {tuple(input_shape)}."
        )
    conv = keras.layers.Conv2D(
        units,
        (height, width),
        data_format=data_format,
        activation=layer.activation,
        use_bias=layer.use_bias,
        dtype=layer.dtype_policy,
        name=layer.name,
    )
    conv.build((None, *input_shape))
    conv.kernel.assign(keras.ops.reshape(layer.kernel, conv.kernel.shape))
    if layer.use_bias:
        conv.bias.assign(layer.bias)
    return conv


def _kernel(layer):
    if not isinstance(layer, keras.layers.Conv2D):
        raise TypeError(f"layer must be a keras.layers.Conv2D; received {layer!r}.")
    _check_built(layer)
    return as_float64(layer.kernel)


def _check_activation(layer):
    """Refuse an activation that Keras applies along the last axis, which is another one after."""
    if layer.activation in _ALONG_AN_AXIS:
        raise ValueError(
            f"layer {layer.name!r} has the activation {layer.activation.__name__}, along an axis "
            "that is not the same for both kinds of layer; give a layer without it, and apply it "
            "afterwards by a layer of its own."
        )


def _check_built(layer):
    if not layer.built:
        raise ValueError(f"layer {layer.name!r} has no weights yet; build it, or call it, first.")


def _map_shape(shape, data_format):
    """Return height, width and channels of a map's shape."""
    shape = _args.integers(shape, "input_shape", 3)
    return shape if data_format == "channels_last" else (*shape[1:], shape[0])


def _matrix(layer, kernel, input_shape):
    """Return the sparse matrix (inputs, outputs) of a convolution layer with this kernel."""
    *sizes, channels = _map_shape(input_shape, layer.data_format)
    if channels != kernel.shape[2] * layer.groups:
        raise ValueError(
            f"input_shape must have the {kernel.shape[2] * layer.groups} channels that layer "
            f"{layer.name!r} takes; received {tuple(input_shape)}."
        )
    sources = []
    for size, window, stride, dilation in zip(
        sizes, layer.kernel_size, layer.strides, layer.dilation_rate
    ):
        span = extent(window, dilation)
        count = output_size(size, span, stride, layer.padding)
        if count < 1:
            raise ValueError(
                f"layer {layer.name!r} has no output on an input of {tuple(input_shape)}; use a "
                "larger one."
            )
        before = padding_before(size, span, stride, layer.padding)
        sources.append(stride * np.arange(count)[:, None] + dilation * np.arange(window) - before)
    matrix = gather_matrix(_ungrouped(kernel, layer.groups), sources, sizes)
    if layer.data_format == "channels_first":
        outputs = [len(source) for source in sources]
        matrix = matrix[_by_channel(*outputs, layer.filters)][:, _by_channel(*sizes, channels)]
    return matrix.T


def _ungrouped(kernel, groups):
    """Return the kernel over all channels of a grouped convolution, 0 between groups."""
    *window, channels, filters = kernel.shape
    full = np.zeros((*window, groups, channels, groups, filters // groups), kernel.dtype)
    for group, part in enumerate(np.split(kernel, groups, axis=-1)):
        full[:, :, group, :, group] = part
    return full.reshape(*window, groups * channels, filters)


def _by_channel(*shape):
    """Return where, among the elements of a map (h, w, c), stand those of it in order (c, h, w)."""
    return np.arange(prod(shape)).reshape(shape).transpose(2, 0, 1).reshape(-1)
