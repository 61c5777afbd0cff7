"""Gabor functions as initial convolution kernels: the simple cells of the primary visual cortex.

Goodfellow, Bengio and Courville, Deep Learning (2016), section 9.10, equation 9.16.
"""

import numbers
import random

import keras
import numpy as np
from keras import ops

PARAMETERS = ("alpha", "beta_x", "beta_y", "f", "phi", "x0", "y0", "tau")

# A kernel this much smaller than its envelope is rounding error and cannot be brought to a scale.
VANISHING = 1e-6
ENVELOPE = {"f": 0, "phi": 0}


def gabor(x, y, alpha, beta_x, beta_y, f, phi, x0, y0, tau, functions=np):
    """Return alpha exp(-beta_x x'^2 - beta_y y'^2) cos(f x' + phi), equation 9.16.

    x' = (x - x0) cos tau + (y - y0) sin tau and y' = -(x - x0) sin tau + (y - y0) cos tau. The
    arguments are numbers or arrays that broadcast together.

    Args:
        x, y: coordinates, in pixels.
        alpha: amplitude.
        beta_x, beta_y: decay along and across the wave, in 1 / pixel^2: 1 / (2 sigma^2).
        f: angular frequency, in radians per pixel: 2 pi / wavelength.
        phi: phase, in radians.
        x0, y0: centre, in pixels.
        tau: direction of the wave, in radians from x towards y.
        functions: where exp, cos and sin come from: `numpy`, or `keras.ops` for tensors.
    """
    cos, sin = functions.cos(tau), functions.sin(tau)
    along = (x - x0) * cos + (y - y0) * sin
    across = -(x - x0) * sin + (y - y0) * cos
    envelope = functions.exp(-beta_x * along**2 - beta_y * across**2)
    return alpha * envelope * functions.cos(f * along + phi)


def grid(size):
    """Return x and y of the pixels of a kernel, about its middle; between two pixels if even.

    Args:
        size: (kh, kw), or (k,) for a kernel that lies along x.

    Returns:
        Two arrays that broadcast together to (*size, 1, 1).
    """
    columns = _offsets(size[-1])[:, None, None]
    if len(size) == 1:
        return columns, np.zeros((1, 1, 1))
    return columns[None], _offsets(size[0])[:, None, None, None]


def _offsets(size):
    return np.arange(size) - (size - 1) / 2


def default_parameters(width, filters, rank):
    """Return what stands for None: numbers, ranges, or one value per filter.

    With a kernel of `width` pixels, sigma lies between width / 6 and width / 3, so that the kernel
    holds the envelope. The wave has half a cycle to two and a half over the kernel, but at least
    8/3 pixels a cycle, because shorter waves are not told apart on the grid.
    """
    highest = 3 * np.pi / 4
    return {
        "alpha": 1.0,
        "beta_x": (4.5 / width**2, 18 / width**2),
        "beta_y": (4.5 / width**2, 18 / width**2),
        "f": (min(np.pi / width, highest), min(5 * np.pi / width, highest)),
        "phi": (-np.pi, np.pi),
        "x0": 0.0,
        "y0": 0.0,
        "tau": np.pi * np.arange(filters) / filters if rank == 2 else 0.0,
    }


@keras.saving.register_keras_serializable(package="kzoo")
class Gabor(keras.initializers.Initializer):
    """Initializes every filter of a convolution with a Gabor function of its own.

    A filter, one output channel, has one Gabor function. Each of the eight parameters is a number,
    a range (low, high) from which every filter draws uniformly, or None for a default that suits
    the size of the kernel. x runs along the columns of a kernel and y down its rows, both from its
    middle; one-dimensional kernels lie along x, with y = 0.

    Where `alpha` is None, the filter's function is multiplied, for each input channel, by a number
    drawn from a normal distribution, and the filter is scaled so that its squares sum to 2. With n
    inputs to a filter their mean is then 2 / n, He's value for networks of ReLU, and filters do not
    all see the same sum of the input channels. Where `alpha` is given, every input channel has the
    function just as it is.

    Args:
        alpha: amplitude.
        beta_x: decay along the wave, 1 / (2 sigma^2) in 1 / pixel^2; None for sigma between a sixth
            and a third of the kernel (beta_x is what is drawn uniformly).
        beta_y: decay across the wave; None as for `beta_x`.
        f: angular frequency in radians per pixel; None for half a cycle to two and a half cycles
            over the kernel, but at most 3 pi / 4.
        phi: phase in radians; None for (-pi, pi).
        x0: column of the centre, in pixels from the middle.
        y0: row of the centre, in pixels from the middle.
        tau: direction of the wave in radians; None for directions spread evenly over half a turn,
            filter j of n at j pi / n (for one-dimensional kernels 0).
        seed: integer, or None for a seed drawn from Python's generator, which
            `keras.utils.set_random_seed` sets. As with Keras's own initializers, one instance
            gives the same values at each call.

    Raises:
        ValueError: a range that is empty or has other than two ends; a negative seed; a kernel
            shape of another rank than 3 or 4; a function that is 0 on the whole grid and cannot be
            scaled.
        TypeError: a parameter that is neither a number, a range nor None; a seed that is neither an
            integer nor None.

    Example:

    >>> initializer = kzoo.initializers.Gabor(seed=0)
    >>> layer = keras.layers.Conv2D(16, 11, kernel_initializer=initializer)
    >>> keras.ops.shape(layer(keras.ops.ones((1, 32, 32, 3))))
    (1, 22, 22, 16)

    References:
        Goodfellow, Bengio and Courville, Deep Learning (2016), equation 9.16.
        He, Zhang, Ren and Sun, Delving deep into rectifiers (2015), equation 10.
    """

    def __init__(
        self,
        alpha=None,
        beta_x=None,
        beta_y=None,
        f=None,
        phi=None,
        x0=0.0,
        y0=0.0,
        tau=None,
        seed=None,
    ):
        self.alpha = _parameter(alpha, "alpha")
        self.beta_x = _parameter(beta_x, "beta_x")
        self.beta_y = _parameter(beta_y, "beta_y")
        self.f = _parameter(f, "f")
        self.phi = _parameter(phi, "phi")
        self.x0 = _parameter(x0, "x0")
        self.y0 = _parameter(y0, "y0")
        self.tau = _parameter(tau, "tau")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, numbers.Integral)):
            raise TypeError(f"seed must be an integer or None; received {seed!r}.")
        if seed is not None and seed < 0:
            raise ValueError(f"seed must not be negative; received {seed}.")
        self.seed = seed
        self._drawing_seed = random.randint(1, 10**9) if seed is None else int(seed)

    def __call__(self, shape, dtype=None):
        """Return kernels of `shape`, (kh, kw, in, out) or (k, in, out)."""
        if len(shape) not in (3, 4) or any(size < 1 for size in shape):
            raise ValueError(
                "Gabor initializes convolution kernels, (kh, kw, in, out) or (k, in, out); "
                f"received shape {tuple(shape)}."
            )
        kernel = gabor(*grid(shape[:-2]), **self.parameters(shape))
        return ops.convert_to_tensor(kernel, dtype=dtype or keras.config.floatx())

    def parameters(self, shape):
        """Return the eight parameters of kernels of `shape`, name -> array (in, out)."""
        *size, channels, filters = shape
        rng = np.random.default_rng(self._drawing_seed)
        parameters = self._drawn(rng, max(size), filters, len(size))
        if self.alpha is None:
            functions = gabor(*grid(size), **parameters)
            norm = _norms(functions)
            if np.any(norm < VANISHING * _norms(gabor(*grid(size), **{**parameters, **ENVELOPE}))):
                raise ValueError(
                    f"Gabor is 0 on the whole grid of a kernel of {tuple(size)} and cannot be "
                    "scaled; change phi, x0 or y0, or give alpha."
                )
            mixing = rng.normal(size=(channels, filters))
            parameters["alpha"] = np.sqrt(2) * mixing / _norms(mixing) / norm
        return {
            name: np.broadcast_to(np.asarray(value, "float64"), (channels, filters))
            for name, value in parameters.items()
        }

    def _drawn(self, rng, width, filters, rank):
        """Return the eight parameters, each a number or an array of one value per filter."""
        parameters = {}
        for name, default in default_parameters(width, filters, rank).items():
            value = getattr(self, name)
            value = default if value is None else value
            if isinstance(value, tuple):
                value = rng.uniform(*value, size=filters)
            parameters[name] = value
        return parameters

    def get_config(self):
        config = {name: getattr(self, name) for name in PARAMETERS}
        config["seed"] = self.seed
        return config


def _norms(array):
    """Return the Euclidean norm over all axes but the last."""
    return np.sqrt(np.sum(np.square(array), axis=tuple(range(array.ndim - 1))))


def _parameter(value, name):
    """Return `value` as None, a float or a range of two floats, or refuse it by `name`."""
    if value is None or _is_number(value):
        return value if value is None else float(value)
    if not isinstance(value, (tuple, list)) or not all(_is_number(end) for end in value):
        raise TypeError(
            f"{name} must be a number, a range (low, high) or None; received {value!r}."
        )
    if len(value) != 2 or not value[0] <= value[1]:
        raise ValueError(
            f"{name} must be a range (low, high) with low <= high; received {tuple(value)}."
        )
    return (float(value[0]), float(value[1]))


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
