"""Convolution in which a table says which input map feeds which output map.

LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition
(Proceedings of the IEEE, 1998), section II.B and Table I.
"""

import keras
import numpy as np
from keras import ops

from kzoo.layers._base_conv import BaseConv, checked_kernel, refuse_conv_options
from kzoo.layers._initial_values import reseeded
from kzoo.layers._window import convolve2d


def dense_kernel(weights, table):
    """Place the weights of the links in a kernel that is 0 where there is no link.

    Args:
        weights: (kh, kw, links); links in row-major order of the table.
        table: array of 0 and 1, (in, out).

    Returns:
        Kernel, (kh, kw, in, out).
    """
    links = int(table.sum())
    position = np.where(table.ravel() == 1, np.cumsum(table.ravel()) - 1, links)
    padded = ops.pad(weights, ((0, 0), (0, 0), (0, 1)))
    kernel = ops.take(padded, position.astype("int32"), axis=-1)
    return ops.reshape(kernel, (*weights.shape[:2], *table.shape))


def _as_table(table):
    """Return `table` as an array of 0 and 1, (in, out), or refuse it."""
    try:
        array = np.asarray(table, dtype="float64")
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"table must be rows of 0 and 1, all of one length; received {table!r}."
        ) from error
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            "table must have one row per input map and one column per output map; received an "
            f"array of shape {array.shape}."
        )
    if not np.all((array == 0) | (array == 1)):
        raise ValueError(f"table must hold only 0 and 1; received {table!r}.")
    unfed = np.flatnonzero(array.sum(axis=0) == 0).tolist()
    if unfed:
        raise ValueError(
            "every column of table must hold a 1, so that every output map has an input; columns "
            f"without one: {unfed}."
        )
    return array.astype("int64")


@keras.saving.register_keras_serializable(package="kzoo")
class ConnectionTableConv2D(BaseConv):
    """Convolution that has weights only for the links between maps that a table lists.

    Args:
        kernel_size: kernel height and width, one integer or two.
        table: rows of 0 and 1, or an array, (input channels, filters): 1 where the input map of
            the row feeds the output map of the column. The number of columns is that of filters.
        strides: distance between neighbouring outputs, one integer or two.
        padding: `"valid"`, `"same"`, `"full"` (as much as lets every window touch the input), an
            amount for all sides, or ((top, bottom), (left, right)).
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        dilation_rate: distance between the taps of a kernel; not together with strides above 1.
        activation: activation, or None.
        use_bias: whether a bias is added, one per output map.
        kernel_initializer: initializer; each output map starts like one of a `Conv2D` that has as
            many input channels as the map has links.
        bias_initializer: initializer of the bias.
        kernel_regularizer: regularizer of the weights, (kh, kw, links).
        bias_regularizer: regularizer of the bias.
        activity_regularizer: regularizer of the output.
        kernel_constraint: constraint on the weights, (kh, kw, links).
        bias_constraint: constraint on the bias.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps with as many channels as the table has rows.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`.

    Output shape:
        `(batch, output height, output width, filters)`, or `(batch, filters, output height,
        output width)`, with the sizes of `Conv2D`.

    Raises:
        ValueError: a table that is not of 0 and 1, has rows of different lengths or an output map
            without input, or whose number of rows is not the number of input channels; a kernel
            that does not fit; strides with dilation.
        TypeError: an argument that is not an integer where it must be.

    Example:

    >>> layer = kzoo.layers.ConnectionTableConv2D(3, table=[[1, 0, 1], [0, 1, 1]])
    >>> keras.ops.shape(layer(keras.ops.ones((1, 5, 5, 2))))
    (1, 3, 3, 3)
    >>> layer.count_params()  # 4 links of 9 weights, 3 biases
    39

    Reference:
        LeCun et al. (1998): Table I, layer C3 of LeNet-5, 60 links and 1,516 parameters.
    """

    def __init__(
        self,
        kernel_size,
        table,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        refuse_conv_options(ConnectionTableConv2D, kwargs)
        array = _as_table(table)
        super().__init__(
            filters=array.shape[1],
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self.table = tuple(tuple(row) for row in array.tolist())
        self._table = array

    def build(self, input_shape):
        channels, _ = self.read_input_shape(input_shape)
        if channels != self._table.shape[0]:
            raise ValueError(
                f"table has {self._table.shape[0]} rows, one per input channel; received an input "
                f"of shape {tuple(input_shape)} with {channels} channels."
            )

        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.kernel_size, int(self._table.sum())),
            initializer=self._initial_values,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.add_bias((self.filters,))

    def _initial_values(self, shape, dtype):
        """Draw, for each number of links, kernels of that fan-in; each output map takes its own."""
        fan_ins = self._table.sum(axis=0).tolist()
        drawn = {}
        for fan_in in sorted(set(fan_ins)):
            initializer = reseeded(self.kernel_initializer, fan_in)
            values = initializer((*self.kernel_size, fan_in, self.filters), dtype=dtype)
            drawn[fan_in] = ops.unstack(values, axis=-1)
        unused = [ops.unstack(drawn[fan_in][j], axis=-1) for j, fan_in in enumerate(fan_ins)]
        unused = [list(weights) for weights in unused]
        return ops.stack([unused[j].pop(0) for _, j in np.argwhere(self._table)], axis=-1)

    def convolve(self, x):
        kernel = dense_kernel(ops.convert_to_tensor(self.kernel), self._table)
        y = convolve2d(x, kernel, self.strides, self.axis_padding, self.dilation_rate)
        return y + ops.convert_to_tensor(self.bias) if self.use_bias else y

    def get_kernel(self):
        """Return the kernel as an array, (kh, kw, in, out), 0 where there is no link."""
        self.require_built()
        return ops.convert_to_numpy(dense_kernel(ops.convert_to_tensor(self.kernel), self._table))

    def set_kernel(self, array):
        """Set the weights from an array (kh, kw, in, out) that is 0 where there is no link."""
        self.require_built()
        shape = (*self.kernel_size, *self._table.shape)
        array = checked_kernel(np.asarray(array), shape, type(self).__name__)
        if np.any(array[:, :, self._table == 0] != 0):
            raise ValueError("the kernel must be 0 where table has no link; received other values.")
        self.kernel.assign(array[:, :, self._table == 1])

    def get_config(self):
        config = {**super().get_config(), "table": [list(row) for row in self.table]}
        del config["filters"]
        return config
