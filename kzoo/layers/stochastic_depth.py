"""Stochastic depth: whole residual branches are left out at random in training.

Huang, Sun, Liu, Sedra and Weinberger, Deep networks with stochastic depth (ECCV 2016).
"""

import numbers

import keras
from keras import ops

from kzoo.layers._args import integer


def survival_scales(batch, rate, seed):
    """Return one factor per sample: 0 with probability `rate`, otherwise 1 / (1 - rate).

    Args:
        batch: number of samples.
        rate: probability of 0, at least 0 and below 1.
        seed: seed of `keras.random`.

    Returns:
        Factors in float32, (batch,). Half precision has too few numbers to draw from: the rate of
        the zeros would be off by up to 1/128.
    """
    survives = keras.random.uniform((batch,), dtype="float32", seed=seed) >= rate
    return ops.cast(survives, "float32") / (1 - rate)


@keras.saving.register_keras_serializable(package="kzoo")
class StochasticDepth(keras.layers.Layer):
    """Drops the residual branch of each sample at random, and scales the branches that it keeps.

    It stands at the end of a residual branch, before the addition. A sample's branch becomes 0 with
    probability `rate` and is divided by `1 - rate` otherwise, so that its expectation stays the
    same. Outside training the layer is the identity.

    Args:
        rate: probability with which a branch is dropped, at least 0 and below 1.
        seed: seed of the draws, an integer; None for a random one.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: output of a residual branch.
        training: whether to drop branches.

    Input shape:
        `(batch, ...)`, of any rank.

    Output shape:
        The same.

    Raises:
        ValueError: a rate outside its range, or a negative seed.
        TypeError: a rate that is not a number, or a seed that is not an integer.

    Example:

    >>> layer = kzoo.layers.StochasticDepth(0.5, seed=0)
    >>> branches = keras.ops.ones((6, 2, 2, 1))
    >>> y = keras.ops.convert_to_numpy(layer(branches, training=True))
    >>> sorted(set(y.ravel().tolist()))
    [0.0, 2.0]

    Reference:
        Huang et al. (2016), section 3; scaled in training, where the paper scales at test time.
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        if isinstance(rate, bool) or not isinstance(rate, numbers.Real):
            raise TypeError(f"rate must be a number; received {rate!r}.")
        if not 0 <= rate < 1:
            raise ValueError(f"rate must be at least 0 and below 1; received {rate}.")
        self.rate = float(rate)
        self.seed = None if seed is None else integer(seed, "seed", minimum=0)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.built = True

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        scales = survival_scales(ops.shape(inputs)[0], self.rate, self.seed_generator)
        scales = ops.reshape(scales, (-1,) + (1,) * (len(inputs.shape) - 1))
        return inputs * ops.cast(scales, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
