"""The generic loader: weights from a file into a model, by layer name."""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np

from kzoo.graph import head_layers
from kzoo.weights.adapt import adapt_input_channels, is_stem, other_channels, other_classes
from kzoo.weights.errors import WeightsError, listed
from kzoo.weights.files import is_keras_file, read_arrays
from kzoo.weights.half_precision import read_half_precision
from kzoo.weights.keras_files import keras_entries, read_keras_arrays, read_layers
from kzoo.weights.keras_published import PREFIX, published_arrays
from kzoo.weights.renames import is_auxiliary, translate
from kzoo.weights.rules import COUNTERS, entries
from kzoo.weights.sources import Source, find_source, written

# What a layer's arrays do not tell of how it moves over its input.
_GEOMETRY = ("strides", "pool_size", "dilation_rate", "groups")


@dataclass(frozen=True)
class LoadReport:
    """What became of each name.

    Attributes:
        loaded: names in the file that were loaded as they are.
        reinitialised: names that the model wanted and that kept their initial values.
        unused: names in the file that the model has no use for.
        adapted: names of the kernels that were fitted to another number of input channels.
    """

    loaded: tuple[str, ...]
    reinitialised: tuple[str, ...]
    unused: tuple[str, ...]
    adapted: tuple[str, ...] = ()

    def __str__(self):
        lines = [f"loaded {len(self.loaded)} arrays"]
        if self.adapted:
            lines.append(f"adapted {', '.join(self.adapted)} to the input's channels")
        if self.reinitialised:
            lines.append(f"kept the initial values of {', '.join(self.reinitialised)}")
        if self.unused:
            lines.append(f"left unused {', '.join(self.unused)}")
        return "; ".join(lines)


def load_weights(model: keras.Model, source) -> LoadReport:
    """Load weights into a model whose layers bear the source's names.

    The classifier keeps its initial values where the weights have another number of classes, and
    the first convolution is fitted to another number of input channels; any other difference is an
    error, and then nothing is loaded.

    Args:
        model: a functional model of kzoo, or one with the same layer names.
        source: a tag of the model, "hf-hub:owner/repository[@revision]", or the path of a
            folder of `kzoo train`, or of a `.safetensors`, `.weights.h5`, `.keras` or `.npz` file
            or of a PyTorch state dict (`.pth`, `.pt`, `.bin`; these need PyTorch). A tag needs the
            model to bear its own name, or is written "name.tag".

    Returns:
        A `LoadReport`. Where not every array found its place as it is, a warning says the same;
        likewise where the model normalises its input otherwise than the weights expect.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: there are no such weights, they are damaged, or names or shapes differ.
        ImportError: a PyTorch file, and PyTorch is not installed.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a keras.Model; received {model!r}.")
    found = find_source(source, _model_name(model, source))
    report = load_source(model, found)
    if not _same_statistics(model, found):
        warnings.warn(
            f"{model.name} normalises its input otherwise than {found.given} expects, with mean "
            f"{found.mean} and std {found.std}: build the model with weights={found.given!r}.",
            stacklevel=2,
        )
    return report


def load_source(model: keras.Model, source: Source) -> LoadReport:
    """Load the weights of a source, as `load_weights` does."""
    if source.place.startswith(PREFIX):
        arrays = published_arrays(source, model)
        plan = {layer: keras_entries(layer) for layer in model.layers}
    elif is_keras_file(path := source.fetch()):
        arrays = (read_half_precision if path.suffix == ".npz" else read_keras_arrays)(path)
        plan = {layer: keras_entries(layer) for layer in model.layers}
    else:
        arrays = read_arrays(path)
        plan = {layer: entries(layer) for layer in model.layers}
        wanted = {entry.source for layer_entries in plan.values() for entry in layer_entries}
        arrays = translate(arrays, wanted)
    unused = _compare_names(model, source, plan, arrays)
    assignments, reinitialised, adapted = _plan_assignments(model, source, plan, arrays)
    if source.place.endswith(".keras"):
        _compare_geometry(model, source, read_layers(source.place))
    for entry, value in assignments:
        entry.variable.assign(value)
    report = LoadReport(
        loaded=tuple(entry.source for entry, _ in assignments if entry.source not in adapted),
        reinitialised=tuple(reinitialised),
        unused=tuple(unused),
        adapted=tuple(adapted),
    )
    if report.reinitialised or report.unused or report.adapted:
        warnings.warn(f"{source.given} into {model.name}: {report}.", stacklevel=3)
    return report


def _compare_names(model, source, plan, arrays: Mapping[str, np.ndarray]):
    """Return the names that the model has no use for; refuse what fits it not."""
    names = {entry.source for layer_entries in plan.values() for entry in layer_entries}
    head = head_layers(model)
    of_head = {entry.source for layer in head for entry in plan[layer]}
    missing = sorted(names - set(arrays))
    if source.classes == 0 and of_head.issubset(missing):
        missing = sorted(set(missing) - of_head)
    unused = sorted(name for name in set(arrays) - names if name.rpartition(".")[2] not in COUNTERS)
    unexpected = [name for name in unused if not is_auxiliary(name)]
    if not head:
        stages = {_stage(name) for name in names}
        unexpected = [name for name in unexpected if _stage(name) in stages - {None}]
    if missing or unexpected:
        raise WeightsError(
            f"{source.given} does not fit {model.name}: missing {listed(missing)}; unexpected "
            f"{listed(unexpected)}{_how_to_build(source)}."
        )
    return unused


def _compare_geometry(model, source, layers):
    """Refuse a model whose layers of the file's names move over their input otherwise."""
    for layer in model.layers:
        ours, theirs = layer.get_config(), layers.get(layer.name, {})
        for name in _GEOMETRY:
            if name in theirs and name in ours and _plain(ours[name]) != _plain(theirs[name]):
                raise WeightsError(
                    f"{source.given} does not fit {model.name}: its layer {layer.name} has {name} "
                    f"{_plain(theirs[name])}, and the model's {_plain(ours[name])}; build it with "
                    "the options of the file's, such as stem='small', or give its run folder."
                )


def _plain(value):
    return list(value) if isinstance(value, tuple) else value


def _stage(name):
    """Return the beginning of a name up to its first number, which is its part of the network."""
    found = re.match(r"\D*\d+", name)
    return found and found[0]


def _plan_assignments(model, source, plan, arrays):
    """Return the entries with their values, and the names left alone and adapted."""
    head = head_layers(model)
    assignments, reinitialised, adapted = [], [], []
    for layer, layer_entries in plan.items():
        present = all(entry.source in arrays for entry in layer_entries)
        values = [entry.convert(arrays[entry.source]) for entry in layer_entries] if present else []
        if not present or (layer in head and other_classes(layer_entries, values)):
            reinitialised += [entry.source for entry in layer_entries]
            continue
        for entry, value in zip(layer_entries, values):
            shape = tuple(entry.variable.shape)
            if other_channels(value, shape) and is_stem(layer):
                value = adapt_input_channels(value, shape[-2])
                adapted.append(entry.source)
            if value.shape != shape:
                raise WeightsError(_shape_message(source, model, entry, value))
            assignments.append((entry, value))
    return assignments, reinitialised, adapted


def _shape_message(source, model, entry, value):
    ours = tuple(entry.variable.shape)
    message = (
        f"{source.given} does not fit {model.name}: {entry.source} has shape {value.shape} in "
        f"Keras's layout, and the model's {entry.variable.path} has {ours}"
    )
    if len(ours) > 2 and ours[-2] != value.shape[-2] and ours[-1] == value.shape[-1]:
        message += (
            f": the file is for {value.shape[-2]} input channels and the model takes {ours[-2]}"
        )
    return f"{message}{_how_to_build(source)}."


def _how_to_build(source):
    """What a model needs for weights that belong to more than the model's name."""
    if source.is_file:
        return "; they may be of a model with other options, such as stem or width"
    if not source.options:
        return ""
    return f"; these weights need a model built with {written(source.options)}"


def _model_name(model, source):
    """The name of the model's tags: its own, or that before the tag in "name.tag"."""
    from kzoo.registry import models

    if model.name not in models() and isinstance(source, str) and source.split(".")[0] in models():
        return source.split(".")[0]
    return model.name


def _same_statistics(model, source):
    """Whether a model for colour images normalises them as the weights expect, if it does."""
    layer = next((layer for layer in model.layers if layer.name == "preprocessing"), None)
    if layer is None or source.mean is None or len(layer.input_mean) != len(source.mean):
        return True
    mean, variance = np.array(layer.input_mean) / 255, np.array(layer.input_variance) / 255**2
    return np.allclose(mean, source.mean, atol=1e-3) and np.allclose(
        variance**0.5, source.std, atol=1e-3
    )
