"""How a network is trained, as plain data."""

import dataclasses
import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kzoo import choices
from kzoo.layers._args import integer, one_of

_DECOUPLED = ("adamw", "lamb", "muon")
_NUMBERS: dict[str, dict[str, float]] = {
    "learning_rate": {"above": 0},
    "momentum": {"minimum": 0, "below": 1},
    "weight_decay": {"minimum": 0},
    "step_factor": {"above": 0},
    "power": {"above": 0},
    "final_factor": {"minimum": 0, "maximum": 1},
    "warmup_epochs": {"minimum": 0},
    "label_smoothing": {"minimum": 0, "below": 1},
    "mixup": {"minimum": 0},
    "cutmix": {"minimum": 0},
    "validation_split": {"minimum": 0, "below": 1},
    "layer_decay": {"above": 0, "maximum": 1},
    "distillation": {"above": 0, "maximum": 1},
    "temperature": {"above": 0},
    "test_crop": {"above": 0, "maximum": 1},
    "target_threshold": {"minimum": 0, "below": 1},
    "dropout_rate": {"minimum": 0, "below": 1},
    "drop_path_rate": {"minimum": 0, "below": 1},
    "ema": {"above": 0, "below": 1},
    "clip": {"above": 0},
    "progressive": {"above": 0, "below": 1},
}
# The smallest value of those that are integers.
_INTEGERS = {
    "epochs": 1,
    "batch_size": 1,
    "seed": 0,
    "accumulate": 1,
    "repeats": 1,
    "frozen_epochs": 0,
    "early_stopping": 1,
    "image_size": 1,
    "test_size": 1,
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained; every value is checked when the recipe is made.

    `kzoo.training.named_recipe` has recipes by name.

    Attributes:
        epochs: passes over the training data.
        batch_size: examples in one step, over all workers.
        accumulate: steps whose gradients are averaged into one update.
        optimizer: "sgd", "adam", "adamw", "lamb" or "muon" as Keras has them. Its LAMB has the
            weight decay outside of the trust ratio; its Muon is for matrices, and convolutions get
            its AdamW step.
        learning_rate: highest learning rate; `None` is 0.001, and 0.01 for "sgd".
        momentum: of "sgd" alone.
        nesterov: whether that momentum is Nesterov's.
        weight_decay: decoupled (Loshchilov and Hutter 2019): every update takes `learning_rate *
            weight_decay * w` from a weight `w`; never from normalisation parameters and biases. An
            L2 penalty `l` on the gradient of SGD with momentum `m` corresponds to `l / (1 - m)`.
            `None` is 0 for "sgd" and "adam", and 0.01 for the others.
        clip: largest norm of the gradient over all weights; `None` leaves it as it is.
        schedule: "constant", "cosine" (Loshchilov and Hutter 2017), "step" (times `step_factor` at
            each of `milestones`), "polynomial" (of degree `power`) or "one_cycle" (up and down in
            two halves of a cosine, Smith and Topin 2018; `warmup_epochs` is the way up).
        final_factor: share of `learning_rate` at which "cosine", "polynomial" and "one_cycle" end.
        milestones: fractions of the training at which "step" lowers the learning rate.
        step_factor: by how much it does so.
        power: degree of "polynomial"; 1 is a straight line.
        warmup_epochs: epochs, or a part of one, in which the learning rate rises from zero. `None`
            is a tenth of the epochs, and at most one, for "cosine" and "polynomial", three tenths
            of them for "one_cycle", and 0 for the others.
        ema: momentum of the moving average of the weights that is evaluated and kept in the end
            (Polyak and Juditsky 1992), such as 0.9999; `None` keeps the weights themselves.
        loss: "cross_entropy", or "binary_cross_entropy" of each class against the others, the mean
            over classes (Wightman et al. 2021).
        target_threshold: above which a mixed target counts as 1 in "binary_cross_entropy"; `None`
            leaves the targets as they are.
        label_smoothing: share of the target that is spread evenly over all classes (Szegedy et al.
            2016, section 7).
        class_weights: `None`, "balanced" (inversely proportional to the number of examples), or a
            mapping from class name or index to the weight of its examples in the loss.
        distillation: share of the teacher in the loss, where `fit` gets one (Hinton et al. 2015).
        temperature: at which teacher and student are compared.
        augment: names of augmentations with optional strengths, see `kzoo.data.parse_augment`.
        mixup: alpha of mixup (Zhang et al. 2018); 0 is none.
        cutmix: alpha of CutMix (Yun et al. 2019); 0 is none; with both, each batch gets one.
        repeats: how often an example comes in an epoch, each time with another augmentation
            (Hoffer et al. 2020), at as many steps as without.
        image_size: height and width of the images in training; `None` is that of the weights to
            start from, or else the data's own, or the smallest that the network takes where that
            is larger.
        progressive: share of `image_size` at which training starts, growing in four equal stages
            (Tan and Le 2021), of which fewer epochs have the last; `None` keeps it.
        test_size: image size of validation and test; `None` is that of training.
        test_crop: share of the resized image's side that their centre crop keeps; `None` is that
            of the weights, or all of images that have the size already.
        interpolation: of resizing, "bilinear" or "bicubic"; `None` is that of the weights, or
            "bilinear".
        dropout_rate: of the network, where its family has it; `None` is the family's.
        drop_path_rate: stochastic depth (Huang et al. 2016), likewise.
        freeze: what to hold fixed throughout: "backbone" (all but the head), a level such as "P3"
            or a layer, see `kzoo.freeze`; `None` is nothing.
        frozen_epochs: how many of the epochs train the head alone, before the others do the rest;
            their learning rate is constant, and schedule and warm-up start after them.
        layer_decay: factor of the learning rate from one stage of the network to the one before it;
            the head has all of it (Howard and Ruder 2018); stages are the levels of
            `kzoo.feature_extractor`.
        freeze_norm: whether batch normalisation keeps its statistics and parameters.
        precision: "float32", "mixed_float16" or "mixed_bfloat16".
        xla: "on", "off" or "auto": on for a GPU, off for a CPU; JAX always compiles.
        seed: of the initial weights, dropout, and the order and augmentation of the data.
        early_stopping: stop after so many epochs without a better validation accuracy, and go back
            to the best weights, among those as accurate to those of the lowest loss; `None` trains
            to the end.
        validation_split: share of the training examples held out where the data has no validation
            split of its own; 0 holds none out.
    """

    # __post_init__ fills in the numbers that are None here.
    epochs: int = 20
    batch_size: int = 64
    accumulate: int = 1
    optimizer: str = "adamw"
    learning_rate: float = None  # type: ignore[assignment]
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = None  # type: ignore[assignment]
    clip: float | None = None
    schedule: str = "cosine"
    final_factor: float = 0.0
    milestones: tuple[float, ...] = (0.5, 0.75)
    step_factor: float = 0.1
    power: float = 1.0
    warmup_epochs: float = None  # type: ignore[assignment]
    ema: float | None = None
    loss: str = "cross_entropy"
    target_threshold: float | None = None
    label_smoothing: float = 0.0
    class_weights: str | Mapping[str, float] | None = None
    distillation: float = 0.5
    temperature: float = 2.0
    augment: tuple[str, ...] = ()
    mixup: float = 0.0
    cutmix: float = 0.0
    repeats: int = 1
    image_size: int | None = None
    progressive: float | None = None
    test_size: int | None = None
    test_crop: float | None = None
    interpolation: str | None = None
    dropout_rate: float | None = None
    drop_path_rate: float | None = None
    freeze: str | None = None
    frozen_epochs: int = 0
    layer_decay: float = 1.0
    freeze_norm: bool = False
    precision: str = "float32"
    xla: str = "auto"
    seed: int = 0
    early_stopping: int | None = None
    validation_split: float = 0.1

    def __post_init__(self):
        one_of(self.optimizer, "optimizer", choices.OPTIMIZERS)
        one_of(self.schedule, "schedule", choices.SCHEDULES)
        one_of(self.loss, "loss", choices.LOSSES)
        one_of(self.interpolation, "interpolation", (None, *choices.INTERPOLATIONS))
        one_of(self.precision, "precision", choices.PRECISIONS)
        one_of(self.xla, "xla", choices.XLA)
        for name, minimum in _INTEGERS.items():
            if not self._is_open(name):
                self._set(name, integer(getattr(self, name), name, minimum))
        for name in ("nesterov", "freeze_norm"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False; received {getattr(self, name)!r}.")
        self._fill_in("learning_rate", 0.01 if self.optimizer == "sgd" else 1e-3)
        self._fill_in("weight_decay", 0.01 if self.optimizer in _DECOUPLED else 0.0)
        if self.frozen_epochs > self.epochs:
            raise ValueError(
                f"frozen_epochs must be at most epochs ({self.epochs}); "
                f"received {self.frozen_epochs}."
            )
        self._fill_in("warmup_epochs", _warmup(self.schedule, self.epochs - self.frozen_epochs))
        for name, bounds in _NUMBERS.items():
            if not self._is_open(name):
                self._set(name, number(getattr(self, name), name, **bounds))
        self._check_together()
        self._check_structures()

    def _check_together(self):
        scheduled = self.epochs - self.frozen_epochs
        if self.warmup_epochs >= max(scheduled, 1):
            rest = "epochs" if not self.frozen_epochs else "the epochs that are not frozen"
            raise ValueError(
                f"warmup_epochs must be below {rest} ({scheduled}); received {self.warmup_epochs}."
            )
        if (self.mixup or self.cutmix) and self.class_weights is not None:
            raise ValueError(
                "class_weights cannot go with mixup or cutmix, whose examples are of several "
                "classes; leave one of them out."
            )
        takes_several = self.layer_decay < 1 or self.optimizer == "lamb"  # optimisers
        if self.accumulate > 1 and self.clip is not None and takes_several:
            several = f"layer_decay ({self.layer_decay})" if self.layer_decay < 1 else "lamb"
            raise ValueError(
                f"clip cannot go with accumulate ({self.accumulate}) and {several} together, as it "
                "would act on each step's part of the gradient; leave one of them out."
            )
        if self.target_threshold is not None and self.loss != "binary_cross_entropy":
            raise ValueError(
                "target_threshold belongs to loss='binary_cross_entropy'; "
                f"received it with {self.loss!r}."
            )

    def _check_structures(self):
        if not isinstance(self.milestones, (tuple, list)):
            raise TypeError(f"milestones must be a tuple; received {self.milestones!r}.")
        milestones = [number(m, "each of milestones", above=0, below=1) for m in self.milestones]
        self._set("milestones", tuple(sorted(milestones)))
        self._set("augment", _names(self.augment, "augment"))
        if self.freeze is not None and not isinstance(self.freeze, str):
            raise TypeError(f"freeze must be a name or None; received {self.freeze!r}.")
        if self.class_weights != "balanced" and self.class_weights is not None:
            self._set("class_weights", _weights(self.class_weights))

    def _is_open(self, name):
        """Return whether a field is `None`, and may be."""
        return getattr(self, name) is None and getattr(type(self), name) is None

    def _fill_in(self, name, default):
        if getattr(self, name) is None:
            self._set(name, default)

    def _set(self, name, value):
        object.__setattr__(self, name, value)

    def __str__(self):
        """Return the fields that are not the defaults, one a line."""
        rows = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        }
        width = max(map(len, rows))
        return "\n".join(f"{name:<{width}}  {_plain(value)}" for name, value in rows.items())

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


def number(
    value, name, *, minimum=-math.inf, above=-math.inf, below=math.inf, maximum=math.inf
) -> float:
    """Return `value` as a float, or refuse it by `name` where it is outside the bounds."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number; received {value!r}.")
    if math.isfinite(value) and minimum <= value <= maximum and above < value < below:
        return float(value)
    rules = [
        f"{words} {bound}"
        for words, bound in (
            ("at least", minimum),
            ("above", above),
            ("below", below),
            ("at most", maximum),
        )
        if math.isfinite(bound)
    ]
    raise ValueError(f"{name} must be {' and '.join(rules) or 'finite'}; received {value}.")


def _warmup(schedule, epochs):
    if schedule == "one_cycle":
        return 0.3 * epochs
    return min(1, epochs / 10) if schedule in ("cosine", "polynomial") else 0.0


def _plain(value):
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value


def _names(value, argument):
    if not isinstance(value, (tuple, list)) or not all(isinstance(name, str) for name in value):
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
