"""What a candidate may cost; one that costs more is rejected before it is trained."""

from dataclasses import dataclass, fields

import keras
import keras_tuner

from kzoo.analysis import count_multiply_adds, count_parameters, measure_inference
from kzoo.training.recipe import number


class OverBudget(keras_tuner.errors.FailedTrialError):
    """A candidate costs more than the budget allows."""


@dataclass(frozen=True)
class Costs:
    """What a network costs.

    Attributes:
        parameters: trainable ones.
        multiply_adds: of one example.
        latency: seconds for one example, where it was measured.
    """

    parameters: int
    multiply_adds: int
    latency: float | None = None


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The most that a candidate may cost; `None` is no limit.

    Attributes:
        parameters: trainable ones.
        multiply_adds: of one example.
        latency: seconds for one example on the device at hand, the median of ten predictions.
    """

    parameters: float | None = None
    multiply_adds: float | None = None
    latency: float | None = None

    def __post_init__(self):
        for field in fields(self):
            if getattr(self, field.name) is not None:
                number(getattr(self, field.name), f"the budget's {field.name}", above=0)

    def costs(self, model: keras.Model, input_shape, *, latency: bool = False) -> Costs:
        """Return what a model costs, or refuse it.

        Args:
            model: the model.
            input_shape: shape of one input.
            latency: whether to measure the latency where the budget has no limit for it.

        Raises:
            OverBudget: it costs too much. What is quick to find out is looked at first.
        """
        parameters = count_parameters(model)
        self._check("parameters", parameters, model)
        multiply_adds = count_multiply_adds(model, input_shape)
        self._check("multiply_adds", multiply_adds, model)
        if self.latency is None and not latency:
            return Costs(parameters, multiply_adds)
        seconds = measure_inference(model, 1, input_shape=input_shape).seconds
        self._check("latency", seconds, model)
        return Costs(parameters, multiply_adds, seconds)

    def _check(self, name, value, model):
        limit = getattr(self, name)
        if limit is None or value <= limit:
            return
        words = {
            "parameters": f"{value:,} parameters and the budget is {limit:,.0f}",
            "multiply_adds": f"{value:,} multiply-adds and the budget is {limit:,.0f}",
            "latency": f"a latency of {1e3 * value:.2f} ms and the budget is {1e3 * limit:.2f} ms",
        }
        raise OverBudget(f"{model.name} has {words[name]}")
