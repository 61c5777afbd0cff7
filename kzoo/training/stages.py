"""What of a network is trained, and how fast: freezing, and learning rates by depth."""

import contextlib

import keras

from kzoo.graph import all_parts, calls, expand, head_layers, model_calls
from kzoo.surgery.features import level_tensors
from kzoo.surgery.freezing import freeze


@contextlib.contextmanager
def trainability_kept(model: keras.Model):
    """Give a model and every layer of it its `trainable` back in the end."""
    before = [(layer, layer.trainable) for layer in (model, *all_parts(model))]
    try:
        yield
    finally:
        # Again and again, as setting a layer sets its parts, which others may share.
        while differ := [pair for pair in before if pair[0].trainable != pair[1]]:
            for layer, trainable in differ:
                layer.trainable = trainable


def hold(model: keras.Model, what: str | None, norm: bool):
    """Hold a part of a model fixed.

    Args:
        model: the model; it has its `head_layers` where `what` is "backbone".
        what: "backbone" for all but the head, else as for `kzoo.freeze`; `None` for nothing.
        norm: whether to hold batch normalisation too, everywhere.
    """
    if what is not None:
        freeze(model, None if what == "backbone" else what)
    if norm:
        for layer in all_parts(model):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False


def check_freezing(model: keras.Model, recipe):
    """Refuse a recipe that holds fixed what the model does not have, or everything.

    Raises:
        ValueError: its `freeze` or `frozen_epochs` is so.
    """
    if recipe.frozen_epochs and not head_layers(expand(model)):
        raise ValueError(
            f"frozen_epochs needs a model that ends in a layer 'predictions', to train its head; "
            f"{model.name} does not, leave it 0."
        )
    with trainability_kept(model):
        hold(model, recipe.freeze, recipe.freeze_norm)
        if recipe.freeze is not None and not model.trainable_weights:
            raise ValueError(
                f"freeze must leave a part of {model.name} to train; received {recipe.freeze!r}, "
                "name an earlier layer."
            )


def rates_by_depth(model: keras.Model, decay: float) -> dict[str, float]:
    """Return each variable's share of the learning rate, by its path.

    The head has 1, what leads to the coarsest level of `kzoo.feature_extractor` and not to the
    next `decay`, the stage before that `decay` squared, and so on.

    Raises:
        ValueError: the model has no feature levels.
    """
    flat = expand(model)
    levels = list(level_tensors(flat).values())
    if not levels:
        raise ValueError(
            f"layer_decay needs a network with feature levels; {model.name} has none, leave it 1."
        )
    inputs = {id(x) for x in flat.inputs}
    shares: dict[str, float] = {}
    for depth, tensor in enumerate(levels):
        _add(shares, calls([tensor], inputs), decay ** (len(levels) - depth))
    if head := head_layers(flat):
        _add(shares, [node for node in model_calls(flat) if node.operation not in head], decay)
    _add(shares, model_calls(flat), 1.0)
    return shares


def _add(shares, nodes, share):
    for node in nodes:
        # Frozen ones too: the recipe may free them.
        for variable in getattr(node.operation, "weights", ()):
            shares.setdefault(variable.path, share)
