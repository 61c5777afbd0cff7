"""The weights that keras.applications publishes, by layer name.

Keras downloads and reads its own files, and checks their digests where it knows them. The arrays
are then named as those of a file of Keras 3, see `kzoo.weights.keras_files`.
"""

from collections import defaultdict

import keras
import numpy as np

from kzoo.graph import expand, head_layers
from kzoo.weights.errors import WeightsError

PREFIX = "keras:"


def layer_names(model: keras.Model) -> dict:
    """Return the name in kzoo of every layer and operation of a model of keras.applications.

    It is Keras's own, but for those that Keras numbers through all the models of a session, such as
    "conv2d_97": their numbers start from none, as they do in the session's first model. The
    classifier "predictions", which kzoo parts from its activation, is "logits".
    """
    names = {operation: operation.name for operation in model.operations}
    numbered = defaultdict(list)
    for operation in model.operations:
        stem, _, number = operation.name.rpartition("_")
        if not number.isdigit():
            stem, number = operation.name, "0"
        if stem.replace("_", "") == type(operation).__name__.lower():
            numbered[stem].append((int(number), operation))
    for stem, found in numbered.items():
        for index, (_, operation) in enumerate(sorted(found, key=lambda entry: entry[0])):
            names[operation] = f"{stem}_{index}" if index else stem
    return {
        operation: "logits"
        if name == "predictions" and isinstance(operation, keras.layers.Dense)
        else name
        for operation, name in names.items()
    }


def published_arrays(source, model: keras.Model) -> dict[str, np.ndarray]:
    """Return the arrays of the weights "keras:function" by name, as a `.weights.h5` file's.

    Args:
        source: the `kzoo.weights.sources.Source` of those weights.
        model: what they are for; without a classifier, Keras's smaller file does.

    Raises:
        WeightsError: Keras could not fetch them, or they expect another normalised input than the
            source says.
    """
    from kzoo.applications.keras_applications import VARIANTS

    function = source.place.removeprefix(PREFIX)
    size = VARIANTS[f"keras_{function.lower()}"].size
    last = keras.config.image_data_format() == "channels_last"
    try:
        published = getattr(keras.applications, function)(
            include_top=bool(head_layers(model)),
            weights="imagenet",
            input_shape=(size, size, 3) if last else (3, size, size),
        )
    except Exception as error:  # Keras raises no narrower one where a download fails.
        raise WeightsError(
            f"keras.applications.{function} did not give its weights: {error}"
        ) from error
    published = expand(published)
    names = layer_names(published)
    arrays = {}
    for layer in published.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            _check_normalisation(layer, published, source)
            continue
        for index, value in enumerate(layer.get_weights()):
            arrays[f"{names[layer]}/{index}"] = value
    return arrays


def _check_normalisation(layer, published, source):
    """Refuse weights, EfficientNet's, whose own normalisation is not that of the source."""
    rescalings = [x for x in published.layers if isinstance(x, keras.layers.Rescaling)]
    before, *after = [np.asarray(rescaling.scale) for rescaling in rescalings]
    mean, variance, _ = layer.get_weights()
    mean, std = mean / (255 * before), variance**0.5 / (255 * before)
    for factor in after:
        std = std / factor
    if not np.allclose([mean, std], [source.mean, source.std], atol=1e-4):
        raise WeightsError(
            f"{source.place} normalises its input with mean {mean} and std {std}; kzoo expects "
            f"{source.mean} and {source.std}."
        )
