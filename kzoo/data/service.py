"""Training batches that other processes make, on this machine or others, by tf.data service.

Batches are made in Python, which no process but its own can run. So each server is a dispatcher and
a worker of tf.data service in one, has the data set itself, and registers the batches of the same
pipeline that the trainer has; the trainer takes batch s from server s modulo their number. They
are the batches, in the order, that the trainer would have made.
"""

import contextlib
import dataclasses
import hashlib
import importlib.util
import itertools
import queue
import re
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kzoo import __version__
from kzoo.data.arrays import Arrays
from kzoo.data.pipeline import Pipeline
from kzoo.layers._args import integer

if TYPE_CHECKING:
    import tensorflow as tf

# Seconds until a server must be there, and between looks at one that sends nothing.
_PATIENCE, _LOOK = 60, 2
# Batches read ahead from each server, beside what tf.data service does.
_AHEAD = 2
# Epochs whose image sizes must agree.
_LONGEST = 1000
_ADDRESS = re.compile(r"([^\s:/]+|\[[0-9a-fA-F:]+\]):([0-9]{1,5})")


class DataServiceError(ConnectionError):
    """A server of batches cannot be reached, has ended, or serves others."""


@dataclasses.dataclass(frozen=True)
class ServedPipeline(Pipeline):
    """A pipeline whose `stream` is made by servers.

    Args:
        addresses: "host:port" of every server; all of them, and the trainer, need the same.
    """

    _: dataclasses.KW_ONLY
    addresses: tuple[str, ...] = ()

    def __post_init__(self):
        super().__post_init__()
        if isinstance(self.addresses, str) or not self.addresses:
            raise TypeError(
                "data_service must be a sequence of addresses 'host:port', one at least; received "
                f"{self.addresses!r}."
            )
        for address in self.addresses:
            if not (isinstance(address, str) and _ADDRESS.fullmatch(address)):
                raise ValueError(f"data_service must be 'host:port'; received {address!r}.")
        if importlib.util.find_spec("tensorflow") is None:
            raise ValueError(
                "data_service needs TensorFlow, which is not installed; leave it out, so that this "
                "process makes its batches."
            )

    @classmethod
    def of(cls, pipeline: Pipeline, addresses) -> "ServedPipeline":
        """Return the like of a pipeline, served at `addresses`."""
        fields = {f.name: getattr(pipeline, f.name) for f in dataclasses.fields(pipeline)}
        if not isinstance(addresses, str):
            addresses = tuple(addresses)
        return cls(**fields, addresses=addresses)

    def stream(self, first_epoch: int = 0, first_step: int = 0) -> "tf.data.Dataset":
        """Return the batches of `first_epoch`, `first_epoch` + 1 and so on, from the servers.

        Those before `first_step`, where it begins in `first_epoch`, are made in vain.

        Raises:
            DataServiceError: a server is not there, or was started for other batches.
        """
        from kzoo.data.tf_data import in_turn

        integer(first_epoch, "first_epoch", minimum=0)
        integer(first_step, "first_step", minimum=0)
        return in_turn(self, _Servers(self, first_epoch).batch).skip(first_step)

    def identity(self, first_epoch: int, place: int) -> str:
        """Return a name for what the server at `place` sends from `first_epoch` on.

        It differs where any batch would.
        """
        spec = self.spec
        made_by = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(Pipeline)
            if field.name not in ("source", "cache", "sizes", "multiple")
        }
        epochs = range(first_epoch, first_epoch + _LONGEST)
        sizes = None if self.sizes is None else [self.sizes(epoch) for epoch in epochs]
        data = Path(spec.name).name, spec.class_names, sorted(spec.splits.items())
        files = sorted(self.source.digests.items())
        parts = __version__, data, files, made_by, sizes, len(self.addresses), place, first_epoch
        return hashlib.sha256(repr(parts).encode()).hexdigest()


@contextlib.contextmanager
def serving(pipeline: ServedPipeline, place: int, epochs: int, workers: int = 1) -> Iterator[None]:
    """Serve batches while the block runs, to trainers that begin at any epoch.

    Nothing is encrypted and nobody is asked for a password: this is for a network of your own.

    Args:
        pipeline: The pipeline of the trainers.
        place: Which of its addresses is that of this process, from 0.
        epochs: Epochs of the training.
        workers: Processes of the training, which divide every batch. One that takes them whole, as
            on JAX whatever its devices, is served as well.

    Raises:
        TypeError, ValueError: an argument cannot be.
        DataServiceError: something else listens at the address, or it is another machine's.
    """
    import tensorflow as tf

    from kzoo.data.tf_data import endless

    integer(place, "serve_data", minimum=0)
    integer(workers, "workers")
    if place >= len(pipeline.addresses):
        raise ValueError(
            f"serve_data must be below the number of addresses of data_service "
            f"({len(pipeline.addresses)}); received {place}."
        )
    address = pipeline.addresses[place]
    host, _, port = address.rpartition(":")
    if _answers(address):
        raise DataServiceError(f"something listens at {address} already; give another port.")
    pipeline.prepare()
    service = tf.data.experimental.service
    dispatcher = service.DispatchServer(service.DispatcherConfig(port=int(port)))
    if not _answers(address):
        raise DataServiceError(
            f"{address} does not lead to this process; give serve_data={place} where it does."
        )
    config = service.WorkerConfig(dispatcher_address=address, worker_address=f"{host}:%port%")
    worker = service.WorkerServer(config)
    parts = [_part(pipeline, *shard) for shard in {(0, 1), *((i, workers) for i in range(workers))}]
    # TensorFlow calls Python as long as these live.
    registered = []
    for epoch, part in itertools.product(range(epochs), parts):
        batches = endless(part, epoch, place, len(pipeline.addresses))
        name = part.identity(epoch, place)
        service.register_dataset(_url(address), batches, compression=None, dataset_id=name)
        registered.append(batches)
    try:
        yield
    finally:
        del worker, dispatcher


def _part(pipeline, index, count):
    """Return the pipeline of one of `count` processes; what is held in memory is held once."""
    part = dataclasses.replace(pipeline, shard=(index, count))
    vars(part)["_reader"] = pipeline._reader
    return part


class _Servers:
    """The servers of a pipeline, read in turn."""

    def __init__(self, pipeline, first_epoch):
        self._addresses = pipeline.addresses
        self._batches = [
            _connect(address, pipeline, pipeline.identity(first_epoch, place))
            for place, address in enumerate(self._addresses)
        ]
        self._readers = []

    def batch(self, index: int) -> Arrays:
        """Return a batch, counted from the first; 0 begins again, others come in their order."""
        if index == 0:
            self._readers = [
                _ReadAhead(address, batches)
                for address, batches in zip(self._addresses, self._batches)
            ]
        return self._readers[index % len(self._readers)].next()


class _ReadAhead:
    """The batches of a server, read ahead by a thread.

    TensorFlow would wait without end for a server that has gone, and only the thread does.
    """

    def __init__(self, address, batches):
        self._address = address
        self._queue: queue.Queue = queue.Queue(_AHEAD)
        ended = threading.Event()
        weakref.finalize(self, ended.set)
        threading.Thread(target=_read, args=(batches, self._queue, ended), daemon=True).start()

    def next(self):
        while True:
            try:
                got = self._queue.get(timeout=_LOOK)
            except queue.Empty:
                if _answers(self._address):
                    continue
                got = "has ended or cannot be reached"
            if isinstance(got, str):
                # tf.data reads ahead after an error, too.
                self._queue.put_nowait(got)
                raise DataServiceError(
                    f"the server of batches at {self._address} {got}; start it again, and the "
                    "training with --resume (resume=True)."
                )
            return got


def _read(batches, into, ended):
    """Put batches into a queue until `ended` is set; what goes wrong is put there as text."""

    def put(item):
        while not ended.is_set():
            with contextlib.suppress(queue.Full):
                return into.put(item, timeout=_LOOK)

    try:
        for batch in batches.as_numpy_iterator():
            put(batch)
            if ended.is_set():
                return
        put("has ended")
    except Exception as error:
        put(f"could not make a batch ({str(error).splitlines()[0]})")


def _connect(address, pipeline, name) -> "tf.data.Dataset":
    """Return what the server at `address` sends under a name; wait until it is there."""
    import tensorflow as tf

    service = tf.data.experimental.service
    spec = tuple(tf.TensorSpec(part.shape, part.dtype) for part in pipeline.batch_spec)
    limit = time.monotonic() + _PATIENCE
    while True:
        problem = f"there is no server of batches at {address}; start it by the same command"
        if _answers(address):
            problem = f"the server at {address} makes other batches; start it by the same command"
            with contextlib.suppress(tf.errors.NotFoundError):
                return service.from_dataset_id(
                    service.ShardingPolicy.OFF, _url(address), name, element_spec=spec
                )
        if time.monotonic() > limit:
            raise DataServiceError(f"{problem}, with --serve-data.")
        time.sleep(0.5)


def _answers(address):
    """Return whether something listens at an address."""
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError):
        socket.create_connection((host.strip("[]"), int(port)), timeout=_LOOK).close()
        return True
    return False


def _url(address):
    return f"grpc://{address}"
