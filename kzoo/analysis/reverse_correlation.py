"""Reverse correlation: what a unit responds to, from its responses to white noise.

Goodfellow, Bengio and Courville, Deep Learning (2016), section 9.10, which describes how
neuroscientists find the weights of a neuron; Schwartz, Pillow, Rust and Simoncelli,
"Spike-triggered neural characterization", Journal of Vision 2006
(https://doi.org/10.1167/6.4.13).
"""

from dataclasses import dataclass

import numpy as np

from kzoo.analysis._call import evaluate, input_shape_of
from kzoo.layers._args import integer


@dataclass(frozen=True, eq=False)
class ReverseCorrelation:
    """What noise tells of a unit.

    Attributes:
        sta: average of the noise weighted by the response, of the shape of an input.
        stc: average of the noise's products weighted by the response, (d, d) for an input of d
            elements, or None where it was not asked for.
        mean_response: average of the responses.
    """

    sta: np.ndarray
    stc: np.ndarray | None
    mean_response: float


def reverse_correlation(
    function, n, sigma=1.0, input_shape=None, unit=None, stc=False, batch_size=1024, seed=0
):
    """Return the response-weighted average, and covariance, of white noise shown to a unit.

    Responses r count from their mean: the average (STA) is the sample covariance of r and the noise
    x, and the covariance (STC) that of r and the products x x^T. Their expectations are sigma^2
    times the mean gradient and sigma^4 times the mean Hessian of the unit. So the STA of a linear
    unit with weights w tends to sigma^2 w, with a cosine to w of 1 / sqrt(1 + (d + 1) / n), and
    that of an even unit, such as a complex cell, to 0; the leading eigenvectors of its STC then
    span what it responds to.

    Args:
        function: a layer or a model, called for inference, or a function of a batch.
        n: number of inputs shown.
        sigma: standard deviation of the noise.
        input_shape: shape of an input without the batch; None for that of a model.
        unit: index of the unit in an output, an integer or a tuple of them; None where an output is
            a single number.
        stc: whether to compute the covariance, of d^2 numbers.
        batch_size: how many inputs are shown together; the noise does not depend on it.
        seed: seed of the noise.

    Returns:
        A `ReverseCorrelation`, in float64.

    Raises:
        ValueError: an argument outside its range, an unknown input shape, or a `unit` that does not
            select a single number.
        TypeError: `function` cannot be called or has several outputs; a number of another type.

    Example:

    >>> layer = keras.layers.Dense(3)
    >>> layer.build((None, 5))
    >>> kzoo.analysis.reverse_correlation(layer, 1000, input_shape=(5,), unit=0).sta.shape
    (5,)
    """
    n, batch_size = integer(n, "n", 2), integer(batch_size, "batch_size")
    if not sigma > 0:
        raise ValueError(f"sigma must be positive; received {sigma}.")
    shape = input_shape_of(function, input_shape)
    rng = np.random.default_rng(seed)
    size = int(np.prod(shape))
    total, noise_sum, weighted_sum = 0.0, np.zeros(size), np.zeros(size)
    products, weighted_products = (np.zeros((size, size) if stc else 0) for _ in range(2))
    for start in range(0, n, batch_size):
        count = min(batch_size, n - start)
        noise = sigma * rng.normal(size=(count, size))
        response = _responses(function, noise.reshape(count, *shape), unit)
        total += response.sum()
        noise_sum += noise.sum(axis=0)
        weighted_sum += response @ noise
        if stc:
            products += noise.T @ noise
            weighted_products += (noise.T * response) @ noise
    mean = total / n
    return ReverseCorrelation(
        sta=((weighted_sum - mean * noise_sum) / (n - 1)).reshape(shape),
        stc=(weighted_products - mean * products) / (n - 1) if stc else None,
        mean_response=float(mean),
    )


def _responses(function, noise, unit):
    """Return the responses (batch,) of one unit."""
    outputs = evaluate(function, noise.astype("float32"))
    index = () if unit is None else unit if isinstance(unit, tuple) else (unit,)
    try:
        response = outputs[(slice(None), *index)]
    except IndexError:
        response = None
    if response is None or response.size != len(noise):
        raise ValueError(
            f"unit must select one number of an output of shape {outputs.shape[1:]}; received "
            f"{unit}."
        )
    return response.reshape(len(noise))
