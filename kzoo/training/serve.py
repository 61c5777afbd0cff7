"""Making the batches of a training that runs in another process."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from kzoo.data import ServedPipeline, open_source, serving
from kzoo.training.recipe import Recipe
from kzoo.training.setup import Setup, Start, splits_of
from kzoo.training.train import given_recipe
from kzoo.training.workers import silent


def serve_data(
    model_name: str,
    data,
    place: int,
    *,
    data_service: Sequence[str],
    workers: int = 1,
    recipe: Recipe | str | Mapping[str, Any] | None = None,
    weights=None,
    conv="standard",
    model_options: dict[str, Any] | None = None,
    data_dir=None,
    download: bool = False,
    skip_unreadable: bool = False,
    say=print,
) -> None:
    """Make training batches for `train`, called elsewhere with the same arguments, until Ctrl-C.

    Args:
        model_name: as for `train`, like all that are not named here.
        data: the same data; this process has its own copy of it or the same network folder.
        place: which of the addresses is that of this process, from 0.
        data_service: addresses "host:port" of all such processes, as `train` has them.
        workers: number of all processes that train.
        say: function that takes the line that says that all is ready.

    Raises:
        TypeError, ValueError: an argument that cannot be.
        DataServiceError: something else listens at the address.
    """
    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")
    start = Start.of(model_name, weights)
    given = given_recipe(recipe)
    source = open_source(
        data, download=download, data_dir=data_dir, skip_unreadable=skip_unreadable
    )
    setup = Setup.of(start, source.spec, given, conv=conv, model_options=model_options, say=silent)
    pipeline, _ = setup.pipelines(source, splits_of(source, setup.recipe.validation_split))
    served = ServedPipeline.of(pipeline, data_service)
    with serving(served, place, setup.recipe.epochs, workers):
        say(
            f"batches for {workers} worker{'s' * (workers > 1)} of {model_name} are served at "
            f"{data_service[place]}; Ctrl-C ends it"
        )
        threading.Event().wait()
