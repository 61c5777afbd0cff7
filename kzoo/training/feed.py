"""What `fit` accepts as data, brought to one form."""

import hashlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import keras
import numpy as np

from kzoo.data import ArraySource, Batches, Pipeline
from kzoo.data.arrays import check_numbers, labelled_arrays
from kzoo.data.augment import parse_augment
from kzoo.training import data_parallel
from kzoo.training.recipe import Recipe

# Fields of a recipe that say how batches are made.
_OF_BATCHES = ("augment", "mixup", "cutmix", "repeats")


@dataclass(frozen=True)
class Feed:
    """Batches of training data.

    Attributes:
        stream: function from the first epoch, and the first step in it, to what `keras.Model.fit`
            takes.
        steps: batches in one epoch.
        endless: whether `stream` goes on for ever, so that an epoch is `steps` batches of it; else
            it is one epoch, the same whatever its first step.
        labels: function that returns all labels, shape (examples,); `None` where they are unknown.
        class_names: names of the classes, where they are known.
        facts: what tells the batches from others, beyond a recipe, as plain data.
    """

    stream: Callable[..., Any]
    steps: int
    endless: bool
    labels: Callable[[], np.ndarray] | None = None
    class_names: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def training_feed(data, recipe: Recipe, classes: int) -> Feed:
    """Return the feed of arrays `(x, y)`, a pipeline, a PyDataset or a `tf.data.Dataset`.

    Arrays are augmented and mixed by the recipe.

    Raises:
        TypeError, ValueError: data that cannot be fed, or are not made as the recipe says.
    """
    if isinstance(data, tuple):
        names = tuple(map(str, range(classes)))
        x, y = _arrays(data, "data")
        _check_range(y, classes)
        source = ArraySource({"train": (x, y)}, class_names=names)
        made = {name: getattr(recipe, name) for name in (*_OF_BATCHES, "batch_size", "seed")}
        pipeline = data_parallel.divisible(Pipeline(source, **made))
        facts = {"labels": hashlib.sha256(source.labels("train").tobytes()).hexdigest()}
        return Feed(_py_dataset(pipeline), pipeline.steps, True, pipeline.labels, facts=facts)
    if isinstance(data, Batches):  # all its epochs
        data = data.pipeline
    _check_made(data, recipe)
    if isinstance(data, Pipeline):
        _check_mixed(data, recipe, classes)
        data = data_parallel.divisible(data)
        stream = data.stream if _has_tensorflow() else _py_dataset(data)
        names = data.spec.class_names
        return Feed(stream, data.steps, True, data.labels, names, _facts_of(data))
    steps = _batches(data)
    return Feed(lambda first_epoch, first_step=0: data, steps, False)


def _facts_of(pipeline):
    """Return what tells a pipeline's batches from others as plain data, without its share."""
    return {
        "split": pipeline.split,
        "examples": pipeline.examples,
        "files": dict(pipeline.source.digests),
        "batch_size": int(pipeline.batch_size),
        "shuffle": pipeline.shuffled,
        "seed": int(pipeline.seed),
        "repeats": int(pipeline.repeats),
        "augment": [[item.name, item.strength] for item in pipeline.augmentations],
        "mixup": float(pipeline.mixup),
        "cutmix": float(pipeline.cutmix),
        "resize": None if pipeline.resizing is None else asdict(pipeline.resizing),
        "shape": list(pipeline.shape),
    }


def _check_made(data, recipe):
    """Refuse a recipe of other batches than those of a pipeline or of data of one's own."""
    default = Recipe()
    sized = ("batch_size",) if isinstance(data, Pipeline) else ()
    for name in (*_OF_BATCHES, *sized):
        asked = getattr(recipe, name)
        if asked != getattr(default, name) and not _is_made(data, name, asked):
            made = repr(getattr(data, name)) if isinstance(data, Pipeline) else "their own batches"
            raise ValueError(
                f"the recipe's {name} is {asked!r}, and the data have {made}; give a "
                f"kzoo.data.Pipeline with that {name}, or leave it out of the recipe."
            )


def _check_mixed(data, recipe, classes):
    if data.mixes and recipe.class_weights is not None:
        raise ValueError(
            "class_weights cannot go with data of mixup or cutmix, whose examples are of several "
            "classes; leave one of them out."
        )
    if data.mixes and data.spec.classes != classes:
        raise ValueError(
            f"mixup and cutmix need a model of as many classes as the data, {data.spec.classes}; "
            f"received one of {classes}."
        )


def _is_made(data, name, asked):
    if not isinstance(data, Pipeline):
        return False
    if name == "augment":
        return data.augmentations == parse_augment(asked, data.spec.kind)
    return getattr(data, name) == asked


def epoch_of(pipeline: Pipeline):
    """Return one epoch of a pipeline as what Keras takes: tf.data, or a PyDataset without it.

    The devices that divide the batches get batches that they can divide.
    """
    size = data_parallel.evaluation_batch_size(pipeline.examples, pipeline.batch_size)
    if size != pipeline.batch_size:  # else it may hold its examples in memory already
        pipeline = replace(pipeline, batch_size=size)
    return pipeline.dataset() if _has_tensorflow() else Batches(pipeline)


def _py_dataset(pipeline):
    def stream(first_epoch, first_step=0):
        return Batches(pipeline, first_epoch, endless=True, first_step=first_step)

    return stream


def _has_tensorflow():
    return importlib.util.find_spec("tensorflow") is not None


def validation_batches(data, batch_size: int, feed: Feed, classes: int) -> dict[str, Any]:
    """Return validation data as what `keras.Model.fit` takes, with its batch size.

    Raises:
        TypeError, ValueError: data that cannot be, or whose labels mean others than those of the
            feed or of a model of so many classes.
    """
    if data is None:
        return {}
    if isinstance(data, tuple):
        x, y = _arrays(data, "validation_data")
        _check_range(y, classes, "labels of validation_data")
        check_numbers("validation_data", x)
        size = data_parallel.evaluation_batch_size(len(x), batch_size)
        return {"validation_data": (x, y), "validation_batch_size": size}
    opened = data.pipeline if isinstance(data, Batches) else data
    if isinstance(opened, Pipeline):
        _check_same_classes(opened.spec.class_names, feed.class_names, classes)
    if isinstance(data, Pipeline):
        return {"validation_data": epoch_of(data)}
    _batches(data)
    return {"validation_data": data}


def class_weights(recipe_weights, feed: Feed, classes: int) -> dict[int, float] | None:
    """Return the weight of each class index, or `None`.

    "balanced" gives class `c` the weight `examples / (classes * examples of c)`, so that the mean
    weight of an example is one. A mapping leaves the classes that it does not name at one.
    """
    if recipe_weights is None:
        return None
    if recipe_weights == "balanced":
        if feed.labels is None:
            raise ValueError(
                "class_weights='balanced' needs to know all labels, which a PyDataset or "
                "tf.data.Dataset does not tell; give a mapping from class to weight."
            )
        counts = np.bincount(feed.labels(), minlength=classes)
        present = np.count_nonzero(counts)
        return {
            index: float(counts.sum() / (present * count)) if count else 1.0
            for index, count in enumerate(counts)
        }
    weights = dict.fromkeys(range(classes), 1.0)
    for name, weight in recipe_weights.items():
        weights[_class_index(name, feed.class_names, classes)] = weight
    return weights


def _class_index(name, class_names, classes):
    if name in class_names:
        return class_names.index(name)
    if name.isdecimal() and int(name) < classes:
        return int(name)
    accepted = ", ".join(class_names) or f"0 to {classes - 1}"
    raise ValueError(f"class_weights names the class {name!r}; the classes are {accepted}.")


def check_labels(feed: Feed, classes: int):
    """Refuse labels that are no class of the model.

    Those of an opened data set are not looked at, which may be to read all of it: they are among
    its classes.
    """
    if len(feed.class_names) > classes:
        raise ValueError(
            f"the model has {classes} classes, and the data {len(feed.class_names)}: "
            f"{', '.join(feed.class_names)}; give a model of as many."
        )
    if feed.labels is not None and not feed.class_names:
        _check_range(feed.labels(), classes)


def _check_range(labels, classes, what="labels"):
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"{what} must be integers from 0 to {classes - 1}, as the model has {classes} "
            f"classes; received {labels.min()} to {labels.max()}."
        )


def _check_same_classes(names, trained, classes):
    """Refuse validation data whose labels stand for other classes; they may lack the last ones."""
    named = not any(given == tuple(map(str, range(len(given)))) for given in (names, trained))
    differ = named and any(one != other for one, other in zip(names, trained))
    if len(names) > classes or differ:
        raise ValueError(
            f"validation_data must have the classes of the training, "
            f"{', '.join(trained) or f'0 to {classes - 1}'}; received {', '.join(names)}."
        )


def _arrays(pair, argument):
    if len(pair) != 2:
        raise ValueError(f"{argument} must be (x, y) as arrays; received {len(pair)} of them.")
    return labelled_arrays(argument, *pair)


def _batches(data):
    """Batches in one epoch of a PyDataset or tf.data.Dataset; nothing else is accepted."""
    if isinstance(data, keras.utils.PyDataset):
        steps = data.num_batches
    elif hasattr(data, "cardinality"):
        steps = int(data.cardinality())
    else:
        raise TypeError(
            "data must be arrays (x, y), a kzoo.data.Pipeline, a PyDataset or a tf.data.Dataset; "
            f"received {type(data).__name__}."
        )
    if steps is None or steps < 1:
        raise ValueError(
            "data must tell how many batches an epoch has; give the PyDataset a length, or the "
            "tf.data.Dataset dataset.apply(tf.data.experimental.assert_cardinality(n))."
        )
    return steps
