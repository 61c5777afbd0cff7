"""Convolution with Gabor functions whose parameters are learned: a layer of simple cells.

Goodfellow, Bengio and Courville, Deep Learning (2016), section 9.10, equations 9.15 and 9.16.
"""

import keras
from keras import ops

from kzoo.initializers.gabor import PARAMETERS, Gabor, gabor, grid
from kzoo.layers._base_conv import BaseConv, refuse_conv_options
from kzoo.layers._initial_values import given
from kzoo.layers._window import convolve2d

DECAYS = ("beta_x", "beta_y")


def gabor_kernel(kernel_size, parameters, dtype):
    """Return the kernel (kh, kw, in, out) of the Gabor functions with these parameters.

    Args:
        kernel_size: (kh, kw).
        parameters: name -> tensor (in, out), the eight of `kzoo.initializers.Gabor`.
        dtype: type of the parameters and of the result.
    """
    x, y = (ops.convert_to_tensor(axis, dtype=dtype) for axis in grid(kernel_size))
    return gabor(x, y, **parameters, functions=ops)


@keras.saving.register_keras_serializable(package="kzoo")
class GaborConv2D(BaseConv):
    """Convolution whose weights are the parameters of Gabor functions.

    Each pair of an input channel and a filter has a Gabor function of its own, alpha
    exp(-beta_x x'^2 - beta_y y'^2) cos(f x' + phi), with x' and y' the pixel's distance from (x0,
    y0) turned by tau. The eight parameters are trained: eight weights per kernel, whatever its
    size. They are computed in float32 also under mixed precision.

    Args:
        filters: number of output channels.
        kernel_size: kernel height and width, one integer or two.
        strides: distance between neighbouring outputs, one integer or two.
        padding: `"valid"`, `"same"`, `"full"` (as much as lets every window touch the input), an
            amount for all sides, or ((top, bottom), (left, right)).
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        dilation_rate: distance between the taps of a kernel; not together with strides above 1.
        activation: activation, or None.
        use_bias: whether a bias is added, one per filter.
        kernel_initializer: a `kzoo.initializers.Gabor`, which draws the parameters; the layer then
            starts as a `Conv2D` with that initializer. None for its defaults.
        bias_initializer: initializer of the bias.
        bias_regularizer: regularizer of the bias.
        activity_regularizer: regularizer of the output.
        bias_constraint: constraint on the bias.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps of any size that holds the kernel.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`.

    Output shape:
        `(batch, output height, output width, filters)`, or `(batch, filters, output height,
        output width)`, with the sizes of `Conv2D`.

    Variables:
        `alpha`, `beta_x`, `beta_y`, `f`, `phi`, `x0`, `y0`, `tau`, each (in, out), and `bias`,
        (out,). An optimizer keeps the decays `beta_x` and `beta_y` from falling below 0, where the
        functions would grow without bound.

    Raises:
        ValueError: an argument outside its range, strides with dilation, an input that is too
            small or has an unknown number of channels.
        TypeError: an argument that is not an integer where it must be, or a `kernel_initializer`
            of another kind.

    Example:

    >>> layer = kzoo.layers.GaborConv2D(16, 11)
    >>> keras.ops.shape(layer(keras.ops.ones((1, 32, 32, 3))))
    (1, 22, 22, 16)
    >>> layer.count_params()  # 8 x 3 x 16 parameters, 16 biases
    400

    Reference:
        Goodfellow, Bengio and Courville, Deep Learning (2016), section 9.10.
    """

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
        kernel_initializer=None,
        bias_initializer="zeros",
        bias_regularizer=None,
        activity_regularizer=None,
        bias_constraint=None,
        **kwargs,
    ):
        refuse_conv_options(GaborConv2D, kwargs)
        super().__init__(
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=Gabor() if kernel_initializer is None else kernel_initializer,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        if not isinstance(self.kernel_initializer, Gabor):
            raise TypeError(
                "kernel_initializer must be a kzoo.initializers.Gabor, which draws the parameters, "
                f"or None; received {kernel_initializer!r}."
            )

    def build(self, input_shape):
        channels, _ = self.read_input_shape(input_shape)
        shape = (channels, self.filters)
        values = self.kernel_initializer.parameters((*self.kernel_size, *shape))
        self._weights_of = {
            name: self.add_weight(
                name=name,
                shape=shape,
                initializer=given(values[name]),
                constraint="non_neg" if name in DECAYS else None,
                autocast=False,
            )
            for name in PARAMETERS
        }
        self.add_bias((self.filters,))

    def _kernel(self):
        parameters = {name: ops.convert_to_tensor(v) for name, v in self._weights_of.items()}
        return gabor_kernel(self.kernel_size, parameters, self.variable_dtype)

    def convolve(self, x):
        kernel = ops.cast(self._kernel(), self.compute_dtype)
        y = convolve2d(x, kernel, self.strides, self.axis_padding, self.dilation_rate)
        return y + ops.convert_to_tensor(self.bias) if self.use_bias else y

    def get_kernel(self):
        """Return the kernel as an array, (kh, kw, in, out)."""
        self.require_built()
        return ops.convert_to_numpy(self._kernel())

    def get_parameters(self):
        """Return the parameters, name -> array (in, out)."""
        self.require_built()
        return {name: ops.convert_to_numpy(v) for name, v in self._weights_of.items()}

    def set_parameters(self, parameters):
        """Set some or all parameters from name -> number, or array that broadcasts to (in, out)."""
        self.require_built()
        unknown = sorted(set(parameters) - set(PARAMETERS))
        if unknown:
            raise ValueError(
                f"parameters must be among {', '.join(PARAMETERS)}; received {', '.join(unknown)}."
            )
        for name, value in parameters.items():
            variable = self._weights_of[name]
            variable.assign(ops.broadcast_to(ops.cast(value, variable.dtype), variable.shape))

    def get_config(self):
        config = super().get_config()
        for name in ("kernel_regularizer", "kernel_constraint"):
            del config[name]
        return config
