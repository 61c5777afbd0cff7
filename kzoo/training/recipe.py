"""How a network is trained, as plain data."""

import dataclasses
import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kzoo.layers._args import integer, one_of

OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "cosine", "step")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
XLA = ("auto", "on", "off")

_LEARNING_RATES = {"sgd": 0.01, "adam": 1e-3, "adamw": 1e-3}
_WEIGHT_DECAYS = {"sgd": 0.0, "adam": 0.0, "adamw": 0.01}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained; every value is checked when the recipe is made.

    Attributes:
        epochs: passes over the training data.
        batch_size: examples in one step.
        learning_rate: highest learning rate; `None` is 0.001, and 0.01 for "sgd".
        optimizer: "sgd", "adam" or "adamw".
        momentum: of "sgd" alone.
        nesterov: whether that momentum is Nesterov's.
        weight_decay: decoupled (Loshchilov and Hutter 2019): every step takes `learning_rate *
            weight_decay * w` from a weight `w`; never from normalisation parameters and biases. An
            L2 penalty `l` on the gradient of SGD with momentum `m` corresponds to `l / (1 - m)`.
            `None` is 0.01 for "adamw" and 0 for the others.
        schedule: "constant", "cosine" (to zero) or "step" (times `step_factor` at each of
            `milestones`).
        milestones: fractions of the training at which "step" lowers the learning rate.
        step_factor: by how much it does so.
        warmup_epochs: epochs, or a part of one, in which the learning rate rises from zero; `None`
            is a tenth of the epochs and at most one for "cosine", and 0 for the others.
        label_smoothing: share of the target that is spread evenly over all classes.
        precision: "float32", "mixed_float16" or "mixed_bfloat16".
        xla: "on", "off" or "auto": on for a GPU, off for a CPU; JAX always compiles.
        seed: of the initial weights, dropout, and the order and augmentation of the data.
        early_stopping: stop after so many epochs without a better validation accuracy, and go back
            to the best weights; `None` trains to the end.
        clip: largest norm of the gradient over all weights; `None` leaves it as it is.
        augment: names of augmentations, see `kzoo.data`.
        class_weights: `None`, "balanced" (inversely proportional to the number of examples), or a
            mapping from class name or index to the weight of its examples in the loss.
        validation_split: share of the training examples held out where the data has no validation
            split of its own; 0 holds none out.
    """

    # __post_init__ fills in the numbers that are None here.
    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = None  # type: ignore[assignment]
    optimizer: str = "adamw"
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = None  # type: ignore[assignment]
    schedule: str = "cosine"
    milestones: tuple[float, ...] = (0.5, 0.75)
    step_factor: float = 0.1
    warmup_epochs: float = None  # type: ignore[assignment]
    label_smoothing: float = 0.0
    precision: str = "float32"
    xla: str = "auto"
    seed: int = 0
    early_stopping: int | None = None
    clip: float | None = None
    augment: tuple[str, ...] = ()
    class_weights: str | Mapping[str, float] | None = None
    validation_split: float = 0.1

    def __post_init__(self):
        one_of(self.optimizer, "optimizer", OPTIMIZERS)
        one_of(self.schedule, "schedule", SCHEDULES)
        one_of(self.precision, "precision", PRECISIONS)
        one_of(self.xla, "xla", XLA)
        integer(self.epochs, "epochs")
        integer(self.batch_size, "batch_size")
        integer(self.seed, "seed", minimum=0)
        if self.early_stopping is not None:
            integer(self.early_stopping, "early_stopping")
        if not isinstance(self.nesterov, bool):
            raise TypeError(f"nesterov must be True or False; received {self.nesterov!r}.")
        self._fill_in("learning_rate", _LEARNING_RATES[self.optimizer])
        self._fill_in("weight_decay", _WEIGHT_DECAYS[self.optimizer])
        self._fill_in("warmup_epochs", min(1, self.epochs / 10) * (self.schedule == "cosine"))
        self._check_numbers()
        self._set("augment", _names(self.augment, "augment"))
        if self.class_weights != "balanced" and self.class_weights is not None:
            self._set("class_weights", _weights(self.class_weights))

    def _check_numbers(self):
        self._number("learning_rate", above=0)
        self._number("momentum", minimum=0, below=1)
        self._number("weight_decay", minimum=0)
        self._number("label_smoothing", minimum=0, below=1)
        self._number("validation_split", minimum=0, below=1)
        self._number("step_factor", above=0)
        self._number("warmup_epochs", minimum=0)
        if self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"warmup_epochs must be below epochs ({self.epochs}); "
                f"received {self.warmup_epochs}."
            )
        if self.clip is not None:
            self._number("clip", above=0)
        if not isinstance(self.milestones, (tuple, list)):
            raise TypeError(f"milestones must be a tuple; received {self.milestones!r}.")
        milestones = [number(m, "each of milestones", above=0, below=1) for m in self.milestones]
        self._set("milestones", tuple(sorted(milestones)))

    def _number(self, name, **bounds):
        self._set(name, number(getattr(self, name), name, **bounds))

    def _fill_in(self, name, default):
        if getattr(self, name) is None:
            self._set(name, default)

    def _set(self, name, value):
        object.__setattr__(self, name, value)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain data that JSON can hold."""
        plain = dataclasses.asdict(self)
        return plain | {"milestones": list(self.milestones), "augment": list(self.augment)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Recipe":
        """Return the recipe that `to_dict` gave; an unknown name is refused."""
        known = [field.name for field in dataclasses.fields(cls)]
        unknown = sorted(set(plain) - set(known))
        if unknown:
            raise ValueError(
                f"a recipe has no {', '.join(unknown)}; it may have {', '.join(known)}."
            )
        return cls(**plain)


def number(value, name, *, minimum=-math.inf, above=-math.inf, below=math.inf) -> float:
    """Return `value` as a float, or refuse it by `name` where it is outside the bounds."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number; received {value!r}.")
    if math.isfinite(value) and minimum <= value and above < value < below:
        return float(value)
    rules = [
        f"{words} {bound}"
        for words, bound in (("at least", minimum), ("above", above), ("below", below))
        if math.isfinite(bound)
    ]
    raise ValueError(f"{name} must be {' and '.join(rules) or 'finite'}; received {value}.")


def _names(value, argument):
    if isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"{argument} must be a tuple of names; received {value!r}.")
    return tuple(value)


def _weights(value):
    if not isinstance(value, Mapping):
        raise ValueError(
            "class_weights must be None, 'balanced', or a mapping from class to weight; "
            f"received {value!r}."
        )
    return {
        str(name): number(weight, f"class_weights[{name!r}]", minimum=0)
        for name, weight in value.items()
    }
