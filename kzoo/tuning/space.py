"""The search space: which hyperparameters some models have on a data set, and their ranges.

A space is a list of dimensions. Those of the network are the arguments of its builder, and exist
where the model has them; those of the recipe are fields of `kzoo.training.Recipe`. What a range
starts from is what `kzoo train` would do with the first of the models and the fields that are
fixed; images that are not square are an exception, whose sizes are those of squares.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kzoo.applications._conv import CONVOLUTIONS
from kzoo.data import DataSpec
from kzoo.domains import Choice, Domain, Float, Int
from kzoo.graph import expand
from kzoo.surgery.features import level_tensors
from kzoo.training import Recipe
from kzoo.training.defaults import default_recipe
from kzoo.training.setup import Setup, Start

MODEL = "model"
# What stands for None among names.
NONE = "none"

# Ranges of the builders' arguments; where there is no default, it is the builder's own.
_BUILDER: dict[str, Any] = {
    "conv": Choice(("standard", "tiled=2", "tiled=3", "gabor")),
    "width": Choice((0.5, 0.75, 1.0, 1.25, 1.5, 2.0), default=1.0),
    "depth": Choice((0.5, 1.0, 1.5, 2.0), default=1.0),
    "dropout_rate": lambda own: Float(0.0, 0.6, step=0.1, default=own),
    "drop_path_rate": lambda own: Float(0.0, 0.3, step=0.05, default=own),
}
# What may be searched where weights are given, which fit one network.
_KEEPS_WEIGHTS = ("dropout_rate", "drop_path_rate")
_RECIPE = {field.name for field in dataclasses.fields(Recipe)} - set(_BUILDER)
# Fixed for all candidates alike, because scores must be comparable.
_NOT_SEARCHED = ("epochs", "seed", "validation_split", "early_stopping")
_OPTIMIZERS = ("adamw", "sgd")
# Fields of a recipe from which the defaults of others follow.
_DECISIVE = ("optimizer", "epochs", "image_size")
_BATCH_SIZES = (16, 32, 64, 128, 256)
_IMAGE_SIZES = (128, 160, 192, 224, 256)
_LARGE = 64


@dataclass(frozen=True)
class Dimension:
    """A hyperparameter: its values, and of which others it depends.

    Attributes:
        name: "model", an argument of the builder, or a field of the recipe.
        domain: its values.
        when: another name, and its values with which this one exists; `None` is always.
        key: keras-tuner's name for it: its name, numbered where several dimensions share it, as
            learning rates of several optimisers do.
    """

    name: str
    domain: Domain
    when: tuple[str, tuple[Any, ...]] | None = None
    key: str = ""


@dataclass(frozen=True)
class Space:
    """A search space.

    Attributes:
        dimensions: what is searched; the model first, and one that depends on another after it.
        fixed: what is not, by name.
    """

    dimensions: tuple[Dimension, ...]
    fixed: Mapping[str, Any]

    def active(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the dimensions that exist, by name.

        They are given by key or by name; one that is not given has its default.
        """
        found: dict[str, Any] = {}
        for dimension in self.dimensions:
            if dimension.when is None or found.get(dimension.when[0]) in dimension.when[1]:
                given = values.get(dimension.name, dimension.domain.default)
                given = values.get(dimension.key, given)
                found[dimension.name] = _of_domain(given, dimension.domain)
        return found

    def declare(self, hp):
        """Declare the dimensions to a `keras_tuner.HyperParameters`."""
        for dimension in self.dimensions:
            if dimension.when is None:
                _declare(hp, dimension)
                continue
            name, values = dimension.when
            with hp.conditional_scope(name, list(values)):
                _declare(hp, dimension)


def create_space(
    starts: Mapping[str, Start],
    spec: DataSpec,
    changes: Mapping[str, Any],
    fixed: Mapping[str, Any],
) -> Space:
    """Return the space of some models on a data set.

    Args:
        starts: the networks to begin with, by the name they were given.
        spec: the data set.
        changes: other values of a dimension, or of what is not searched otherwise: a domain widens,
            narrows or adds it, and anything else fixes it.
        fixed: further values that are not searched.

    Raises:
        ValueError: a name that none of the models has, or nothing to search.
    """
    ranges = {name: value for name, value in changes.items() if isinstance(value, Domain)}
    fixed = {**fixed, **{name: changes[name] for name in changes if name not in ranges}}
    _check_names([*ranges, *fixed], ranges, starts)
    found = [Dimension(MODEL, Choice(tuple(starts)))]
    by_model = {name: _builder_domains(start, spec, ranges) for name, start in starts.items()}
    found += _grouped(by_model, starts)
    begins = {name: domain.default for name, domain in ranges.items()} | fixed
    shared = _recipe_domains(starts, spec, begins)
    given = changes.get("optimizer", fixed.get("optimizer", shared["optimizer"]))
    for optimizer in given.values if isinstance(given, Choice) else [given]:
        rates = _learning_rates(starts, spec, optimizer)
        found.append(Dimension("learning_rate", rates, ("optimizer", (optimizer,))))
    found += [Dimension(name, domain) for name, domain in shared.items()]
    pretrained = tuple(name for name, start in starts.items() if start.weights is not None)
    if pretrained:
        when = None if len(pretrained) == len(starts) else (MODEL, pretrained)
        tuned = _finetuning_domains([starts[name] for name in pretrained], spec, begins)
        found += [Dimension(name, domain, when) for name, domain in tuned.items()]
    found = [d for d in found if d.name not in ranges or d.name not in _RECIPE]
    found += [Dimension(name, domain) for name, domain in ranges.items() if name in _RECIPE]
    found = [kept for d in found if (kept := _with(d, fixed)) is not None]
    found.sort(key=lambda d: (d.name != MODEL, d.name in _RECIPE, d.name != "optimizer"))
    if len(starts) == len(found) == 1:
        raise ValueError(
            f"there is nothing to search: every hyperparameter of {next(iter(starts))} is fixed; "
            "give another model, or a range for one of them."
        )
    return Space(tuple(_numbered(found)), fixed)


def candidate(space: Space, starts: Mapping[str, Start], values: Mapping[str, Any]):
    """Return what a choice of values stands for.

    Returns:
        The start, the builder's arguments, `conv`, and the fields of the recipe.
    """
    chosen = {**space.fixed, **space.active(values)}
    start = starts[chosen.pop(MODEL)]
    own = _builder_arguments(start)
    options = {name: value for name, value in chosen.items() if name in own}
    fields = {name: value for name, value in chosen.items() if name in _RECIPE}
    if isinstance(fields.get("augment"), str):
        fields["augment"] = tuple(filter(None, fields["augment"].split(",")))
    if fields.get("freeze") == NONE:
        fields["freeze"] = None
    return start, options, options.pop("conv", "standard"), fields


def _builder_arguments(start):
    """Return the defaults of what a search may change of a network, by name."""
    of_family = {parameter.name: parameter.default for parameter in start.family.own}
    family = start.family
    if family.plain_variants is None or start.name in family.plain_variants:
        of_family["conv"] = "standard"
    return of_family


def _builder_domains(start, spec, ranges):
    """Return the domains of a network's own hyperparameters, by name."""
    domains = {}
    for name, default in _builder_arguments(start).items():
        domain = ranges.get(name) or start.family.search.get(name) or _BUILDER.get(name)
        if callable(domain):
            domain = None if default is None else domain(default)
        fits = start.weights is None or name in _KEEPS_WEIGHTS or name in ranges
        if domain is None or not fits:
            continue
        if name == "conv" and name not in ranges:
            domain = _possible_convs(domain, start)
        domains[name] = domain
    return domains


def _possible_convs(domain, start):
    kinds = [c for c in domain.values if start.family.rank in CONVOLUTIONS[c.partition("=")[0]][1]]
    return Choice(tuple(kinds))


def _learning_rates(starts, spec, optimizer):
    """Return a tenth of the smallest default of the models to ten times the largest."""
    rates = [
        default_recipe(start.family, spec, start.weights is not None, {"optimizer": optimizer})
        for start in starts.values()
    ]
    found = [recipe.learning_rate for recipe in rates]
    return Float(min(found) / 10, max(found) * 10, log=True, default=found[0])


def _recipe_domains(starts, spec, begins):
    """Return the domains of the recipe that all models share, by name.

    `begins` are values of the first candidate that are not the defaults.
    """
    has_weights = any(start.weights is not None for start in starts.values())
    first = next(s for s in starts.values() if not has_weights or s.weights is not None)
    setup = _first_setup(first, spec, begins)
    default = setup.recipe
    most = max(_BATCH_SIZES[0], spec.splits["train"] // 8)
    sizes = {size for size in _BATCH_SIZES if size <= most} | {default.batch_size}
    domains: dict[str, Domain] = {
        "optimizer": Choice((default.optimizer, *_OPTIMIZERS)),
        "weight_decay": _weight_decays(default.weight_decay),
        "schedule": Choice(("cosine", "one_cycle"), default=default.schedule),
        "batch_size": Choice(tuple(sorted(sizes)), default=default.batch_size),
        "label_smoothing": Choice((0.0, 0.1), default=default.label_smoothing),
        "mixup": Choice((0.0, 0.1, 0.2)),
        "augment": _augmentations(spec, default),
    }
    if spec.kind == "image" and min(side or _LARGE + 1 for side in spec.shape[:2]) > _LARGE:
        domains["image_size"] = _image_sizes(starts, spec, setup.views.training)
    return domains


def _first_setup(start, spec, begins):
    """Return what `kzoo train` would do with a network."""
    given = {name: begins[name] for name in _DECISIVE if name in begins}
    return Setup.of(start, spec, given, say=lambda line: None)


def _weight_decays(default):
    """Return a range by its logarithm, or values where the default is none."""
    if default:
        return Float(1e-4, 0.3, log=True, default=default)
    return Choice((0.0, 1e-4, 1e-3, 1e-2, 1e-1))


def _image_sizes(starts, spec, resize):
    """Return sizes that all models take; `resize` is what brings images to the first one's."""
    least = max(start.family.min_size_of(start.name) for start in starts.values())
    usual = max(least, min(resize.height_and_width if resize else spec.shape[:2]))
    sizes = sorted({usual, *(size for size in _IMAGE_SIZES if size >= least)})
    return Choice(tuple(sizes), default=usual)


def _augmentations(spec, default):
    """Return augmentations from none to strong, as comma-separated names."""
    usual = ",".join(default.augment)
    if spec.kind == "signal":
        return Choice(("", "shift=0.1", "shift=0.5", "shift=0.5,noise=0.05"))
    if spec.shape[2] == 3:
        return Choice(("", usual, f"{usual},randaugment=7", f"{usual},trivialaugment"), usual)
    size = min(side or 0 for side in spec.shape[:2])
    return Choice(("", f"crop={max(1, size // 16)}", f"crop={max(2, size // 8)}"))


def _finetuning_domains(starts, spec, begins):
    """Return what is searched where training starts from weights."""
    default = _first_setup(starts[0], spec, begins).recipe
    domains: dict[str, Domain] = {}
    levels = [set(_levels(start, spec)) for start in starts]
    shared = sorted(set.intersection(*levels))
    if shared:
        domains["layer_decay"] = Choice((0.5, 0.65, 0.8, 1.0), default=default.layer_decay)
    if len(shared) > 1:
        domains["freeze"] = Choice((NONE, *shared[:-1]))
    if default.frozen_epochs:
        domains["frozen_epochs"] = Int(0, 2 * default.frozen_epochs, default=default.frozen_epochs)
    return domains


def _levels(start, spec):
    setup = Setup.of(dataclasses.replace(start, weights=None), spec, {}, say=lambda line: None)
    return level_tensors(expand(setup.build()))


def _grouped(by_model, starts):
    """Return a dimension for each name and domain, for the models that have it."""
    names = dict.fromkeys(name for domains in by_model.values() for name in domains)
    for name in names:
        groups: dict[Domain, list[str]] = {}
        for model, domains in by_model.items():
            if name in domains:
                groups.setdefault(domains[name], []).append(model)
        for domain, models in groups.items():
            when = None if len(models) == len(starts) else (MODEL, tuple(models))
            yield Dimension(name, domain, when)


def _numbered(dimensions):
    """Give each dimension a key of its own."""
    count: Counter[str] = Counter()
    for dimension in dimensions:
        count[dimension.name] += 1
        number = count[dimension.name]
        key = dimension.name if number == 1 else f"{dimension.name}_{number}"
        yield dataclasses.replace(dimension, key=key)


def _with(dimension, fixed):
    """Return a dimension where others are fixed: it may always exist then, or never."""
    if dimension.name in fixed:
        return None
    if dimension.when is None or dimension.when[0] not in fixed:
        return dimension
    name, values = dimension.when
    return dataclasses.replace(dimension, when=None) if fixed[name] in values else None


def _check_names(names, ranges, starts):
    known = _RECIPE.union(*(_builder_arguments(start) for start in starts.values()))
    for name in names:
        if name not in known:
            raise ValueError(
                f"there is no hyperparameter {name!r} for these models; there are "
                f"{', '.join(sorted(known))}."
            )
        if name in ranges and name in _NOT_SEARCHED:
            raise ValueError(f"{name} cannot be searched: candidates must be alike in it; fix it.")


def _of_domain(given, domain):
    """Return a value as the domain has it: keras-tuner gives 1 for True, and 16.0 for 16."""
    if isinstance(domain, Choice):
        return next((value for value in domain.values if value == given), given)
    return int(given) if isinstance(domain, Int) else given


def _declare(hp, dimension):
    name, domain = dimension.key, dimension.domain
    if isinstance(domain, Choice):
        hp.Choice(name, list(domain.values), default=domain.default)
        return
    register = hp.Int if isinstance(domain, Int) else hp.Float
    high = domain.high
    if isinstance(domain, Float) and domain.step:
        high += 1e-6 * domain.step  # keras-tuner counts steps by //, which 0.6 // 0.1 is 5 of
    register(
        name,
        domain.low,
        high,
        step=domain.step,
        sampling="log" if domain.log else "linear",
        default=domain.default,
    )
