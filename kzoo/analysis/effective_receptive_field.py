"""The effective receptive field: how much each pixel of the input changes an output.

Luo, Li, Urtasun and Zemel, Understanding the effective receptive field in deep convolutional neural
networks (NIPS 2016, https://arxiv.org/abs/1701.04128).
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from kzoo.analysis._call import check_float_input
from kzoo.analysis._gradient import input_gradient
from kzoo.analysis._view_walk import spatial_axes
from kzoo.analysis.receptive_field import check_model, input_sizes, located, output_tensor

# Luo et al., section 4: pixels above 1 - 95.45 % of the centre lie within two deviations.
_THRESHOLD = 1 - 0.9545


@dataclass(frozen=True, eq=False)
class EffectiveReceptiveField:
    """How much each pixel of the input changes what a layer has at one position.

    Attributes:
        layer: name of the layer.
        position: of the output, one number for each spatial axis.
        map: mean magnitude of the gradient with respect to each pixel, an array of one dimension
            for each spatial axis.
    """

    layer: str
    position: tuple[int, ...]
    map: np.ndarray

    @property
    def area(self) -> int:
        """Number of pixels with more than 4.55 % of the largest gradient."""
        largest = self.map.max()
        return int(np.sum(self.map > _THRESHOLD * largest)) if largest > 0 else 0

    @property
    def size(self) -> float:
        """Side, in pixels, of the square (in one dimension the interval) of as large an area."""
        return float(self.area ** (1 / self.map.ndim))

    @property
    def standard_deviation(self) -> tuple[float, ...]:
        """Standard deviation along each axis, in pixels, of the map as a distribution."""
        total = self.map.sum()
        if not total > 0:
            return (0.0,) * self.map.ndim
        deviations = []
        for axis in range(self.map.ndim):
            others = tuple(other for other in range(self.map.ndim) if other != axis)
            weights = self.map.sum(axis=others) / total
            pixels = np.arange(len(weights))
            mean = np.sum(weights * pixels)
            deviations.append(float(np.sqrt(np.sum(weights * (pixels - mean) ** 2))))
        return tuple(deviations)


def effective_receptive_field(
    model: keras.Model,
    output: str | None = None,
    input_size=None,
    *,
    position=None,
    inputs=None,
    samples: int = 8,
    seed: int = 0,
    pointwise=(),
) -> EffectiveReceptiveField:
    """Measure how much each pixel changes a layer's output at one position, for inference.

    The channels of the output are added up at that position; the magnitudes of the gradient of the
    sum are averaged over the channels of the input and over several inputs.

    Args:
        model: functional or sequential `keras.Model` with one input.
        output: name of a layer with positions; None for the last one that has them.
        input_size: one integer for all spatial axes, or one for each, where the model takes any.
        position: one integer for each spatial axis of the output; None for the middle.
        inputs: arrays, (batch, ...) as the model takes them; None for `samples` of standard normal
            noise. Images of the right range say more of a network that was trained on images.
        samples: how many inputs are drawn.
        seed: of the noise.
        pointwise: names of layers that mix no positions, for layers that kzoo does not know; only
            where `output` is None.

    Raises:
        TypeError: `model` is not a model that was built of layers, or has several inputs.
        ValueError: a model of integers, a size that is not known, inputs of another shape, a layer
            without positions, or a position outside its map.

    Example:

    >>> inputs = keras.Input((9, 9, 1))
    >>> model = keras.Model(inputs, keras.layers.Conv2D(1, 3)(inputs))
    >>> field = kzoo.analysis.effective_receptive_field(model, samples=1)
    >>> field.map.shape, int((field.map > 0).sum())
    ((9, 9), 9)

    Reference:
        Luo, Li, Urtasun and Zemel (2016), section 4.
    """
    check_model(model)
    check_float_input(model)
    if output is None:
        options = {"allow_misaligned": True, "pointwise": pointwise}
        tensor, field = located(model, input_size=input_size, **options)
        output = field.layer
    else:
        tensor = output_tensor(model, output)
    places = spatial_axes(model)
    if inputs is None:
        inputs = _noise(model, input_sizes(model, input_size), places, samples, seed)
    inputs = _checked_inputs(model, inputs)
    part = keras.Model(model.inputs, tensor)
    shape = part.compute_output_shape(inputs[:1].shape)
    position = _checked_position(output, position, shape, places)

    index = _index(position, len(shape), places)
    gradients = _mean_magnitude(lambda x: ops.sum(part(x, training=False)[index]), inputs, places)
    return EffectiveReceptiveField(output, position, gradients)


def _index(position, rank, places):
    """Return what selects a position, in all channels, of a tensor with or without them last."""
    if places[0] == 1:
        return (slice(None), *position, ...)
    return (slice(None),) * (rank - len(places)) + position


def _mean_magnitude(function, inputs, places):
    """Average the magnitudes of the gradient over all inputs and all axes but `places`."""
    total = np.zeros([inputs.shape[axis] for axis in places])
    others = tuple(axis for axis in range(inputs.ndim) if axis not in places)
    for x in inputs:
        gradient = input_gradient(function, x[None])
        total += np.mean(np.abs(gradient.astype("float64")), axis=others)
    return total / len(inputs)


def _noise(model, sizes, places, samples, seed):
    if None in sizes:
        raise ValueError(
            f"input_size must be given, because {model.name!r} takes any; received {sizes}."
        )
    if not isinstance(samples, int) or samples < 1:
        raise ValueError(f"samples must be a positive integer; received {samples!r}.")
    shape = list(model.inputs[0].shape)
    for axis, size in zip(places, sizes):
        shape[axis] = size
    return np.random.default_rng(seed).normal(size=(samples, *shape[1:])).astype("float32")


def _checked_inputs(model, inputs):
    inputs = np.asarray(inputs)
    if not np.issubdtype(inputs.dtype, np.floating):
        inputs = inputs.astype("float32")
    expected = tuple(model.inputs[0].shape)
    fits = inputs.ndim == len(expected) and len(inputs) > 0
    if not fits or any(n not in (None, m) for n, m in zip(expected[1:], inputs.shape[1:])):
        raise ValueError(
            f"inputs must have the shape {expected} of {model.name!r}'s input, with at least one "
            f"sample; received {inputs.shape}."
        )
    return inputs


def _checked_position(name, position, shape, places):
    """Return the position as a tuple, by default the middle of the map of a layer."""
    if len(shape) < len(places) + 2:
        raise ValueError(f"output must be a layer with positions; {name!r} returns {tuple(shape)}.")
    sizes = shape[1 : 1 + len(places)] if places[0] == 1 else shape[-len(places) :]
    if position is None:
        return tuple(size // 2 for size in sizes)
    position = (position,) if isinstance(position, int) else tuple(position)
    inside = len(position) == len(sizes) and all(0 <= y < n for y, n in zip(position, sizes))
    if not inside:
        raise ValueError(
            f"position must have one integer for each axis, within the map {tuple(sizes)} of "
            f"{name!r}; received {position}."
        )
    return tuple(int(y) for y in position)
