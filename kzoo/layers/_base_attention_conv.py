"""What convolutions that end in an attention share: arguments, sublayers, data formats."""

import keras
from keras import ops

from kzoo.layers import _args
from kzoo.layers._base_channel_attention import known_channels
from kzoo.layers._initial_values import reseeded
from kzoo.layers.batch_normalization import BatchNormalization


def check_divides(name, divisor, what, value):
    """Refuse a `value` that is not a multiple of `divisor`."""
    if value % divisor:
        raise ValueError(f"{name} must divide the {what}, {value}; received {divisor}.")


class BaseAttentionConv2D(keras.layers.Layer):
    """Convolves and attends, as a subclass says in `attend`, which sees the channels last.

    A subclass makes its sublayers in `build_sublayers`, each built, with `new_conv`, `new_dense`
    and `new_norm`.
    """

    def __init__(
        self,
        filters,
        strides,
        groups,
        ratio,
        reduced_channels,
        divisor,
        activation,
        kernel_initializer,
        momentum,
        epsilon,
        data_format,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = _args.integer(filters, "filters")
        self.strides = _args.integers(strides, "strides", 2)
        self.groups = _args.integer(groups, "groups")
        self.ratio = _args.positive(ratio, "ratio")
        self.reduced_channels = (
            None
            if reduced_channels is None
            else _args.integer(reduced_channels, "reduced_channels")
        )
        self.divisor = _args.integer(divisor, "divisor")
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.momentum = float(momentum)
        self.epsilon = _args.positive(epsilon, "epsilon")
        self.data_format = _args.data_format(data_format)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        check_divides("groups", self.groups, "filters", self.filters)

    @property
    def sublayers(self):
        """The layers inside this one that hold its variables, in the order of the calls."""
        raise NotImplementedError

    def build_sublayers(self, channels):
        """Create the sublayers for a number of input channels, or refuse it."""
        raise NotImplementedError

    def attend(self, x, training):
        """Return the result for maps with the channels last."""
        raise NotImplementedError

    def build(self, input_shape):
        channels = known_channels(input_shape, self.data_format)
        axis = 3 if self.data_format == "channels_last" else 1
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={axis: channels})
        self.build_sublayers(channels)

    def new_conv(self, name, index, inputs, filters, kernel_size, groups, use_bias):
        """Return a built convolution, which holds kernel and bias in Keras's layout."""
        layer = keras.layers.Conv2D(
            filters,
            kernel_size,
            groups=groups,
            use_bias=use_bias,
            data_format="channels_last",
            kernel_initializer=reseeded(self.kernel_initializer, index),
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build((None, None, None, inputs))
        return layer

    def new_dense(self, name, index, inputs, units):
        """Return a built dense layer without bias."""
        layer = keras.layers.Dense(
            units,
            use_bias=False,
            kernel_initializer=reseeded(self.kernel_initializer, index),
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build((None, inputs))
        return layer

    def new_norm(self, name, channels, rank):
        """Return a built batch normalisation of the last axis."""
        layer = BatchNormalization(
            momentum=self.momentum, epsilon=self.epsilon, dtype=self.dtype_policy, name=name
        )
        layer.build((*(None,) * (rank - 1), channels))
        return layer

    def call(self, inputs, training=None):
        if self.data_format == "channels_last":
            return self.attend(inputs, training)
        return ops.moveaxis(self.attend(ops.moveaxis(inputs, 1, -1), training), -1, 1)

    def compute_output_shape(self, input_shape):
        batch, *shape = input_shape
        sizes = shape[:2] if self.data_format == "channels_last" else shape[1:]
        sizes = [
            None if size is None else -(-size // stride)
            for size, stride in zip(sizes, self.strides)
        ]
        if self.data_format == "channels_last":
            return (batch, *sizes, self.filters)
        return (batch, self.filters, *sizes)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "strides": self.strides,
            "groups": self.groups,
            "ratio": self.ratio,
            "reduced_channels": self.reduced_channels,
            "divisor": self.divisor,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "data_format": self.data_format,
        }
