"""Several processes that train one model, each on its part of every batch (TensorFlow).

Every process runs Keras's ordinary `fit` on one device. What they share is added up by the
collectives of `tf.distribute.MultiWorkerMirroredStrategy`: gradients before the optimiser clips or
accumulates them, the sums of batch normalisation, and metrics at the end of an epoch. So weights
and history are those of one process with the same batches, to rounding.
"""

import contextlib
import dataclasses
import io
import json
import os
import signal
import threading
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kzoo import replicas
from kzoo.data import Pipeline
from kzoo.graph import all_parts
from kzoo.layers import BatchNormalization
from kzoo.training.feed import Feed, training_feed, validation_batches
from kzoo.training.folder import RunFolder, difference
from kzoo.training.recipe import Recipe
from kzoo.training.recorder import metric_variables

# The state of a random generator is two numbers, of which the first never changes.
_SEED_STRIDE = 0x9E3779B9
# Entries of a configuration that may differ between hosts.
_PLACES = ("versions", "data.data_dir", "data.name", "model.options.weights", "teacher")
# What TensorFlow says when a process has gone.
_GONE = ("Collective ops is aborted by", "Socket closed", "failed to connect", "UNAVAILABLE")


class WorkerError(ConnectionError):
    """Another worker has ended, or cannot be reached."""


def connect() -> bool:
    """Join the other workers that the variable TF_CONFIG names; return whether there are any.

    TF_CONFIG is that of TensorFlow: `{"cluster": {"worker": ["host:port", ...]}, "task": {"type":
    "worker", "index": 0}}`, a list that is the same in every process, and its own place in it. It
    returns when all have come. It must be called before TensorFlow is used; `train` does so.

    Raises:
        ValueError: TF_CONFIG cannot be read, or the backend is not TensorFlow.
        RuntimeError: TensorFlow has been used already.
        WorkerError: the others cannot be joined.
    """
    addresses, index = cluster()
    if len(addresses) < 2 or replicas.count() > 1:
        return replicas.count() > 1
    if keras.config.backend() != "tensorflow":
        raise ValueError(
            f"TF_CONFIG needs the TensorFlow backend; the backend is {keras.config.backend()}, "
            "unset one of them."
        )
    import tensorflow as tf

    _take_one_gpu(addresses, index)
    try:
        with _ended_by_ctrl_c():
            strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except tf.errors.OpError as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise WorkerError(
            f"worker {index} of {len(addresses)} could not join the others ({reason}); see that "
            f"TF_CONFIG names it alone, and that nothing listens at {addresses[index]} yet."
        ) from error
    replicas.join(strategy, index, len(addresses))
    return True


@contextlib.contextmanager
def _ended_by_ctrl_c():
    """Have Ctrl-C end this process at once while TensorFlow waits, as Python would not hear it."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) in (None, signal.SIG_IGN):
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def cluster() -> tuple[list[str], int]:
    """Return the addresses of all workers, the chief's first, and the place of this one."""
    text = os.environ.get("TF_CONFIG", "")
    if not text.strip():
        return [], 0
    try:
        config = json.loads(text)
        cluster, task = config.get("cluster", {}), config.get("task", {})
        others = sorted(set(cluster) - {"chief", "worker"})
        chiefs, workers = cluster.get("chief", []), cluster.get("worker", [])
        kind, index = task.get("type", "worker"), task.get("index", 0)
        place = index if kind == "chief" else len(chiefs) + index
        valid = kind in ("chief", "worker") and 0 <= index < max(1, len(cluster.get(kind, [])))
    except (json.JSONDecodeError, AttributeError, TypeError):
        valid, others = False, []
    if others or not valid:
        raise ValueError(
            'TF_CONFIG must be as {"cluster": {"worker": ["host:port", ...]}, "task": {"type": '
            f'"worker", "index": 0}}}}, with no tasks but workers and a chief; received {text}.'
        )
    return [*chiefs, *workers], place


def _take_one_gpu(addresses, index):
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        host = addresses[index].rpartition(":")[0]
        before = sum(address.rpartition(":")[0] == host for address in addresses[:index])
        tf.config.set_visible_devices(gpus[before % len(gpus)], "GPU")


class SharedModel(keras.Model):
    """A functional model whose batches are divided among the workers."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the loss of this worker's examples.

        Its gradient is their share in that of the whole batch, so that the sum over the workers is
        the gradient of the batch's mean, also where they have unequal numbers of examples.
        """
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not training:
            return loss
        examples = keras.ops.cast(keras.ops.shape(y_pred)[0], loss.dtype)
        [batch] = replicas.total([examples])
        share = loss * (examples / batch)
        return share + keras.ops.stop_gradient(loss - share)

    def get_metrics_result(self):
        """Return the metrics over the examples of all workers; in a step, of this one's."""
        import tensorflow as tf

        if not tf.executing_eagerly():
            return super().get_metrics_result()
        variables = metric_variables(self)
        own = [keras.ops.convert_to_numpy(variable) for variable in variables]
        sums = replicas.total_of_array(np.concatenate([np.ravel(a) for a in own]).astype("float64"))
        ends = np.cumsum([array.size for array in own])
        for variable, array, sum_ in zip(variables, own, np.split(sums, ends[:-1])):
            variable.assign(sum_.reshape(array.shape))
        result = super().get_metrics_result()
        for variable, array in zip(variables, own):
            variable.assign(array)
        return result


def shared_model(model: keras.Model) -> keras.Model:
    """Return the model to compile and fit, which has the layers of `model`.

    Raises:
        ValueError: a layer would have other statistics in every worker.
    """
    if replicas.count() == 1:
        return model
    for layer in all_parts(model):
        if isinstance(layer, keras.layers.BatchNormalization) and not isinstance(
            layer, BatchNormalization
        ):
            raise ValueError(
                f"{layer.name} is a keras.layers.BatchNormalization, whose statistics would differ "
                "between workers; use kzoo.layers.BatchNormalization, which takes the same "
                "arguments and weights."
            )
    return SharedModel(model.inputs, model.outputs, name=model.name)


def shared_optimizer(optimizer):
    """Have an optimiser begin with the sum of the gradients of all workers, and return it."""
    if replicas.count() == 1:
        return optimizer
    apply = optimizer.apply

    def apply_sum(grads, trainable_variables=None):
        return apply(replicas.total(grads), trainable_variables)

    optimizer.apply = apply_sum
    return optimizer


def check(recipe):
    """Refuse a recipe that several workers cannot follow.

    Raises:
        ValueError: it is so, or the workers are not connected.
    """
    addresses, _ = cluster()
    if replicas.count() == 1 and len(addresses) > 1:
        raise ValueError(
            f"TF_CONFIG names {len(addresses)} workers, which are not connected; call "
            "kzoo.training.connect() before TensorFlow is used, or unset TF_CONFIG."
        )
    if replicas.count() > 1 and recipe.xla == "on":
        raise ValueError("xla='on' does not go with several workers; leave it 'auto'.")
    if recipe.batch_size < replicas.count():
        raise ValueError(
            f"batch_size must be at least the number of workers ({replicas.count()}), who divide "
            f"it; received {recipe.batch_size}."
        )


def check_alike(config: Mapping[str, Any]):
    """Refuse workers of which one trains something else than the chief, by what its run would say.

    Raises:
        ValueError: it is so, in every worker; the one that differs says in what.
    """
    if replicas.count() == 1:
        return
    text = json.dumps(config).encode()
    chiefs = json.loads(from_chief({"config": np.frombuffer(text, np.uint8)})["config"].tobytes())
    found = difference(chiefs, config, _PLACES)
    others = np.zeros(replicas.count())
    others[replicas.index()] = found is not None
    others = replicas.total_of_array(others)
    if others.any():
        # One that ended at once could take the answer from those that have not read it yet.
        with contextlib.suppress(WorkerError), together():
            wait_for_all()
    if found is not None:
        name, theirs, ours = found
        raise ValueError(
            f"{name} is {ours!r} in worker {replicas.index()} and {theirs!r} in the chief; start "
            "all workers by the same command, with the same data."
        )
    if others.any():
        raise ValueError(
            f"worker {others.argmax()} was started with something else than the chief, in what it "
            "says itself; start all workers by the same command, with the same data."
        )


def silent(line: str):
    """Say nothing: what workers but the chief have to say."""


def run_folder(path, config, resume):
    """Return the run folder to write as a context; that of a worker but the chief is `None`."""
    return RunFolder(path, config, resume) if replicas.is_chief() else contextlib.nullcontext()


class Begin(keras.callbacks.Callback):
    """Begins every worker with the weights of the chief, and with random numbers of its own."""

    def on_train_begin(self, logs=None):
        if replicas.count() == 1:
            return
        variables = [*self.model.variables, *self.model.optimizer.variables]
        arrays = from_chief(
            {str(n): keras.ops.convert_to_numpy(variable) for n, variable in enumerate(variables)}
        )
        for variable, array in zip(variables, arrays.values()):
            if variable.name == "seed_generator_state":
                array = array + np.array([replicas.index() * _SEED_STRIDE, 0]).astype(array.dtype)
            variable.assign(array)


def from_chief(arrays: dict[str, np.ndarray] | None) -> Any:
    """Return the chief's arrays, or its `None`, in every worker."""
    if replicas.count() == 1:
        return arrays
    file = io.BytesIO()
    if replicas.is_chief() and arrays is not None:
        np.savez(file, allow_pickle=False, **arrays)
    words = np.frombuffer(file.getvalue() + b"\0" * (-file.tell() % 8), np.int64)
    [length] = replicas.total_of_array(np.array([len(words)]))
    if not length:
        return None
    words = replicas.total_of_array(words if replicas.is_chief() else np.zeros(length, np.int64))
    with np.load(io.BytesIO(words.tobytes()), allow_pickle=False) as archive:
        return dict(archive)


def wait_for_all():
    """Wait until every worker has come here."""
    replicas.total_of_array(np.zeros(1))


@contextlib.contextmanager
def together():
    """Raise `WorkerError` where TensorFlow tells that another worker has gone."""
    try:
        yield
    except Exception as error:
        if replicas.count() == 1 or not _is_of_a_lost_worker(error):
            raise
        raise WorkerError(
            f"worker {replicas.index()} of {replicas.count()} has lost another worker, so the "
            "training ended; start all of them again, with resume=True where the run folder is "
            "there."
        ) from error


def _is_of_a_lost_worker(error):
    import tensorflow as tf

    is_tensorflows = isinstance(error, (tf.errors.OpError, RuntimeError))
    return is_tensorflows and any(sign in str(error) for sign in _GONE)


def own_feed(data, recipe: Recipe, classes: int) -> Feed:
    """Return the feed of this worker's part of every batch: rows `index::count` of it.

    A batch with fewer rows than workers goes to each of them whole, as a step on no rows at all is
    beyond TensorFlow's kernels; a `Pipeline` leaves it out.
    """
    if replicas.count() > 1 and isinstance(data, Pipeline):
        data = dataclasses.replace(data, shard=(replicas.index(), replicas.count()))
        return training_feed(data, recipe, classes)
    feed = training_feed(data, recipe, classes)
    if replicas.count() == 1:
        return feed
    stream = feed.stream
    return dataclasses.replace(feed, stream=lambda *first: _part(stream(*first)))


def own_validation(data, batch_size: int, feed: Feed, classes: int) -> dict[str, Any]:
    """Return this worker's part of validation data as what `keras.Model.fit` takes."""
    taken = validation_batches(data, batch_size, feed, classes)
    if replicas.count() == 1 or not taken:
        return taken
    return taken | {"validation_data": _part(taken["validation_data"])}


def _part(batches):
    if isinstance(batches, tuple):
        return _rows(*batches)
    if isinstance(batches, keras.utils.PyDataset):
        return _Part(batches)
    return batches.map(_rows)


def _rows(*batch):
    """Return this worker's rows of the arrays or tensors of a batch."""
    if isinstance(batch[0], np.ndarray):
        few = len(batch[0]) < replicas.count()
        return batch if few else tuple(a[replicas.index() :: replicas.count()] for a in batch)
    import tensorflow as tf

    size = tf.shape(batch[0])[0]
    few = size < replicas.count()
    rows = tf.range(tf.where(few, 0, replicas.index()), size, tf.where(few, 1, replicas.count()))
    return tuple(tf.gather(part, rows) for part in batch)


class _Part(keras.utils.PyDataset):
    """This worker's part of every batch of a `PyDataset`."""

    def __init__(self, batches):
        super().__init__(batches.workers, batches.use_multiprocessing, batches.max_queue_size)
        self.batches = batches

    @property
    def num_batches(self):
        return self.batches.num_batches

    def __getitem__(self, index):
        return _rows(*self.batches[index])

    def on_epoch_begin(self):
        self.batches.on_epoch_begin()

    def on_epoch_end(self):
        self.batches.on_epoch_end()
