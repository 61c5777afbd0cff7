"""What a training consists of, before the network is built: its options, recipe and images."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kzoo.applications._family import Family
from kzoo.data import DataSpec, Pipeline, Source, train_and_validation
from kzoo.data.splits import resolve
from kzoo.registry import create_model, find_family, without_tag
from kzoo.training.defaults import default_recipe, suits_small_stem
from kzoo.training.recipe import Recipe
from kzoo.training.views import Views, choose_views
from kzoo.weights.sources import record_of
from kzoo.weights.tags import Preprocessing


@dataclass(frozen=True)
class Start:
    """The network to begin with.

    Attributes:
        name: model name.
        family: its family.
        weights: tag, repository, file or run of the initial weights, or `None`.
        trained_on: the inputs they expect, where that is known.
        implied: arguments of the builder that they imply.
    """

    name: str
    family: Family
    weights: str | None
    trained_on: Preprocessing | None
    implied: Mapping[str, Any]

    @classmethod
    def of(cls, model_name, weights=None) -> "Start":
        """Return what a model's name, which may carry a tag, and `weights` stand for."""
        name, weights = without_tag(model_name, weights and os.fspath(weights))
        family = find_family(name)
        known = None if weights is None else record_of(weights, name)
        if known is None:
            return cls(name, family, weights, None, {})
        return cls(name, family, weights, known.preprocessing, known.options)


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A network, a recipe and a kind of data that go together.

    Attributes:
        name: model name.
        options: arguments of its builder.
        recipe: the recipe.
        views: how images reach the network.
    """

    name: str
    options: dict[str, Any]
    recipe: Recipe
    views: Views

    @classmethod
    def of(
        cls,
        start: Start,
        spec: DataSpec,
        recipe: Recipe | Mapping[str, Any],
        *,
        conv: str = "standard",
        model_options: Mapping[str, Any] | None = None,
        say=print,
    ) -> "Setup":
        """Bring together what is to be trained on data of a kind.

        Args:
            start: the network to begin with.
            spec: the data.
            recipe: the recipe, or the fields of it that are not the defaults.
            conv: what replaces the convolutions, by name.
            model_options: further arguments of the model's builder.
            say: function that takes each line worth telling.

        Raises:
            TypeError, ValueError: what does not go together.
        """
        check_options(model_options or {})
        if spec.classes < 2:
            raise ValueError(
                f"training needs two classes or more; {spec.name} has one, "
                f"{spec.class_names[0]!r}: of a folder of images, give the one that holds those of "
                "the classes."
            )
        if not isinstance(recipe, Recipe):
            size = start.trained_on.size if start.trained_on else ()
            recipe = default_recipe(
                start.family, spec, start.weights is not None, recipe, weights_size=size
            )
        _check_channels(start, spec)
        options = {**start.implied, **(model_options or {})}
        options["conv"] = start.implied.get("conv", conv) if conv == "standard" else conv
        suits = suits_small_stem(start.family, spec, recipe, start.weights is not None)
        if suits and "stem" not in options:
            options["stem"] = "small"
            say(
                f"the images are small: {start.name} gets stem='small', without the first two "
                "halvings of its map; the option stem=published keeps them"
            )
        stem = options.get("stem", "published")
        views = choose_views(start.name, start.family, spec, recipe, start.trained_on, say, stem)
        _check_one_size(start, views)
        options["classes"] = spec.classes
        if start.weights is not None:
            options["weights"] = start.weights
        _add_rates(options, recipe, start)
        options["input_shape"] = _input_shape(spec, views)
        return cls(name=start.name, options=options, recipe=recipe, views=views)

    def build(self) -> keras.Model:
        """Build the network, with the initial weights of the recipe's seed."""
        keras.utils.set_random_seed(self.recipe.seed)
        with self.precision():
            return create_model(self.name, **self.options)

    @contextlib.contextmanager
    def precision(self):
        """Have Keras build in the recipe's precision."""
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.recipe.precision)
        try:
            yield
        finally:
            keras.config.set_dtype_policy(before)

    def pipelines(self, source: Source, splits) -> tuple[Pipeline, Pipeline | None]:
        """Return what to train and what to validate on; the second may be `None`."""
        recipe, views = self.recipe, self.views
        training = Pipeline(
            source,
            splits["train"],
            batch_size=recipe.batch_size,
            resize=views.training,
            sizes=views.sizes,
            augment=recipe.augment,
            mixup=recipe.mixup,
            cutmix=recipe.cutmix,
            repeats=recipe.repeats,
            shuffle=True,
            seed=recipe.seed,
        )
        if splits["validation"] is None:
            return training, None
        validation = Pipeline(
            source,
            splits["validation"],
            batch_size=recipe.batch_size,
            resize=views.evaluation,
            shuffle=False,
        )
        return training, validation


def check_options(model_options):
    """Refuse options of a builder that a training gives it.

    Raises:
        ValueError: one of them is.
    """
    remedies = {
        "conv": "give it as conv",
        "weights": "give them as weights",
        "input_shape": "give image_size",
        "classes": "they are those of the data",
    }
    for name in model_options.keys() & remedies:
        raise ValueError(
            f"{name} cannot be among the model's options (received {model_options[name]!r}); "
            f"{remedies[name]}."
        )


def splits_of(source: Source, share: float) -> dict[str, str | None]:
    """Return the splits to train, validate and test on.

    Those that there are not are `None`, and so is a test split without labels.

    Raises:
        ValueError: there is nothing to train on, or the part that is held out takes all of it, or
            all of a class.
    """
    has_test = "test" in source.spec.splits and source.is_labelled("test")
    test = "test" if has_test else None
    if share == 0 and "validation" not in source.spec.splits:
        return {"train": "train", "validation": None, "test": test}
    training, validation = train_and_validation(source, share)
    if source.location is not None:  # of others, to look at all labels may take long
        _check_classes(source, training)
    return {"train": training, "validation": validation, "test": test}


def _check_classes(source, split):
    """Refuse a part of the training examples that lacks a class of theirs."""
    whole, chosen = resolve(source.spec, split)
    labels = source.labels(whole)
    lost = np.setdiff1d(labels, labels[chosen])
    if len(lost):
        raise ValueError(
            f"the part of {whole} that is held out for validation has all examples of "
            f"{source.spec.class_names[lost[0]]!r}, so none would be trained on; give a folder "
            "validation, or validation_split=0."
        )


def _check_channels(start, spec):
    """Refuse colour images for weights that were trained on grey ones."""
    channels = start.implied.get("input_shape", spec.shape)[-1]
    if channels == 1 and spec.kind == "image" and spec.shape[-1] > 1:
        size = f" --image-size {start.trained_on.size[0]}" if None in spec.shape else ""
        raise ValueError(
            f"the weights {start.weights} are for grey images, and those of {spec.name} have "
            f"{spec.shape[-1]} channels; make them grey by `kzoo data export {spec.name} grey.npz "
            f"--channels 1{size}`, and give grey.npz."
        )


def _check_one_size(start, views):
    """Refuse images of several sizes for a network that is built for one."""
    if start.family.is_fixed_size(start.name) and not views.has_one_size:
        raise ValueError(
            f"{start.name} is built for images of one size: leave out progressive, and give a "
            "test_size that is the image_size, or none."
        )


def _add_rates(options, recipe, start):
    """Add the recipe's dropout and stochastic depth to the arguments of the builder."""
    for name in ("dropout_rate", "drop_path_rate"):
        rate = getattr(recipe, name)
        if rate is None:
            continue
        if options.get(name, rate) != rate:
            raise ValueError(
                f"{name} is {rate} in the recipe and {options[name]} among the model's options; "
                "give it once."
            )
        if name in start.family.signature.parameters:
            options[name] = rate
        elif rate:
            raise ValueError(
                f"the recipe's {name} is {rate}, and {start.name} has none; make it 0 or None."
            )


def _input_shape(spec, views):
    if not views.has_one_size:
        return (None, None, spec.shape[-1])
    if views.training is not None:
        return (*views.training.height_and_width, spec.shape[-1])
    return spec.shape
