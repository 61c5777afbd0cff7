"""Complex cells: the energy of a pair of Gabor filters a quarter of a wave apart.

Goodfellow, Bengio and Courville, Deep Learning (2016), section 9.10; Adelson and Bergen,
Spatiotemporal energy models for the perception of motion (1985).
"""

import math
import random

import keras
import numpy as np
from keras import ops

from kzoo.initializers.gabor import Gabor, default_parameters, gabor, grid
from kzoo.layers import _args
from kzoo.layers._initial_values import given
from kzoo.layers._window import output_size

PARAMETERS = ("alpha", "beta_x", "beta_y", "f", "x0", "y0", "tau")
DECAYS = ("beta_x", "beta_y")
PADDINGS = ("valid", "same")


def quadrature_pair(x, y, beta_x, beta_y, f, x0, y0, tau):
    """Return the Gabor functions of equation 9.16 with amplitude 1 and phases 0 and pi / 2.

    Args:
        x, y: coordinates, in pixels.
        beta_x, beta_y, f, x0, y0, tau: parameters as in `kzoo.initializers.Gabor`; all broadcast.
            Of the decays only the magnitude counts, so that no training step makes them growths.

    Returns:
        Two tensors: envelope * cos(f x'), and envelope * cos(f x' + pi / 2).
    """
    # Not `ops.abs`, whose gradient at 0 would leave a decay that begins there.
    betas = {"beta_x": beta_x, "beta_y": beta_y}
    decays = {name: ops.where(beta < 0, -beta, beta) for name, beta in betas.items()}
    shared = {"alpha": 1.0, **decays, "f": f, "x0": x0, "y0": y0, "tau": tau, "functions": ops}
    return gabor(x, y, phi=0.0, **shared), gabor(x, y, phi=math.pi / 2, **shared)


def energy(s0, s1):
    """Return sqrt(s0^2 + s1^2), whose gradient at 0 is 0."""
    total = ops.square(s0) + ops.square(s1)
    zero = total <= 0
    root = ops.sqrt(ops.where(zero, ops.ones_like(total), total))
    return ops.where(zero, ops.zeros_like(root), root)


@keras.saving.register_keras_serializable(package="kzoo")
class ComplexCell2D(keras.layers.Layer):
    """Responds to a wave of its direction and frequency, wherever the crests of the wave lie.

    Each filter is two convolutions with Gabor functions that differ by a quarter of a wave, simple
    cells s0 and s1, and gives sqrt(s0^2 + s1^2). The two share their parameters, which are the
    trainable weights, one value of each per filter, and one amplitude per input channel and filter.
    There is no phase: turning both functions by the same angle does not change their energy.
    `trainable=False` keeps the filters as they are.

    A parameter is a number, a range (low, high) from which every filter draws uniformly, or None
    for a default that suits the size of the kernel, as in `kzoo.initializers.Gabor`.

    Args:
        filters: number of output channels.
        kernel_size: kernel height and width, one integer or two.
        strides: distance between neighbouring outputs, one integer or two.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's setting.
        alpha: amplitude, the same for all channels; None for a normal draw per input channel,
            scaled so that the squares of both kernels sum to 1: for white noise the mean square of
            the output is then that of the input.
        beta_x: decay along the wave, 1 / (2 sigma^2) in 1 / pixel^2; of the weight only the
            magnitude counts.
        beta_y: decay across the wave, likewise.
        f: angular frequency in radians per pixel.
        x0: column of the centre, in pixels from the middle of the kernel.
        y0: row of the centre, in pixels from the middle of the kernel.
        tau: direction of the wave in radians, from the columns towards the rows; None for
            directions spread evenly over half a turn.
        seed: seed of the initial draws, an integer; None for one drawn from Python's generator,
            which `keras.utils.set_random_seed` sets.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: maps of any size that holds the kernel.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` in
        `channels_first`.

    Output shape:
        `(batch, output height, output width, filters)`, or `(batch, filters, output height,
        output width)`, with the sizes of `Conv2D`; not negative.

    Raises:
        ValueError: an argument outside its range, an input that is too small or has an unknown
            number of channels.
        TypeError: an argument that is not a number where it must be.

    Example:

    >>> layer = kzoo.layers.ComplexCell2D(8, 11, f=0.8)
    >>> keras.ops.shape(layer(keras.ops.ones((1, 32, 32, 3))))
    (1, 22, 22, 8)
    >>> layer.get_kernel().shape
    (2, 11, 11, 3, 8)

    References:
        Goodfellow, Bengio and Courville, Deep Learning (2016), section 9.10.
        Adelson and Bergen (1985), section 4.
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        alpha=None,
        beta_x=None,
        beta_y=None,
        f=None,
        x0=0.0,
        y0=0.0,
        tau=None,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = _args.integer(filters, "filters")
        self.kernel_size = _args.integers(kernel_size, "kernel_size", 2)
        self.strides = _args.integers(strides, "strides", 2)
        self.padding = _args.one_of(padding, "padding", PADDINGS)
        self.data_format = _args.data_format(data_format)
        checked = Gabor(alpha, beta_x, beta_y, f, 0.0, x0, y0, tau, seed)
        self.alpha, self.f, self.tau = checked.alpha, checked.f, checked.tau
        self.beta_x, self.beta_y = checked.beta_x, checked.beta_y
        self.x0, self.y0, self.seed = checked.x0, checked.y0, checked.seed
        self._drawing_seed = random.randint(1, 10**9) if seed is None else seed
        self.input_spec = keras.layers.InputSpec(ndim=4)
        for name in DECAYS:
            value = getattr(self, name)
            if value is not None and np.min(value) < 0:
                raise ValueError(f"{name} must not be negative; received {value}.")

    def build(self, input_shape):
        axis = 3 if self.data_format == "channels_last" else 1
        channels = input_shape[axis]
        if channels is None:
            raise ValueError(
                "ComplexCell2D needs a known number of input channels; received an input of shape "
                f"{tuple(input_shape)} with data_format={self.data_format!r}."
            )
        self.compute_output_shape(input_shape)
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={axis: channels})
        self._weights_of = {}
        for name, values in self._initial_parameters(channels).items():
            self._weights_of[name] = self.add_weight(
                name=name,
                shape=values.shape,
                initializer=given(values),
                autocast=False,
            )

    def _initial_parameters(self, channels):
        """Return name -> values, (filters,), and (channels, filters) for alpha."""
        rng = np.random.default_rng(self._drawing_seed)
        defaults = default_parameters(max(self.kernel_size), self.filters, rank=2)
        parameters = {}
        for name in PARAMETERS[1:]:
            value = getattr(self, name)
            value = defaults[name] if value is None else value
            value = rng.uniform(*value, size=self.filters) if isinstance(value, tuple) else value
            parameters[name] = np.broadcast_to(value, (self.filters,)).astype("float64")
        shape = (channels, self.filters)
        if self.alpha is None:
            alpha = rng.normal(size=shape)
            # cos^2 + sin^2 = 1 leaves the envelope, a Gabor function of frequency 0.
            envelope = gabor(*self._grid(), **{**parameters, "alpha": 1, "f": 0, "phi": 0})
            alpha /= np.sqrt(np.sum(envelope**2, axis=(0, 1)) * np.sum(alpha**2, axis=0))
        else:
            value = self.alpha
            value = rng.uniform(*value, size=self.filters) if isinstance(value, tuple) else value
            alpha = np.broadcast_to(value, shape)
        return {"alpha": alpha, **parameters}

    def _grid(self):
        """Return the coordinates of the kernel's pixels from its middle, x and y."""
        return [axis[..., 0] for axis in grid(self.kernel_size)]

    def _kernels(self, dtype):
        weights = {name: ops.cast(w, dtype) for name, w in self._weights_of.items()}
        alpha = weights.pop("alpha")
        x, y = (ops.convert_to_tensor(axis, dtype=dtype) for axis in self._grid())
        return [alpha * ops.expand_dims(k, 2) for k in quadrature_pair(x, y, **weights)]

    def call(self, inputs):
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        x = inputs if self.data_format == "channels_last" else ops.moveaxis(inputs, 1, -1)
        kernel = ops.cast(ops.concatenate(self._kernels(dtype), axis=-1), x.dtype)
        simple = ops.conv(x, kernel, self.strides, self.padding, "channels_last")
        y = energy(*ops.split(ops.cast(simple, dtype), 2, axis=-1))
        y = y if self.data_format == "channels_last" else ops.moveaxis(y, -1, 1)
        return ops.cast(y, self.compute_dtype)

    def get_kernel(self):
        """Return the kernels as an array, (2, kh, kw, in, out): phases 0 and pi / 2."""
        if not self.built:
            raise ValueError(
                f"ComplexCell2D {self.name!r} has no kernel yet; call it or `build` it."
            )
        return np.stack([ops.convert_to_numpy(kernel) for kernel in self._kernels("float32")])

    def compute_output_shape(self, input_shape):
        first = 1 if self.data_format == "channels_last" else 2
        sizes = tuple(input_shape[first : first + 2])
        outputs = tuple(
            output_size(size, k, stride, self.padding)
            for size, k, stride in zip(sizes, self.kernel_size, self.strides)
        )
        if any(size is not None and size < 1 for size in outputs):
            raise ValueError(
                f"ComplexCell2D with kernel_size={self.kernel_size} and padding={self.padding!r} "
                f"does not fit an input of {sizes}; use a larger input, a smaller kernel or "
                "padding='same'."
            )
        if self.data_format == "channels_last":
            return (input_shape[0], *outputs, self.filters)
        return (input_shape[0], self.filters, *outputs)

    def get_config(self):
        config = super().get_config()
        config.update(
            filters=self.filters,
            kernel_size=self.kernel_size,
            strides=self.strides,
            padding=self.padding,
            data_format=self.data_format,
            seed=self.seed,
        )
        return {**config, **{name: getattr(self, name) for name in PARAMETERS}}
