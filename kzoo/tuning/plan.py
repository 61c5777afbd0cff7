"""A search whose parts have been checked against each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras_tuner

from kzoo.data import Source, open_source
from kzoo.domains import Choice
from kzoo.training.setup import splits_of
from kzoo.tuning.budget import Budget
from kzoo.tuning.config import space_of
from kzoo.tuning.hypermodel import ZooHyperModel
from kzoo.tuning.space import MODEL
from kzoo.tuning.tuners import create_tuner


@dataclass(frozen=True)
class Plan:
    """A search as its configuration states it.

    Attributes:
        config: see `kzoo.tuning.config`.
        source: the data set.
        hypermodel: what is searched.
        epochs: of a training, for "hyperband" the most.
    """

    config: Mapping[str, Any]
    source: Source
    hypermodel: ZooHyperModel
    epochs: int

    @classmethod
    def of(cls, config: Mapping[str, Any], source: Source | None = None) -> "Plan":
        """Return the search of a configuration; models that cannot keep to the budget are left out.

        Raises:
            TypeError, ValueError: the parts do not go together.
        """
        data = config["data"]
        source = source or open_source(
            data["name"], data_dir=data["data_dir"], skip_unreadable=data["skip_unreadable"]
        )
        hypermodel = ZooHyperModel(
            config.get("affordable") or config["models"],
            source.spec,
            space_of(config["search_space"]),
            recipe=config["recipe"],
            weights=config["weights"],
            budget=Budget(**config["budget"]),
            latency=config["latency"],
        )
        recipe = hypermodel.setup_of({MODEL: next(iter(hypermodel.starts))}).recipe
        if splits_of(source, recipe.validation_split)["validation"] is None:
            raise ValueError(
                f"a search needs validation data, and {source.spec.name} has no validation split; "
                "give a validation_split above 0."
            )
        return cls(config, source, hypermodel, recipe.epochs)

    def affordable(self, say) -> list[str]:
        """Return the models of which a small form, at least, keeps to the budget.

        Raises:
            ValueError: there is none.
        """
        kept = []
        for model in self.hypermodel.starts:
            if self.hypermodel.rejects({MODEL: model, **self._smallest()}):
                say(f"{model} is left out: its smallest form is over the budget")
            else:
                kept.append(model)
        if not kept:
            raise ValueError(
                "no candidate keeps to the budget: the smallest form of every model is over it; "
                "raise the budget, widen the range of width or depth, or give smaller models."
            )
        return kept

    def final(self, values: Mapping[str, Any]):
        """Return what `ZooHyperModel.candidate` does, for a training on all training data."""
        start, options, conv, fields = self.hypermodel.candidate(values, self.epochs)
        fields |= {"validation_split": 0.0, "early_stopping": None}
        return start, options, conv, fields

    def tuner(self, folder: Path) -> keras_tuner.Tuner:
        """Return the tuner, which goes on with what is in `folder`."""
        return create_tuner(
            self.config["tuner"],
            self.hypermodel,
            self.config["objective"],
            folder,
            max_trials=self.config["max_trials"],
            max_epochs=self.epochs,
            # keras-tuner takes 0 for none.
            seed=self.config["recipe"].get("seed", 0) + 1,
        )

    def _smallest(self):
        """Return the values of the smallest network in the space."""
        smallest: dict[str, float] = {}
        for dimension in self.hypermodel.space.dimensions:
            if dimension.name in ("width", "depth", "image_size", "test_size"):
                domain = dimension.domain
                low = min(domain.values) if isinstance(domain, Choice) else domain.low
                smallest[dimension.name] = min(low, smallest.get(dimension.name, low))
        return smallest
