"""How long a model takes on the device at hand."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from kzoo.graph import require_functional
from kzoo.layers._args import integer

_WARM_UP = 2


@dataclass(frozen=True)
class Speed:
    """How long a batch takes.

    Attributes:
        batch_size: examples in it.
        seconds: median over the repeats.
        fastest: the shortest of them.
    """

    batch_size: int
    seconds: float
    fastest: float

    @property
    def examples_per_second(self) -> float:
        """Return the examples in a second, by the median."""
        return self.batch_size / self.seconds


def measure_inference(
    model: keras.Model,
    batch_size: int = 1,
    *,
    input_shape: Sequence[int] | None = None,
    repeats: int = 10,
    jit_compile: bool | str = "auto",
) -> Speed:
    """Measure a prediction, from inputs in memory to outputs in memory.

    Args:
        model: functional model with one input; it is not changed.
        batch_size: examples at once.
        input_shape: shape of one input, where the model takes any.
        repeats: how often to measure, after two calls that do not count.
        jit_compile: whether to compile with XLA, as for `keras.Model.compile`.

    Example:

    >>> kzoo.analysis.measure_inference(kzoo.create_model("lenet5"), 32).batch_size
    32

    Raises:
        TypeError, ValueError: an argument that cannot be.
    """
    require_functional(model)
    measured = keras.Model(model.inputs, model.outputs)
    measured.compile(jit_compile=jit_compile)
    x = _inputs(model, batch_size, input_shape)
    return _time(lambda: measured.predict_on_batch(x), batch_size, repeats)


def measure_train_step(
    model: keras.Model,
    batch_size: int = 32,
    *,
    input_shape: Sequence[int] | None = None,
    repeats: int = 10,
    jit_compile: bool | str = "auto",
) -> Speed:
    """Measure a step of SGD with the mean square of the outputs, of all of them, as loss.

    The arguments are those of `measure_inference`. The step is taken by a copy of the model.
    """
    require_functional(model)
    measured = keras.models.clone_model(model)
    measured.compile(keras.optimizers.SGD(0.0), "mean_squared_error", jit_compile=jit_compile)
    x = _inputs(model, batch_size, input_shape)
    shapes = measured.compute_output_shape(x.shape)
    y = keras.tree.map_shape_structure(lambda shape: np.zeros(shape, "float32"), shapes)
    return _time(lambda: measured.train_on_batch(x, y), batch_size, repeats)


def _inputs(model, batch_size, input_shape):
    """Return random inputs in 0..255."""
    integer(batch_size, "batch_size")
    if len(model.inputs) != 1:
        raise ValueError(
            f"model must have one input to be timed; {model.name} has {len(model.inputs)}."
        )
    shape = tuple(model.inputs[0].shape[1:] if input_shape is None else input_shape)
    if None in shape:
        raise ValueError(f"{model.name} takes any size; give input_shape, such as (224, 224, 3).")
    return np.random.default_rng(0).uniform(0, 255, (batch_size, *shape)).astype("float32")


def _time(call: Callable[[], object], batch_size, repeats):
    integer(repeats, "repeats")
    times = []
    for _ in range(_WARM_UP + repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return Speed(batch_size, float(np.median(times[_WARM_UP:])), min(times[_WARM_UP:]))
