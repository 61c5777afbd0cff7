"""What a `Pipeline` refuses of its arguments."""

import math
import numbers

import numpy as np

from kzoo.layers._args import integer


def check_switches(pipeline) -> None:
    """Refuse switches that are neither on nor off nor open."""
    for name in ("shuffle", "cache"):
        if getattr(pipeline, name) not in (None, True, False):
            raise TypeError(
                f"{name} must be True, False or None; received {getattr(pipeline, name)!r}."
            )


def check_mixing(pipeline) -> None:
    """Refuse parameters of mixup and CutMix, and examples that cannot be cut from."""
    for name in ("mixup", "cutmix"):
        value = getattr(pipeline, name)
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(f"{name} must be a number; received {value!r}.")
        if not 0 <= float(value) < math.inf:
            raise ValueError(f"{name} must be a number from 0 up; received {value}.")
    spec = pipeline.spec
    if pipeline.cutmix and len(spec.shape) < 2:
        raise ValueError(
            "cutmix needs images or signals to cut from; received examples of shape "
            f"{spec.shape}, take mixup."
        )
    if pipeline.cutmix and spec.kind == "signal" and pipeline._reader.dtype == np.uint8:
        raise ValueError(
            "cutmix takes uint8 examples for images, which have the shape (height, width, "
            f"channels); received {spec.shape}, add the axis of the channels."
        )


def check_division(pipeline) -> None:
    """Refuse a shard that is none of its count, and one or a batch size that leaves no steps."""
    shard, batch_size = pipeline.shard, pipeline.batch_size
    if not isinstance(shard, tuple) or len(shard) != 2:
        raise TypeError(f"shard must be a pair (index, count); received {shard!r}.")
    index, count = (
        integer(shard[0], "the index of shard", 0),
        integer(shard[1], "the count of shard"),
    )
    if index >= count:
        raise ValueError(f"The index of shard must be below its count; received {shard}.")
    for what, divisor in (("the count of shard", count), ("multiple", pipeline.multiple)):
        if batch_size % divisor:
            raise ValueError(
                f"batch_size must be a multiple of {what}, {divisor}; received {batch_size}."
            )
    if pipeline.steps == 0:
        rule = f"batch_size must be at most {pipeline.examples}, the examples of {pipeline.split!r}"
        if pipeline.drop_remainder:
            raise ValueError(f"{rule}, with drop_remainder; received {batch_size}.")
        raise ValueError(
            f"shard and multiple must leave each process or device an example, of {pipeline._unit} "
            f"or more; {pipeline.split!r} has {pipeline.examples}."
        )
