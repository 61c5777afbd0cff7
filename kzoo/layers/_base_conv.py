"""What the convolutions of this package share: arguments, shapes, bias and activation."""

import inspect

import keras
from keras import activations, constraints, initializers, ops, regularizers

from kzoo.layers import _args
from kzoo.layers._window import extent, output_size


class BaseConv(keras.layers.Layer):
    """A convolution whose subclass says, in `convolve`, what it computes.

    `convolve` takes and returns two-dimensional maps with the channels last; one-dimensional
    signals reach it as maps of height 1. Keras's arguments are documented in `keras.layers.Conv2D`;
    `padding` may also be `"full"`, in one dimension `"causal"`, or amounts as `_args.padding` reads
    them.
    """

    rank = 2

    def __init__(
        self,
        filters,
        kernel_size,
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
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = _args.integer(filters, "filters")
        self.kernel_size = _args.integers(kernel_size, "kernel_size", self.rank)
        self.strides = _args.integers(strides, "strides", self.rank)
        self.padding = _args.padding(padding, self.rank)
        self.data_format = _args.data_format(data_format)
        self.dilation_rate = _args.integers(dilation_rate, "dilation_rate", self.rank)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "strides and dilation_rate cannot both be greater than 1; received "
                f"strides={self.strides} and dilation_rate={self.dilation_rate}."
            )

    def read_input_shape(self, input_shape):
        """Return channels and spatial output sizes, and refuse inputs with other channels later."""
        axis = self.channel_axis
        channels = input_shape[axis]
        if channels is None:
            raise ValueError(
                f"{type(self).__name__} needs a known number of input channels; received an input "
                f"of shape {tuple(input_shape)} with data_format={self.data_format!r}."
            )
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2, axes={axis: channels})
        output_shape = list(self.compute_output_shape(input_shape))
        del output_shape[axis]
        return channels, tuple(output_shape[1:])

    def add_bias(self, shape):
        """Create `self.bias`, of `shape`, or set it to None where the layer has no bias."""
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=shape,
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def call(self, inputs):
        return self.over_maps(self.convolve, inputs)

    def over_maps(self, convolve, inputs):
        """Apply a function of two-dimensional maps with the channels last, and the activation."""
        x = inputs if self.data_format == "channels_last" else ops.moveaxis(inputs, 1, -1)
        y = ops.squeeze(convolve(ops.expand_dims(x, 1)), 1) if self.rank == 1 else convolve(x)
        if self.data_format == "channels_first":
            y = ops.moveaxis(y, -1, 1)
        return self.activation(y)

    def compute_output_shape(self, input_shape):
        sizes = list(input_shape)
        del sizes[self.channel_axis]
        outputs = self.output_sizes(sizes[1:])
        if self.data_format == "channels_first":
            return (input_shape[0], self.filters, *outputs)
        return (input_shape[0], *outputs, self.filters)

    def spatial_sizes(self, input_shape):
        """Return the spatial sizes of an input, None where unknown."""
        first = 1 if self.data_format == "channels_last" else len(input_shape) - self.rank
        return tuple(input_shape[first : first + self.rank])

    def output_sizes(self, sizes):
        """Return the spatial sizes of the output, None where unknown, or refuse too small ones."""
        spans = [extent(k, d) for k, d in zip(self.kernel_size, self.dilation_rate)]
        outputs = [
            output_size(size, span, stride, padding)
            for size, span, stride, padding in zip(
                sizes, spans, self.strides, self.axis_padding, strict=True
            )
        ]
        if any(size is not None and size < 1 for size in outputs):
            raise ValueError(
                f"{type(self).__name__} with kernel_size={self.kernel_size}, "
                f"dilation_rate={self.dilation_rate} and padding={self.padding!r} does not fit an "
                f"input of {tuple(sizes)}; use a larger input, a smaller kernel or padding='same'."
            )
        return outputs

    @property
    def axis_padding(self):
        """Return the padding of each axis, a name or a pair of amounts."""
        if isinstance(self.padding, str):
            return (self.padding,) * self.rank
        return self.padding

    @property
    def planar_padding(self):
        """Return the padding of the two axes of the maps that `convolve` takes."""
        height_of_a_signal = self.padding if isinstance(self.padding, str) else (0, 0)
        return (height_of_a_signal,) * (2 - self.rank) + self.axis_padding

    @property
    def channel_axis(self):
        return 1 if self.data_format == "channels_first" else self.rank + 1

    def planar(self, values):
        """Return one value per axis of the maps that `convolve` takes; height 1 counts 1."""
        return (1,) * (2 - self.rank) + tuple(values)

    def require_built(self):
        if not self.built:
            raise ValueError(
                f"{type(self).__name__} {self.name!r} has no kernel yet; call it or `build` it."
            )

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }


def checked_kernel(array, shape, layer_name):
    """Return `array` if it has `shape`, the canonical one of `layer_name`'s kernel."""
    if tuple(array.shape) != tuple(shape):
        raise ValueError(
            f"the kernel of {layer_name} has shape {tuple(shape)}; received an array of shape "
            f"{tuple(array.shape)}."
        )
    return array


def refuse_conv_options(layer_class, options):
    """Refuse arguments of `BaseConv` among a layer's `**kwargs`: it does not take them."""
    for name in inspect.signature(BaseConv.__init__).parameters:
        if name in options:
            raise TypeError(
                f"{layer_class.__name__} takes no argument {name!r}; received "
                f"{name}={options[name]!r}, leave it out."
            )
