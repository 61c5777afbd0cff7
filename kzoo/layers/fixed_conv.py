"""Convolution with kernels that are given and not learned: blurs, edges, sharpening."""

import keras
import numpy as np
from keras import ops

from kzoo.layers._args import one_of
from kzoo.layers._base_conv import BaseConv, refuse_conv_options
from kzoo.layers.grouped_conv import grouped_conv2d
from kzoo.layers.kernels import KERNELS


def named_kernels(names):
    """Return the kernels of these names side by side, (kh, kw, k).

    Smaller kernels have zeros around them; the size of all is odd.
    """
    arrays = [KERNELS[name]() for name in names]
    size = max(len(array) for array in arrays)
    return np.stack([np.pad(array, (size - len(array)) // 2) for array in arrays], axis=-1)


def _checked_kernel(kernel):
    """Return a tuple of names, or the weights (kh, kw, k) as nested tuples, or refuse `kernel`."""
    if isinstance(kernel, str):
        kernel = (kernel,)
    if isinstance(kernel, (tuple, list)) and kernel and isinstance(kernel[0], str):
        return tuple(one_of(name, "kernel", tuple(KERNELS)) for name in kernel)
    try:
        weights = np.array(kernel, dtype="float64")
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"kernel must be a name, a sequence of names or an array of numbers; received "
            f"{kernel!r}."
        ) from error
    if weights.ndim not in (2, 3) or weights.size == 0:
        raise ValueError(
            "kernel must be weights of shape (kh, kw) or (kh, kw, k); received an array of shape "
            f"{weights.shape}."
        )
    if not np.all(np.isfinite(weights)):
        raise ValueError("kernel must be finite; received weights that are not.")
    weights = weights if weights.ndim == 3 else weights[..., None]
    return tuple(tuple(map(tuple, row)) for row in weights.tolist())


@keras.saving.register_keras_serializable(package="kzoo")
class FixedConv2D(BaseConv):
    """Convolution of every channel, by itself, with the same fixed kernels.

    The weights are constants of the layer, which has no variables.

    Args:
        kernel: the name of a kernel of `kzoo.layers.kernels`, which stands for its defaults
            (`"box"`, `"gaussian"`, `"sobel_x"`, `"sobel_y"`, `"prewitt_x"`, `"prewitt_y"`,
            `"laplacian"`, `"sharpen"` or `"unsharp"`); several names; or weights, (kh, kw), or (kh,
            kw, k) for k kernels, such as `kzoo.layers.kernels.gaussian(sigma=2.0)`. They are
            correlated with the maps, as in `Conv2D`.
        strides: distance between neighbouring outputs, one integer or two.
        padding: `"valid"`, `"same"`, `"full"` (as much as lets every window touch the input), an
            amount for all sides, or ((top, bottom), (left, right)); always with zeros.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        dilation_rate: distance between the taps of a kernel; not together with strides above 1.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps of any size and any number of channels.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`.

    Output shape:
        `(batch, output height, output width, channels * k)`, or `(batch, channels * k, output
        height, output width)`, with the sizes of `Conv2D`; the k results of the first channel come
        first.

    Raises:
        ValueError: an unknown name; weights that are not finite or have another rank; strides with
            dilation; an input that is too small or has an unknown number of channels.
        TypeError: a kernel that is not of numbers, an argument that is not an integer where it must
            be.

    Example:

    >>> edges = kzoo.layers.FixedConv2D(["sobel_x", "sobel_y"])
    >>> keras.ops.shape(edges(keras.ops.ones((1, 8, 8, 3))))
    (1, 8, 8, 6)
    >>> blur = kzoo.layers.FixedConv2D(kzoo.layers.kernels.gaussian(sigma=2.0), strides=2)
    >>> keras.ops.shape(blur(keras.ops.ones((1, 8, 8, 3))))
    (1, 4, 4, 3)

    Reference:
        Gonzalez and Woods, Digital Image Processing (4th edition, 2018), sections 3.5 and 3.6.
    """

    def __init__(
        self, kernel, strides=1, padding="same", data_format=None, dilation_rate=1, **kwargs
    ):
        refuse_conv_options(FixedConv2D, kwargs)
        self.kernel = _checked_kernel(kernel)
        named = isinstance(self.kernel[0], str)
        self._weights = named_kernels(self.kernel) if named else np.array(self.kernel)
        super().__init__(
            filters=self._weights.shape[-1],
            kernel_size=self._weights.shape[:2],
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            use_bias=False,
            **kwargs,
        )

    def build(self, input_shape):
        self.read_input_shape(input_shape)

    def convolve(self, x):
        channels = x.shape[-1]
        kernel = np.tile(self._weights[:, :, None, :], (1, 1, 1, channels))
        return grouped_conv2d(
            x,
            ops.convert_to_tensor(kernel, dtype=self.compute_dtype),
            channels,
            self.strides,
            self.axis_padding,
            self.dilation_rate,
        )

    def compute_output_shape(self, input_shape):
        shape = list(super().compute_output_shape(input_shape))
        shape[self.channel_axis] *= input_shape[self.channel_axis]
        return tuple(shape)

    def get_kernel(self):
        """Return the kernels as an array, (kh, kw, k)."""
        return self._weights.copy()

    def get_config(self):
        return {
            **keras.layers.Layer.get_config(self),
            "kernel": self.kernel,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
        }
