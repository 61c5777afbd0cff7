"""Which examples each batch of an epoch holds."""

import functools

import numpy as np


@functools.lru_cache(maxsize=4)
def epoch_order(
    examples: int, seed: int, epoch: int, shuffled: bool, repeats: int = 1
) -> np.ndarray:
    """Return the places of a split in the order of an epoch, int64 (examples,), not to be written.

    With `repeats`, each example comes that many times in a row, and as many examples fewer come
    (Hoffer et al., Augment Your Batch, CVPR 2020, arXiv 1901.09335, as in the samplers of timm and
    of torchvision's recipes).
    """
    if not shuffled:
        order = np.arange(examples)
    else:
        order = np.random.default_rng((seed, epoch)).permutation(examples)
        order = np.repeat(order[: -(-examples // repeats)], repeats)[:examples]
    order.flags.writeable = False
    return order


def batch_generator(seed: int, epoch: int, step: int, shard: int) -> np.random.Generator:
    """Return the random numbers of one batch.

    Steps count from one here: NumPy fills seeds up with zeros, so that (seed, epoch, 0) would be
    the generator of the epoch's order.
    """
    return np.random.default_rng((seed, epoch, step + 1, shard))
