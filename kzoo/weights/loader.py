"""The generic loader: weights from a file into a model, by layer name."""

import warnings
from dataclasses import dataclass

import keras

from kzoo.graph import head_layers
from kzoo.weights.files import read_arrays
from kzoo.weights.rules import COUNTERS, entries


class WeightsError(ValueError):
    """A weights file does not fit the model."""


@dataclass(frozen=True)
class LoadReport:
    """What became of each name.

    Attributes:
        loaded: names in the file that were loaded.
        reinitialised: names that the model wanted and that kept their initial values.
        unused: names in the file that the model has no use for.
    """

    loaded: tuple[str, ...]
    reinitialised: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self):
        lines = [f"loaded {len(self.loaded)} arrays"]
        if self.reinitialised:
            lines.append(f"kept the initial values of {', '.join(self.reinitialised)}")
        if self.unused:
            lines.append(f"left unused {', '.join(self.unused)}")
        return "; ".join(lines)


def load_weights(model: keras.Model, source) -> LoadReport:
    """Load a safetensors file into a model whose layers bear the file's names.

    The classifier keeps its initial values where the file's has another number of classes; any
    other difference is an error, and then nothing is loaded.

    Args:
        model: a functional model of kzoo, or one with the same layer names.
        source: path of a `.safetensors` file.

    Returns:
        A `LoadReport`. Where not every array found its place, a warning says the same.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: names or shapes differ.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a keras.Model; received {model!r}.")
    arrays = read_arrays(source)
    plan = {layer: entries(layer) for layer in model.layers}
    names = {entry.source for layer_entries in plan.values() for entry in layer_entries}
    missing = sorted(names - set(arrays))
    unused = sorted(name for name in set(arrays) - names if name.rpartition(".")[2] not in COUNTERS)
    head = head_layers(model)
    if missing or (unused and head):
        raise WeightsError(
            f"{source} does not fit {model.name}: missing {_listed(missing)}; unexpected "
            f"{_listed(unused)}."
        )
    assignments, reinitialised = [], []
    for layer, layer_entries in plan.items():
        values = [entry.convert(arrays[entry.source]) for entry in layer_entries]
        if layer in head and _other_classes(layer_entries, values):
            reinitialised += [entry.source for entry in layer_entries]
            continue
        for entry, value in zip(layer_entries, values):
            if value.shape != tuple(entry.variable.shape):
                raise WeightsError(_shape_message(source, model, entry, value))
            assignments.append((entry, value))
    for entry, value in assignments:
        entry.variable.assign(value)
    report = LoadReport(
        loaded=tuple(entry.source for entry, _ in assignments),
        reinitialised=tuple(reinitialised),
        unused=tuple(unused),
    )
    if report.reinitialised or report.unused:
        warnings.warn(f"{source} into {model.name}: {report}.", stacklevel=2)
    return report


def _other_classes(layer_entries, values):
    """Whether the arrays are those of the same classifier for another number of classes."""
    shapes = [
        (value.shape, tuple(entry.variable.shape)) for entry, value in zip(layer_entries, values)
    ]
    return all(ours[:-1] == theirs[:-1] and ours[-1] != theirs[-1] for theirs, ours in shapes)


def _shape_message(source, model, entry, value):
    ours = tuple(entry.variable.shape)
    message = (
        f"{source} does not fit {model.name}: {entry.source} has shape {value.shape} in Keras's "
        f"layout, and the model's {entry.variable.path} has {ours}"
    )
    if len(ours) > 2 and ours[-2] != value.shape[-2] and ours[-1] == value.shape[-1]:
        message += (
            f": the file is for {value.shape[-2]} input channels and the model takes {ours[-2]}"
        )
    return message + "."


def _listed(names, most=6):
    if not names:
        return "nothing"
    listed = ", ".join(names[:most])
    return listed if len(names) <= most else f"{listed} and {len(names) - most} more"
